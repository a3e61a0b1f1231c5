package dev.jvisor.guest.asm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.guest.HostCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;

/** Collects instructions as text and as calls, and compares what GNU as and the assembler make of them. */
final class GnuAsOracle {
    private static final int SLOT = 32;

    private final Mode mode;
    private final List<String> texts = new ArrayList<>();
    private final List<byte[]> bytes = new ArrayList<>();

    GnuAsOracle(Mode mode) {
        this.mode = mode;
    }

    /** One instruction in Intel syntax, and the call that should give the same bytes. */
    void add(String text, Consumer<Assembler> call) {
        Assembler a = new Assembler(0, mode);
        call.accept(a);
        texts.add(text);
        bytes.add(a.assemble());
    }

    int size() {
        return texts.size();
    }

    void verify(Path directory) throws IOException, InterruptedException {
        Assumptions.assumeTrue(HostCommand.isPresent("as") && HostCommand.isPresent("objcopy"), "GNU binutils (as, objcopy) are not installed");
        StringBuilder source = new StringBuilder(".intel_syntax noprefix\n.text\n");
        source.append(mode == Mode.BITS16 ? ".code16\n" : mode == Mode.BITS32 ? ".code32\n" : ".code64\n");
        for (String text : texts) {
            source.append(text).append("\n.balign ").append(SLOT).append(", 0xcc\n");
        }
        Path s = directory.resolve("code.s");
        Path o = directory.resolve("code.o");
        Path bin = directory.resolve("code.bin");
        Files.writeString(s, source);
        HostCommand.Result as = HostCommand.run(60, List.of("as", mode == Mode.BITS64 ? "--64" : "--32", "-o", o.toString(), s.toString()));
        assertEquals(0, as.exitCode(), as.output());
        assertEquals(0, HostCommand.run(60, List.of("objcopy", "-O", "binary", "-j", ".text", o.toString(), bin.toString())).exitCode());
        byte[] expected = Files.readAllBytes(bin);
        StringBuilder differences = new StringBuilder();
        for (int i = 0; i < texts.size(); i++) {
            byte[] slot = new byte[SLOT];
            System.arraycopy(expected, i * SLOT, slot, 0, SLOT);
            byte[] ours = new byte[SLOT];
            java.util.Arrays.fill(ours, (byte) 0xCC);
            System.arraycopy(bytes.get(i), 0, ours, 0, bytes.get(i).length);
            if (!java.util.Arrays.equals(slot, ours)) {
                differences.append(mode).append(' ').append(texts.get(i)).append("\n  as   ").append(hex(slot))
                        .append("\n  here ").append(hex(ours)).append('\n');
            }
        }
        assertTrue(differences.isEmpty(), differences.toString());
    }

    private static String hex(byte[] slot) {
        return HexFormat.ofDelimiter(" ").formatHex(slot).replaceAll("( cc)+$", "");
    }
}
