package dev.jvisor.vmm.differential;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.differential.SequenceGenerator.Sequence;
import dev.jvisor.vmm.differential.UserMachine.Outcome;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.SoftwareBackend;
import dev.jvisor.vmm.x86.cpu.Cpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The software CPU beside the real processor: random user-mode sequences run on both, natively through KVM, and must leave the same
 * registers, flags, memory and exception.
 *
 * <p>More on demand, by {@code ci/long-differential}: {@code -Djvisor.sequences=N -Djvisor.seed=N}, and {@code -Djvisor.forms=FILE} for a list
 * of the instruction forms with how often each was executed, and of those left out with the reason. Sequence n of a seed is always the same: {@code -Djvisor.first=N} begins there.
 * {@code -Djvisor.only=REGEX} draws only from forms whose names match.
 */
class DifferentialTest {
    private static final int DEFINED_FLAGS = 0x8D5 | 0x400;
    /** Random bytes that data is cut out of: to make new ones for each sequence would take longer than the sequence. */
    private static final byte[] NOISE = new byte[1 << 20];
    private static final int ALIGNMENT_CHECK = 1 << 18;
    private static final int TOP = 7 << 11;
    private static final int MOST_DIFFERENCES = 60;

    static {
        new SplittableRandom(1).nextBytes(NOISE);
    }

    private final TreeMap<String, Integer> kinds = new TreeMap<>();
    private final List<String> differences = new ArrayList<>();

    /** A sequence with the state it begins in. */
    private record Case(long number, Sequence sequence, VpState state, byte[] data) { }

    @Test
    void softwareCpuAgreesWithTheRealProcessor() throws IOException {
        assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "/dev/kvm is not there or not writable");
        long sequences = Long.getLong("jvisor.sequences", 60_000);
        long seed = Long.getLong("jvisor.seed", 1L);
        long first = Long.getLong("jvisor.first", 0L);
        System.out.println("DifferentialTest seed=" + seed + " sequences=" + sequences);
        SequenceGenerator generator = new SequenceGenerator(SoftwareBackend.opcodes(), seed);
        generator.only(System.getProperty("jvisor.only", ".*"));
        Map<String, Integer> byForm = new HashMap<>();
        generator.forms().forEach(f -> byForm.put(f.toString(), 0));
        try (KvmBackend kvm = KvmBackend.open(); SoftwareBackend software = new SoftwareBackend();
                BatchMachine real = new BatchMachine(kvm); BatchMachine ours = new BatchMachine(software)) {
            List<Case> batch = new ArrayList<>();
            for (long n = first; n < first + sequences && differences.size() < MOST_DIFFERENCES; n++) {
                Case c = makeCase(generator, n);
                c.sequence.forms().forEach(f -> byForm.merge(f.toString(), 1, Integer::sum));
                batch.add(c);
                real.add(c.sequence.code(), c.state, c.data);
                ours.add(c.sequence.code(), c.state, c.data);
                if (batch.size() == BatchMachine.MOST || n + 1 == first + sequences) {
                    judge(batch, real.run(), ours.run(), kvm, software);
                    batch.clear();
                }
            }
        }
        long covered = byForm.values().stream().filter(k -> k > 0).count();
        System.out.println("DifferentialTest: " + covered + " of " + byForm.size() + " forms covered");
        if (System.getProperty("jvisor.forms") != null) {
            List<String> lines = new ArrayList<>();
            new TreeMap<>(byForm).forEach((form, count) -> lines.add(count + "\t" + form));
            generator.leftOut().forEach((form, reason) -> lines.add("-\t" + form + ": " + reason));
            Files.write(Path.of(System.getProperty("jvisor.forms")), lines);
        }
        assertTrue(differences.isEmpty(), () -> kinds.values().stream().mapToInt(Integer::intValue).sum() + " differences in " + kinds.size()
                + " kinds, seed=" + seed + "\n" + String.join("\n", differences));
    }

    private static Case makeCase(SequenceGenerator generator, long n) {
        generator.begin(n);
        Sequence s = generator.next(n % 3 == 0 ? 1 + generator.random().nextInt(6) : 1);
        return new Case(n, s, randomState(generator), randomData(generator.random()));
    }

    private void judge(List<Case> batch, List<Outcome> real, List<Outcome> ours, KvmBackend kvm, SoftwareBackend software) {
        if (real != null && ours != null) {
            for (int k = 0; k < batch.size(); k++) {
                judge(batch.get(k), real.get(k), ours.get(k));
            }
            return;
        }
        // One of them did not come to the end: find out with which.
        try (UserMachine realSingle = new UserMachine(kvm); UserMachine oursSingle = new UserMachine(software)) {
            int before = differences.size();
            // A jump through a register to itself runs for ever, on both.
            boolean endless = false;
            for (Case c : batch) {
                Outcome onReal = realSingle.run(c.sequence.code(), c.state, c.data);
                Outcome onOurs = oursSingle.run(c.sequence.code(), c.state, c.data);
                judge(c, onReal, onOurs);
                endless |= onReal.failure() != null && onReal.failure().equals(onOurs.failure());
            }
            if (differences.size() == before && !endless) {
                note("a batch", "#" + batch.getFirst().number + " and following: did not come to the end real=" + (real != null) + " ours="
                        + (ours != null));
            }
        }
    }

    private void judge(Case c, Outcome real, Outcome ours) {
        String difference = compare(real, ours, c.sequence);
        if (difference != null) {
            note(c.sequence.forms().toString(), "#" + c.number + " " + c.sequence.forms() + " " + HexFormat.of().formatHex(c.sequence.code()) + ": "
                    + difference);
        }
    }

    private void note(String kind, String text) {
        if (kinds.merge(kind, 1, Integer::sum) <= 2 && differences.size() < MOST_DIFFERENCES) {
            differences.add(text);
        }
    }

    private static VpState randomState(SequenceGenerator g) {
        VpState s = UserSpace.state();
        SplittableRandom r = g.random();
        for (int i = 0; i < 16; i++) {
            if (i != 4) {
                s.gpr[i] = g.interesting();
            }
        }
        for (int i : new int[] {3, 5, 6, 7, 12, 13}) {
            s.gpr[i] = UserSpace.DATA + 0x800 + r.nextInt(0x180) * 16L + (r.nextInt(3) == 0 ? r.nextInt(16) : 0);
        }
        if (r.nextInt(16) == 0) {
            // Operands that cross into the page that is not there.
            s.gpr[r.nextBoolean() ? 3 : 6] = UserSpace.DATA + UserSpace.DATA_SIZE - r.nextInt(40);
        }
        if (r.nextInt(8) == 0) {
            // Strings that meet the ends of their pages, and a stack that does, where what it leaves is compared.
            s.gpr[6 + r.nextInt(2)] = nearPage(r);
        }
        if (r.nextInt(8) == 0) {
            s.gpr[4] = nearPage(r);
        }
        s.gpr[14] = r.nextInt(64);
        s.gpr[15] = r.nextInt(64);
        if (r.nextInt(2) == 0) {
            s.gpr[1] = r.nextInt(80);
        }
        s.rflags = 0x202 | r.nextInt() & 0x8D5 | (r.nextInt(8) == 0 ? 0x400 : 0);
        if (r.nextInt(16) == 0) {
            s.rflags |= ALIGNMENT_CHECK;
        }
        for (int i = 0; i < 16; i++) {
            boolean upper = r.nextInt(4) != 0;
            for (int k = 0; k < (upper ? 4 : 2); k++) {
                s.ymm[i * 4 + k] = vectorLane(g, r);
            }
        }
        // Indices for gathers, of 32 and of 64 bits.
        for (int k = 0; k < 4; k++) {
            s.ymm[14 * 4 + k] = r.nextInt(-64, 64) & 0xFFFFFFFFL | (long) r.nextInt(-64, 64) << 32;
            s.ymm[15 * 4 + k] = r.nextInt(-64, 64);
        }
        s.mxcsr = 0x1F80 | r.nextInt(4) << 13 | (r.nextInt(4) == 0 ? 0x8000 : 0) | (r.nextInt(4) == 0 ? 0x40 : 0)
                | (r.nextInt(3) == 0 ? r.nextInt(64) : 0);
        if (r.nextInt(5) == 0) {
            s.mxcsr &= ~(r.nextInt(64) << 7);
        }
        for (int i = 0; i < 8; i++) {
            x87Register(s, i, r);
        }
        s.ftw = r.nextInt(3) == 0 ? r.nextInt(256) : 0xFF;
        s.fsw = r.nextInt(8) << 11 | r.nextInt(8) << 8 | r.nextInt(2) << 14 | (r.nextInt(4) == 0 ? r.nextInt(64) : 0);
        s.fcw = 0x37F & ~0xF00 | new int[] {0, 2, 3}[r.nextInt(3)] << 8 | r.nextInt(4) << 10;
        if (r.nextInt(5) == 0) {
            s.fcw &= ~r.nextInt(64);
        }
        // What is not masked waits for the next instruction; summary and busy say so.
        s.fsw |= (s.fsw & ~s.fcw & 63) != 0 ? 0x8080 : 0;
        return s;
    }

    /** {@return an address near the beginning of a page of data or near its end; before the first and behind the last there is nothing} */
    private static long nearPage(SplittableRandom r) {
        return UserSpace.DATA + r.nextInt(UserSpace.DATA_SIZE / 4096 + 1) * 4096L + r.nextInt(-48, 49);
    }

    private static void x87Register(VpState s, int i, SplittableRandom r) {
        s.x87Mantissa[i] = switch (r.nextInt(8)) {
            case 0 -> Long.MIN_VALUE;
            case 1 -> -1L << r.nextInt(64);
            case 2 -> Long.MIN_VALUE | 1L << r.nextInt(63);
            // Without the integer bit: denormals, and what no processor makes any more.
            case 3 -> r.nextLong() >>> 1 + r.nextInt(63);
            default -> r.nextLong() | Long.MIN_VALUE;
        };
        s.x87Exponent[i] = switch (r.nextInt(12)) {
            case 0 -> 0;
            case 1 -> 0x7FFF;
            case 2 -> 1 + r.nextInt(80);
            case 3 -> 0x7FFE - r.nextInt(80);
            case 4 -> 0x3FFF - 1023 + r.nextInt(-60, 20);
            case 5 -> 0x3FFF - 127 + r.nextInt(-30, 20);
            default -> 0x3FFF + r.nextInt(-70, 70);
        } | (r.nextBoolean() ? 0x8000 : 0);
        if (r.nextInt(12) == 0) {
            s.x87Mantissa[i] = 0;
            s.x87Exponent[i] &= 0x8000;
        }
    }

    private static long vectorLane(SequenceGenerator g, SplittableRandom r) {
        return switch (r.nextInt(4)) {
            case 0 -> Integer.toUnsignedLong(Float.floatToRawIntBits(r.nextInt(-4000, 4000) / 16f)) << 32
                    | Integer.toUnsignedLong(specialFloat(r));
            case 1 -> specialDouble(r);
            default -> g.interesting();
        };
    }

    private static int specialFloat(SplittableRandom r) {
        int[] special = {0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 0x7F800001, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x4F000000, 0x3F800000};
        return r.nextBoolean() ? special[r.nextInt(special.length)] : r.nextInt();
    }

    private static long specialDouble(SplittableRandom r) {
        double[] special = {0, -0.0, Double.POSITIVE_INFINITY, Double.NaN, Double.MIN_VALUE, Double.MAX_VALUE, 1, 0.5, 2147483648.0,
            -9.223372036854775808e18, 4503599627370497.5, Double.MIN_NORMAL};
        return r.nextBoolean() ? Double.doubleToRawLongBits(special[r.nextInt(special.length)]) : r.nextLong();
    }

    private static byte[] randomData(SplittableRandom r) {
        byte[] data = new byte[UserSpace.DATA_SIZE];
        System.arraycopy(NOISE, r.nextInt(NOISE.length - data.length), data, 0, data.length);
        for (int k = 0; k < 40; k++) {
            int at = r.nextInt(data.length - 16);
            Arrays.fill(data, at, at + 16, (byte) (r.nextBoolean() ? 0 : 0xFF));
        }
        return data;
    }

    private static boolean has(Sequence s, String... beginnings) {
        return s.forms().stream().anyMatch(f -> Arrays.stream(beginnings).anyMatch(f.opcode().name()::startsWith));
    }

    private static String compare(Outcome a, Outcome b, Sequence s) {
        StringBuilder d = new StringBuilder();
        if (a.failure() != null || b.failure() != null) {
            return a.failure() != null && a.failure().equals(b.failure()) ? null : "failure real=" + a.failure() + " ours=" + b.failure();
        }
        if (a.vector() == Cpu.UD && (b.vector() == Cpu.GP || b.vector() == Cpu.STACK) && a.rip() == b.rip()) {
            // A KVM-PVM host has its emulator look at an instruction that got #GP or #SS in user mode, and that knows none of the vector ones.
            return null;
        }
        if (a.vector() == Cpu.UD && a.rsp() << 16 >> 16 != a.rsp()) {
            // Nor does it like a stack pointer that is no address.
            return null;
        }
        if (b.vector() == Cpu.GP && has(s, "SHA")) {
            // The manuals want SHA operands aligned; AMD's processors do not mind.
            return null;
        }
        if ((b.state().fsw & 0x82) == 0x82 && (b.state().fcw & 2) == 0 && has(s, "FLD m32fp", "FLD m64fp")) {
            // A denormal that is not masked: the SDM wants the stack unchanged (1, 8.5.2), AMD's processors push it.
            return null;
        }
        if (b.vector() == Cpu.AC && a.vector() != Cpu.AC && has(s, "PCMPESTR", "PCMPISTR", "VPCMPESTR", "VPCMPISTR")) {
            // Open in the manual: the 16 bytes of string comparisons are checked here as others are.
            return null;
        }
        // When both operands fault, either may be the one that is named.
        boolean either = (a.vector() != b.vector() || a.state().cr2 != b.state().cr2) && ofAnAddress(a) && ofAnAddress(b) && has(s, "CMPS");
        differ(d, "vector", a.vector(), either ? a.vector() : b.vector());
        if (!either && (a.vector() != Cpu.PF || (b.error() & 0x10) == 0 && (a.state().cr2 >>> 39 & 511) != 256)) {
            // What such a host says of instruction fetches from where there is nothing to execute, and of the 512 GiB it keeps, is its own.
            differ(d, "error", a.error(), b.error());
        }
        differ(d, "rip", a.rip(), b.rip());
        int mask = DEFINED_FLAGS & ~s.undefinedFlags();
        differ(d, "rflags", a.rflags() & mask, b.rflags() & mask);
        differ(d, "rsp", a.rsp(), b.rsp());
        VpState x = a.state();
        VpState y = b.state();
        for (int i = 0; i < 16; i++) {
            differ(d, "r" + i, x.gpr[i], y.gpr[i]);
        }
        if (a.vector() == Cpu.PF && !either) {
            // Of an operand of many parts a processor may name any that lies on the missing page.
            long part = has(s, "FRSTOR", "FLDENV") ? -4096L : -1L;
            differ(d, "cr2", x.cr2 & part, y.cr2 & part);
        }
        for (int i = 0; i < 16; i++) {
            for (int k = 0; k < 4; k++) {
                differ(d, "ymm" + i + "." + k, x.ymm[4 * i + k], y.ymm[4 * i + k]);
            }
        }
        differ(d, "mxcsr", x.mxcsr, y.mxcsr);
        differ(d, "fcw", x.fcw, y.fcw);
        // The emulator, see above, reads MMX registers by an MMX instruction of its own, which sets TOP to 0 and all tags to valid.
        boolean emulated = (a.vector() == Cpu.GP || a.vector() == Cpu.STACK) && (x.fsw & TOP) == 0 && x.ftw == 0xFF
                && has(s, "MOVQ Qq,Pq", "MOVD Ed,Pq", "MOVNTQ");
        differ(d, "fsw", x.fsw, emulated ? y.fsw & ~TOP : y.fsw);
        differ(d, "ftw", x.ftw, emulated ? 0xFF : y.ftw);
        for (int i = 0; i < 8; i++) {
            differ(d, "R" + i + ".m", x.x87Mantissa[i], y.x87Mantissa[i]);
            differ(d, "R" + i + ".e", x.x87Exponent[i], y.x87Exponent[i]);
        }
        int at = Arrays.mismatch(a.data(), b.data());
        if (at >= 0) {
            int to = Math.min(at + 16, a.data().length);
            d.append(" data+").append(Integer.toHexString(at)).append(" real=").append(HexFormat.of().formatHex(a.data(), at, to)).append(" ours=")
                    .append(HexFormat.of().formatHex(b.data(), at, to));
        }
        return d.isEmpty() ? null : d.toString();
    }

    private static boolean ofAnAddress(Outcome o) {
        return o.vector() == Cpu.PF || o.vector() == Cpu.GP || o.vector() == Cpu.AC;
    }

    private static void differ(StringBuilder d, String what, long real, long ours) {
        if (real != ours) {
            d.append(' ').append(what).append(" real=").append(Long.toHexString(real)).append(" ours=").append(Long.toHexString(ours));
        }
    }
}
