package dev.jvisor.vmm.x86;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Assembles test programs with the GNU assembler, Intel syntax. */
final class GnuAs {
    private static final Map<String, byte[]> KNOWN = new ConcurrentHashMap<>();

    private GnuAs() { }

    static boolean available() {
        return Files.isExecutable(Path.of("/usr/bin/as")) && Files.isExecutable(Path.of("/usr/bin/objcopy"));
    }

    /** {@return machine code} @param bits 16, 32 or 64 @param source without directives for syntax and code size */
    static byte[] assemble(int bits, String source) {
        return KNOWN.computeIfAbsent(bits + ":" + source, k -> assembleNow(bits, source)).clone();
    }

    private static byte[] assembleNow(int bits, String source) {
        try {
            Path dir = Files.createTempDirectory("jvisor-as");
            Path s = dir.resolve("a.s");
            Path o = dir.resolve("a.o");
            Path bin = dir.resolve("a.bin");
            try {
                Files.writeString(s, ".intel_syntax noprefix\n.code" + bits + "\n" + source + "\n");
                run("as", "--64", "-o", o.toString(), s.toString());
                run("objcopy", "-O", "binary", "-j", ".text", o.toString(), bin.toString());
                return Files.readAllBytes(bin);
            } finally {
                for (Path p : new Path[] {s, o, bin, dir}) {
                    Files.deleteIfExists(p);
                }
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (p.waitFor() != 0) {
            throw new IOException(command[0] + ": " + text);
        }
    }
}
