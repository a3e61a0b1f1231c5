package dev.jvisor.vmm.x86.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.fpu.X87Ops;
import dev.jvisor.vmm.x86.ops.IntegerOps;
import dev.jvisor.vmm.x86.simd.SimdOps;
import dev.jvisor.vmm.x86.system.SystemOps;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Lengths of instructions as the decoder finds them, beside those that objdump prints for programs of this machine. */
class DecodeLengthTest {
    private static final int MOST = Integer.getInteger("jvisor.instructions", 60_000);

    private final OpcodeTable table = new OpcodeTable();
    private final MemorySegment ram = Arena.ofAuto().allocate(1 << 16, 4096);
    private final Cpu cpu;
    private final Decoder decoder;

    DecodeLengthTest() {
        IntegerOps.register(table);
        SystemOps.register(table);
        X87Ops.register(table);
        SimdOps.register(table);
        GpaSpace gpa = new GpaSpace(ram);
        gpa.mapRam(0, 1 << 16);
        cpu = new Cpu(0, gpa, null, null, () -> 0, 1_000_000_000);
        decoder = new Decoder(cpu, table);
    }

    @Test
    void agreesWithObjdumpOnRealPrograms() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/objdump")), "objdump is not installed");
        List<Path> programs = new ArrayList<>();
        for (String p : new String[] {"/usr/bin/objdump", "/usr/bin/bash", "/usr/bin/busybox", "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/lib/x86_64-linux-gnu/libm.so.6"}) {
            if (Files.isReadable(Path.of(p))) {
                programs.add(Path.of(p));
            }
        }
        List<String> wrong = new ArrayList<>();
        TreeMap<String, Integer> unknown = new TreeMap<>();
        int seen = 0;
        for (Path p : programs) {
            seen += check(p, wrong, unknown);
        }
        assertTrue(seen > 1000, "instructions seen: " + seen);
        assertEquals(List.of(), wrong, "of " + seen);
        // What the host's library uses and this CPU does not offer is AVX, TSX, shadow stacks and protection keys.
        unknown.keySet().removeIf(n -> n.startsWith("v") || n.startsWith("k") || n.startsWith("{evex}") || n.startsWith("xabort")
                || n.startsWith("xbegin") || n.startsWith("xend") || n.startsWith("xtest") || n.startsWith("(bad)") || n.matches("incssp.|rdpkru|wrpkru"));
        assertEquals(new TreeMap<>(), unknown);
    }

    private int check(Path program, List<String> wrong, TreeMap<String, Integer> unknown) throws IOException, InterruptedException {
        Process p = new ProcessBuilder("objdump", "-d", "-j", ".text", "-w", "-M", "intel", program.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        int count = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null && count < MOST; line = in.readLine()) {
                String[] parts = line.split("\t");
                if (parts.length < 3 || parts[2].contains("(bad)") || parts[2].startsWith("data16") || parts[2].matches("(rex|[cdefgs]s|fwait).*")) {
                    // Prefixes that objdump shows as instructions of their own.
                    continue;
                }
                count++;
                byte[] bytes = HexFormat.of().parseHex(parts[1].replace(" ", ""));
                int length = length(bytes);
                String name = parts[2].trim().split("\\s+")[0];
                if (length < 0) {
                    unknown.merge(name, 1, Integer::sum);
                } else if (length != bytes.length && wrong.size() < 50) {
                    wrong.add(program.getFileName() + ": " + line + " decoded as " + length);
                }
            }
        }
        p.destroy();
        p.waitFor();
        return count;
    }

    private int length(byte[] bytes) {
        MemorySegment.copy(bytes, 0, ram, ValueLayout.JAVA_BYTE, 0x1000, bytes.length);
        ram.asSlice(0x1000 + bytes.length, 16).fill((byte) 0x90);
        Insn i = new Insn();
        int outcome = decoder.decode(i, 0x1000, 0x1000, 0x1000, Cpu.MODE_LONG | Cpu.MODE_FLAT | Cpu.MODE_STACK32 | 2, true, new CallUop(null));
        return outcome == Decoder.OK ? i.len : -1;
    }
}
