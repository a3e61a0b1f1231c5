package dev.jvisor.vmm.differential;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.differential.SequenceGenerator.Sequence;
import dev.jvisor.vmm.differential.UserMachine.Outcome;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.SoftwareBackend;
import dev.jvisor.vmm.x86.cpu.Cpu;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The software CPU beside the real processor: random user-mode sequences run on both, natively through KVM, and must leave the same
 * registers, flags, memory and exception.
 *
 * <p>More on demand: {@code -Djvisor.sequences=N -Djvisor.seed=N}.
 */
class DifferentialTest {
    private static final int DEFINED_FLAGS = 0x8D5 | 0x400;

    @Test
    void softwareCpuAgreesWithTheRealProcessor() {
        assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "/dev/kvm is not there or not writable");
        int sequences = Integer.getInteger("jvisor.sequences", 6000);
        long seed = Long.getLong("jvisor.seed", 1L);
        System.out.println("DifferentialTest seed=" + seed + " sequences=" + sequences);
        SequenceGenerator generator = new SequenceGenerator(SoftwareBackend.opcodes(), seed);
        TreeMap<String, Integer> byForm = new TreeMap<>();
        List<String> differences = new ArrayList<>();
        TreeMap<String, Integer> count = new TreeMap<>();
        try (KvmBackend kvm = KvmBackend.open(); SoftwareBackend software = new SoftwareBackend();
                UserMachine real = new UserMachine(kvm); UserMachine ours = new UserMachine(software)) {
            for (int n = 0; n < sequences; n++) {
                Sequence s = generator.next(n % 3 == 0 ? 1 + generator.random().nextInt(6) : 1);
                VpState state = randomState(generator);
                byte[] data = randomData(generator.random());
                Outcome a = real.run(s.code(), state, data);
                Outcome b = ours.run(s.code(), state, data);
                s.forms().forEach(f -> byForm.merge(f.toString(), 1, Integer::sum));
                boolean sha = s.forms().stream().anyMatch(f -> f.opcode().name().startsWith("SHA"));
                String difference = compare(a, b, s.undefinedFlags(), sha);
                if (difference != null) {
                    String name = s.forms().toString();
                    if (count.merge(name, 1, Integer::sum) <= 2 && differences.size() < 60) {
                        differences.add("#" + n + " " + name + " " + HexFormat.of().formatHex(s.code()) + ": " + difference);
                    }
                }
            }
            System.out.println("DifferentialTest: " + byForm.size() + " of " + generator.forms().stream().map(Object::toString).distinct().count()
                    + " forms covered");
        }
        assertTrue(differences.isEmpty(), () -> count.values().stream().mapToInt(Integer::intValue).sum() + " differences in " + count.size()
                + " kinds\n" + String.join("\n", differences));
    }

    private static VpState randomState(SequenceGenerator g) {
        VpState s = UserMachine.userState();
        SplittableRandom r = g.random();
        for (int i = 0; i < 16; i++) {
            if (i != 4) {
                s.gpr[i] = g.interesting();
            }
        }
        for (int i : new int[] {3, 5, 6, 7, 12, 13}) {
            s.gpr[i] = UserMachine.DATA + 0x800 + r.nextInt(0x180) * 16L + (r.nextInt(3) == 0 ? r.nextInt(16) : 0);
        }
        if (r.nextInt(16) == 0) {
            // Operands that cross into the page that is not there.
            s.gpr[r.nextBoolean() ? 3 : 6] = UserMachine.DATA + UserMachine.DATA_SIZE - r.nextInt(40);
        }
        s.gpr[14] = r.nextInt(64);
        s.gpr[15] = r.nextInt(64);
        if (r.nextInt(2) == 0) {
            s.gpr[1] = r.nextInt(80);
        }
        s.rflags = 0x202 | r.nextInt() & 0x8D5 | (r.nextInt(8) == 0 ? 0x400 : 0);
        for (int i = 0; i < 16; i++) {
            for (int k = 0; k < 2; k++) {
                s.ymm[i * 4 + k] = vectorLane(g, r);
            }
        }
        s.mxcsr = 0x1F80 | r.nextInt(4) << 13 | (r.nextInt(4) == 0 ? 0x8000 : 0) | (r.nextInt(4) == 0 ? 0x40 : 0);
        for (int i = 0; i < 8; i++) {
            s.x87Mantissa[i] = r.nextLong() | Long.MIN_VALUE;
            s.x87Exponent[i] = 0x3FFF + r.nextInt(-70, 70) | (r.nextBoolean() ? 0x8000 : 0);
        }
        s.ftw = r.nextInt(3) == 0 ? r.nextInt(256) : 0xFF;
        s.fsw = r.nextInt(8) << 11;
        s.fcw = 0x37F & ~0xF00 | new int[] {0, 2, 3}[r.nextInt(3)] << 8 | r.nextInt(4) << 10;
        return s;
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
        byte[] data = new byte[UserMachine.DATA_SIZE];
        r.nextBytes(data);
        for (int k = 0; k < 40; k++) {
            int at = r.nextInt(data.length - 16);
            Arrays.fill(data, at, at + 16, (byte) (r.nextBoolean() ? 0 : 0xFF));
        }
        return data;
    }

    private static String compare(Outcome a, Outcome b, int undefined, boolean sha) {
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
        if (b.vector() == Cpu.GP && sha) {
            // The manuals want SHA operands aligned; AMD's processors do not mind.
            return null;
        }
        differ(d, "vector", a.vector(), b.vector());
        if (a.vector() != Cpu.PF || (b.error() & 0x10) == 0) {
            // What such a host says of instruction fetches from where there is nothing to execute is its own.
            differ(d, "error", a.error(), b.error());
        }
        differ(d, "rip", a.rip(), b.rip());
        int mask = DEFINED_FLAGS & ~undefined;
        differ(d, "rflags", a.rflags() & mask, b.rflags() & mask);
        differ(d, "rsp", a.rsp(), b.rsp());
        VpState x = a.state();
        VpState y = b.state();
        for (int i = 0; i < 16; i++) {
            differ(d, "r" + i, x.gpr[i], y.gpr[i]);
        }
        if (a.vector() == 14) {
            differ(d, "cr2", x.cr2, y.cr2);
        }
        for (int i = 0; i < 16; i++) {
            differ(d, "xmm" + i + ".lo", x.ymm[4 * i], y.ymm[4 * i]);
            differ(d, "xmm" + i + ".hi", x.ymm[4 * i + 1], y.ymm[4 * i + 1]);
        }
        differ(d, "mxcsr", x.mxcsr, y.mxcsr);
        differ(d, "fcw", x.fcw, y.fcw);
        differ(d, "fsw", x.fsw, y.fsw);
        differ(d, "ftw", x.ftw, y.ftw);
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

    private static void differ(StringBuilder d, String what, long real, long ours) {
        if (real != ours) {
            d.append(' ').append(what).append(" real=").append(Long.toHexString(real)).append(" ours=").append(Long.toHexString(ours));
        }
    }
}
