package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.IntegerForms.Form;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Integer instructions, alone and in sequences, beside the same bytes on the host's processor. */
class IntegerNativeTest {
    private static final long SEED = Long.getLong("jvisor.seed", 20261122L);
    private static final int CASES = Integer.getInteger("jvisor.cases", 24);
    private static final int SEQUENCES = Integer.getInteger("jvisor.sequences", 1500);
    private static final int STATUS = 0x8D5;
    private static final int DF = 0x400;
    private static final String[] NAMES = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};

    @TempDir
    Path dir;

    private record Code(String text, int undefined, byte[] bytes) { }

    @Test
    void everyFormDoesAsTheHostsProcessorDoes() throws Exception {
        assumeHost();
        compare(assemble(new IntegerForms(SEED).each()), CASES);
    }

    @Test
    void sequencesDoAsTheHostsProcessorDoes() throws Exception {
        assumeHost();
        IntegerForms forms = new IntegerForms(SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        List<Form> sequences = new ArrayList<>();
        for (int k = 0; k < SEQUENCES; k++) {
            StringBuilder text = new StringBuilder();
            int af = 0;
            for (int n = random.nextInt(2, 8); n > 0; n--) {
                Form f = forms.defined();
                // What AF is after a logic operation is not defined; a later LAHF or PUSHF would show it.
                if (af != 0 && (f.text().contains("lahf") || f.text().contains("pushf"))) {
                    continue;
                }
                af |= f.undefined();
                text.append(f.text()).append(';');
            }
            sequences.add(new Form(text.toString(), af));
        }
        compare(assemble(sequences), 4);
    }

    private static void assumeHost() {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the host is not x86-64");
        assumeTrue(GnuAs.available() && Files.isExecutable(Path.of("/usr/bin/gcc")), "gcc and the GNU assembler are not installed");
    }

    /** All forms in one run of the assembler: each in a slot that begins with its length. */
    private static List<Code> assemble(List<Form> forms) {
        StringBuilder s = new StringBuilder();
        for (Form f : forms) {
            s.append(".balign 128,0xF4\n.byte 88f-77f\n77: ").append(f.text().replace(";", "\n")).append("\n88: hlt\n");
        }
        s.append(".balign 128,0xF4\n");
        byte[] all = GnuAs.assemble(64, s.toString());
        List<Code> codes = new ArrayList<>();
        for (int k = 0; k < forms.size(); k++) {
            int length = all[128 * k];
            byte[] b = new byte[length];
            System.arraycopy(all, 128 * k + 1, b, 0, length);
            codes.add(new Code(forms.get(k).text(), forms.get(k).undefined(), b));
        }
        return codes;
    }

    private void compare(List<Code> codes, int cases) throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        List<ByteBuffer> records = new ArrayList<>();
        for (Code c : codes) {
            for (int k = 0; k < cases; k++) {
                records.add(state(random, c));
            }
        }
        List<ByteBuffer> expected = new NativeRunner(dir).run(records);
        TestMachine m = new TestMachine();
        StringBuilder wrong = new StringBuilder();
        int count = 0;
        Code failed = null;
        for (int k = 0; k < records.size(); k++) {
            Code c = codes.get(k / cases);
            if (c == failed) {
                continue;
            }
            String d = difference(expected.get(k), software(m, records.get(k)), c);
            if (!d.isEmpty()) {
                failed = c;
                if (count++ < 40) {
                    wrong.append(c.text).append("\n  from").append(registers(records.get(k))).append('\n').append(d);
                }
            }
        }
        assertEquals("", wrong.toString(), count + " of " + codes.size() + " differ, seed=" + SEED);
    }

    private static long value(SplittableRandom random) {
        return switch (random.nextInt(8)) {
            case 0 -> new long[] {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0x80000000L, 0x7FFFFFFFL, 0xFFFFFFFFL, 0x8000, 0x80, 0x7F}[random.nextInt(11)];
            case 1 -> random.nextInt(-300, 300);
            case 2 -> random.nextInt();
            case 3 -> random.nextInt() & 0xFFFFFFFFL;
            default -> random.nextLong();
        };
    }

    private static ByteBuffer state(SplittableRandom random, Code c) {
        ByteBuffer b = NativeRunner.record();
        for (int k = 0; k < 16; k++) {
            b.putLong(8 * k, value(random));
        }
        if (random.nextInt(4) == 0) {
            // So that divisions succeed now and then.
            b.putLong(16, random.nextInt(3) - 1);
        }
        b.putLong(8 * 4, NativeRunner.DATA + 400);
        b.putLong(8 * 6, NativeRunner.DATA + 128);
        b.putLong(8 * 7, NativeRunner.DATA + 192);
        b.putLong(8 * 9, random.nextInt(16));
        b.putLong(128, 0x202 | random.nextInt() & STATUS);
        for (int k = 0; k < NativeRunner.DATA_SIZE; k += 8) {
            b.putLong(144 + k, value(random));
        }
        b.putLong(144 + NativeRunner.DATA_SIZE, c.bytes.length);
        b.put(152 + NativeRunner.DATA_SIZE, c.bytes);
        return b;
    }

    private static ByteBuffer software(TestMachine m, ByteBuffer in) {
        VpState s = TestMachine.long64();
        s.idtLimit = 0;
        for (int k = 0; k < 16; k++) {
            s.gpr[k] = in.getLong(8 * k);
        }
        // User code with IOPL 0 and IF set: but in ring 0, so that HLT ends it.
        s.rflags = in.getLong(128);
        s.rip = NativeRunner.CODE;
        byte[] data = new byte[NativeRunner.DATA_SIZE];
        in.get(144, data);
        m.gpa.write(NativeRunner.DATA, data);
        int length = (int) in.getLong(144 + data.length);
        byte[] code = new byte[length + 1];
        in.get(152 + data.length, code, 0, length);
        code[length] = (byte) 0xF4;
        m.gpa.write(NativeRunner.CODE, code);
        SoftwareVp vp = (SoftwareVp) m.vps.getFirst();
        vp.setState(s);
        VpExit exit = vp.run(m);
        if (exit == VpExit.INTERNAL_ERROR) {
            throw new IllegalStateException(vp.explain());
        }
        vp.getState(s);
        ByteBuffer out = NativeRunner.record();
        for (int k = 0; k < 16; k++) {
            out.putLong(8 * k, s.gpr[k]);
        }
        out.putLong(128, s.rflags);
        out.putLong(136, exit == VpExit.SHUTDOWN ? 1 : 0);
        for (int k = 0; k < data.length; k++) {
            out.put(144 + k, (byte) m.gpa.read8(NativeRunner.DATA + k));
        }
        return out;
    }

    private static String difference(ByteBuffer expected, ByteBuffer got, Code c) {
        StringBuilder s = new StringBuilder();
        // The first fault of a triple fault is not kept: all that is known is that there was one.
        boolean faulted = expected.getLong(136) != 0;
        if (faulted != (got.getLong(136) != 0)) {
            s.append(String.format("  vector plus 1: native %d software %d%n", expected.getLong(136), got.getLong(136)));
        }
        for (int k = 0; k < 16; k++) {
            if (expected.getLong(8 * k) != got.getLong(8 * k)) {
                s.append(String.format("  %s: native %016x software %016x%n", NAMES[k], expected.getLong(8 * k), got.getLong(8 * k)));
            }
        }
        long mask = (STATUS | DF) & ~c.undefined;
        if (!faulted && ((expected.getLong(128) ^ got.getLong(128)) & mask) != 0) {
            s.append(String.format("  flags: native %x software %x (compared %x)%n", expected.getLong(128) & mask, got.getLong(128) & mask, mask));
        }
        for (int k = 0; k < NativeRunner.DATA_SIZE; k += 8) {
            if (expected.getLong(144 + k) != got.getLong(144 + k)) {
                s.append(String.format("  data+%d: native %016x software %016x%n", k, expected.getLong(144 + k), got.getLong(144 + k)));
            }
        }
        return s.toString();
    }

    private static String registers(ByteBuffer b) {
        StringBuilder s = new StringBuilder();
        for (int k = 0; k < 16; k++) {
            s.append(' ').append(NAMES[k]).append('=').append(Long.toHexString(b.getLong(8 * k)));
        }
        return s.append(" flags=").append(Long.toHexString(b.getLong(128))).toString();
    }
}
