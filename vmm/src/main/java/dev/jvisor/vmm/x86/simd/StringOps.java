package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Vex;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (Intel SDM 2B, 4.1). In a micro-op, {@code b} is 1 with REX.W. */
final class StringOps {
    private StringOps() { }

    static void register(SimdTable s) {
        define(s, "PCMPESTRM", 0x60, true, true);
        define(s, "PCMPESTRI", 0x61, true, false);
        define(s, "PCMPISTRM", 0x62, false, true);
        define(s, "PCMPISTRI", 0x63, false, false);
    }

    private static void define(SimdTable s, String name, int op, boolean explicit, boolean mask) {
        s.with(CpuFeature.SSE4_2, () -> s.defImm(name + " Vdq,Wdq(any),Ib", M3A, P66, op, (i, e) -> {
            int from = Operands.xmm(i, e, -16);
            e.call((c, u) -> compare(c, u, explicit, mask), i.reg * 2, from, i.wSize() == 8 ? 1 : 0, i.imm & 0xFF);
        }));
        s.vexImm("V" + name + " Vdq,Wdq,Ib", M3A, P66, op, Vex.l128(CpuFeature.AVX).two(), (i, e) -> {
            int from = Operands.vex(i, e, 16);
            e.call((c, u) -> compare(c, u, explicit, mask), i.reg * 2, from, i.wSize() == 8 ? 1 : 0, i.imm & 0xFF);
            if (mask) {
                e.add(new VexMoves.ZeroHigh()).d = 0;
            }
        });
    }

    private static void compare(Cpu c, Uop u, boolean explicit, boolean mask) {
        int imm = (int) u.imm;
        boolean words = (imm & 1) != 0;
        int n = words ? 8 : 16;
        int firstLength = explicit ? explicitLength(c, u, Cpu.RAX, n) : implicitLength(c, u.d, words);
        int secondLength = explicit ? explicitLength(c, u, Cpu.RDX, n) : implicitLength(c, u.a, words);
        int all = (1 << n) - 1;
        int r = switch (imm >> 2 & 3) {
            case 0 -> equalAny(c, u, imm, firstLength, secondLength);
            case 1 -> ranges(c, u, imm, firstLength, secondLength);
            case 2 -> equalEach(c, u, imm, firstLength, secondLength, n);
            default -> equalOrdered(c, u, imm, firstLength, secondLength, n);
        };
        r ^= switch (imm >> 4 & 3) {
            case 1 -> all;
            case 3 -> (1 << secondLength) - 1;
            default -> 0;
        };
        if (mask) {
            storeMask(c, r, imm, words);
        } else {
            c.r[Cpu.RCX] = r == 0 ? n : (imm & 0x40) != 0 ? 31 - Integer.numberOfLeadingZeros(r) : Integer.numberOfTrailingZeros(r);
        }
        Flags.setStatus(c, (r != 0 ? Flags.CF : 0) | (secondLength < n ? Flags.ZF : 0) | (firstLength < n ? Flags.SF : 0)
                | ((r & 1) != 0 ? Flags.OF : 0));
    }

    private static void storeMask(Cpu c, int r, int imm, boolean words) {
        long low = 0;
        long high = 0;
        if ((imm & 0x40) == 0) {
            low = r;
        } else {
            int perLong = words ? 4 : 8;
            int width = words ? 16 : 8;
            long ones = words ? 0xFFFF : 0xFF;
            for (int k = 0; k < perLong; k++) {
                low |= (r >> k & 1) * ones << k * width;
                high |= (r >> k + perLong & 1) * ones << k * width;
            }
        }
        c.xmm[0] = low;
        c.xmm[1] = high;
    }

    private static int explicitLength(Cpu c, Uop u, int register, int n) {
        long v = u.b != 0 ? c.r[register] : (int) c.r[register];
        // The most negative value is its own absolute value; as an unsigned number it saturates like the rest.
        return Long.compareUnsigned(Math.abs(v), n) > 0 ? n : (int) Math.abs(v);
    }

    private static int implicitLength(Cpu c, int register, boolean words) {
        long low = words ? Swar.eqW(c.xmm[register], 0) : Swar.eqB(c.xmm[register], 0);
        long high = words ? Swar.eqW(c.xmm[register + 1], 0) : Swar.eqB(c.xmm[register + 1], 0);
        int zeros = low != 0 ? Long.numberOfTrailingZeros(low) : 64 + Long.numberOfTrailingZeros(high);
        return words ? zeros >> 4 : zeros >> 3;
    }

    /** {@return element {@code k}, extended as the immediate's format says} */
    private static int element(Cpu c, int register, int imm, int k) {
        return switch (imm & 3) {
            case 0 -> (int) (c.xmm[register + (k >> 3)] >>> 8 * (k & 7)) & 0xFF;
            case 1 -> (int) (c.xmm[register + (k >> 2)] >>> 16 * (k & 3)) & 0xFFFF;
            case 2 -> (byte) (c.xmm[register + (k >> 3)] >>> 8 * (k & 7));
            default -> (short) (c.xmm[register + (k >> 2)] >>> 16 * (k & 3));
        };
    }

    private static int equalAny(Cpu c, Uop u, int imm, int firstLength, int secondLength) {
        int r = 0;
        for (int j = 0; j < secondLength; j++) {
            int v = element(c, u.a, imm, j);
            for (int i = 0; i < firstLength; i++) {
                if (element(c, u.d, imm, i) == v) {
                    r |= 1 << j;
                    break;
                }
            }
        }
        return r;
    }

    private static int ranges(Cpu c, Uop u, int imm, int firstLength, int secondLength) {
        int r = 0;
        for (int j = 0; j < secondLength; j++) {
            int v = element(c, u.a, imm, j);
            for (int i = 0; i + 1 < firstLength; i += 2) {
                if (element(c, u.d, imm, i) <= v && v <= element(c, u.d, imm, i + 1)) {
                    r |= 1 << j;
                    break;
                }
            }
        }
        return r;
    }

    private static int equalEach(Cpu c, Uop u, int imm, int firstLength, int secondLength, int n) {
        int r = 0;
        for (int j = 0; j < n; j++) {
            boolean first = j < firstLength;
            boolean second = j < secondLength;
            if (first && second ? element(c, u.d, imm, j) == element(c, u.a, imm, j) : first == second) {
                r |= 1 << j;
            }
        }
        return r;
    }

    private static int equalOrdered(Cpu c, Uop u, int imm, int firstLength, int secondLength, int n) {
        int r = 0;
        for (int j = 0; j < n; j++) {
            boolean match = true;
            for (int i = 0; i < firstLength && j + i < n && match; i++) {
                match = j + i < secondLength && element(c, u.d, imm, i) == element(c, u.a, imm, j + i);
            }
            if (match) {
                r |= 1 << j;
            }
        }
        return r;
    }
}
