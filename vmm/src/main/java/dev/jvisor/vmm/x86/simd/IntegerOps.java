package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;

/** Packed integer arithmetic, logic and compares, MMX to AVX2. */
final class IntegerOps {
    private IntegerOps() { }

    static void register(SimdTable s) {
        logic(s);
        arithmetic(s);
        multiply(s);
        s.with(CpuFeature.SSSE3, () -> horizontal(s));
        sse4(s);
    }

    private static void logic(SimdTable s) {
        logic(s, "ANDPS", NP, 0x54, CpuFeature.AVX, And::new, IntegerOps::and);
        logic(s, "ANDPD", P66, 0x54, CpuFeature.AVX, And::new, IntegerOps::and);
        logic(s, "PAND", P66, 0xDB, CpuFeature.AVX2, And::new, IntegerOps::and);
        logic(s, "ANDNPS", NP, 0x55, CpuFeature.AVX, AndNot::new, IntegerOps::andNot);
        logic(s, "ANDNPD", P66, 0x55, CpuFeature.AVX, AndNot::new, IntegerOps::andNot);
        logic(s, "PANDN", P66, 0xDF, CpuFeature.AVX2, AndNot::new, IntegerOps::andNot);
        logic(s, "ORPS", NP, 0x56, CpuFeature.AVX, Or::new, IntegerOps::or);
        logic(s, "ORPD", P66, 0x56, CpuFeature.AVX, Or::new, IntegerOps::or);
        logic(s, "POR", P66, 0xEB, CpuFeature.AVX2, Or::new, IntegerOps::or);
        xor(s, "XORPS", NP, 0x57, CpuFeature.AVX);
        xor(s, "XORPD", P66, 0x57, CpuFeature.AVX);
        xor(s, "PXOR", P66, 0xEF, CpuFeature.AVX2);
        s.mmx("PAND", M0F, 0xDB, 8, SimdTable.onMmx((d, a) -> d & a));
        s.mmx("PANDN", M0F, 0xDF, 8, SimdTable.onMmx((d, a) -> ~d & a));
        s.mmx("POR", M0F, 0xEB, 8, SimdTable.onMmx((d, a) -> d | a));
        s.mmx("PXOR", M0F, 0xEF, 8, SimdTable.onMmx((d, a) -> d ^ a));
    }

    private static void logic(SimdTable s, String name, int prefix, int op, CpuFeature wide, Supplier<Uop> legacy, Lane f) {
        s.packedHot(name, M0F, prefix, op, wide, legacy, f);
    }

    private static void xor(SimdTable s, String name, int prefix, int op, CpuFeature wide) {
        s.def(name + " Vdq,Wdq", M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(from == i.reg * 2 ? new Zero() : new Xor());
            u.d = i.reg * 2;
            u.a = from;
        });
        s.three("V" + name, M0F, prefix, op, Vex.l128(CpuFeature.AVX), Vex.l256(wide), Imm.NONE, (i, e, a) -> {
            if (a == i.vvvv * 2) {
                e.add(new ZeroBoth()).d = i.reg * 2;
            } else {
                SimdTable.operands(i, a, LaneUop.vex(i, IntegerOps::xor), e);
            }
        });
    }

    private static void and(long[] x, int d, int s, int a, int imm) {
        x[d] = x[s] & x[a];
        x[d + 1] = x[s + 1] & x[a + 1];
    }

    private static void andNot(long[] x, int d, int s, int a, int imm) {
        x[d] = ~x[s] & x[a];
        x[d + 1] = ~x[s + 1] & x[a + 1];
    }

    private static void or(long[] x, int d, int s, int a, int imm) {
        x[d] = x[s] | x[a];
        x[d + 1] = x[s + 1] | x[a + 1];
    }

    private static void xor(long[] x, int d, int s, int a, int imm) {
        x[d] = x[s] ^ x[a];
        x[d + 1] = x[s + 1] ^ x[a + 1];
    }

    private static void hot(SimdTable s, String name, int op, Supplier<Uop> legacy, LongBinaryOperator mmx, Lane f) {
        s.packedHot(name, M0F, P66, op, CpuFeature.AVX2, legacy, f);
        s.mmx(name, M0F, op, 8, SimdTable.onMmx(mmx));
    }

    private static void arithmetic(SimdTable s) {
        hot(s, "PADDB", 0xFC, AddB::new, Swar::addB, (x, d, b, a, n) -> {
            x[d] = Swar.addB(x[b], x[a]);
            x[d + 1] = Swar.addB(x[b + 1], x[a + 1]);
        });
        s.both("PADDW", M0F, 0xFD, Swar::addW);
        hot(s, "PADDD", 0xFE, AddD::new, Swar::addD, (x, d, b, a, n) -> {
            x[d] = Swar.addD(x[b], x[a]);
            x[d + 1] = Swar.addD(x[b + 1], x[a + 1]);
        });
        hot(s, "PADDQ", 0xD4, AddQ::new, Long::sum, (x, d, b, a, n) -> {
            x[d] = x[b] + x[a];
            x[d + 1] = x[b + 1] + x[a + 1];
        });
        hot(s, "PSUBB", 0xF8, SubB::new, Swar::subB, (x, d, b, a, n) -> {
            x[d] = Swar.subB(x[b], x[a]);
            x[d + 1] = Swar.subB(x[b + 1], x[a + 1]);
        });
        s.both("PSUBW", M0F, 0xF9, Swar::subW);
        s.both("PSUBD", M0F, 0xFA, Swar::subD);
        s.both("PSUBQ", M0F, 0xFB, (d, a) -> d - a);
        s.both("PADDUSB", M0F, 0xDC, Swar::addUsB);
        s.both("PADDUSW", M0F, 0xDD, Swar::addUsW);
        s.both("PADDSB", M0F, 0xEC, Swar::addSB);
        s.both("PADDSW", M0F, 0xED, Swar::addSW);
        s.both("PSUBUSB", M0F, 0xD8, Swar::subUsB);
        s.both("PSUBUSW", M0F, 0xD9, Swar::subUsW);
        s.both("PSUBSB", M0F, 0xE8, Swar::subSB);
        s.both("PSUBSW", M0F, 0xE9, Swar::subSW);
        hot(s, "PCMPEQB", 0x74, EqB::new, Swar::eqB, (x, d, b, a, n) -> {
            x[d] = Swar.eqB(x[b], x[a]);
            x[d + 1] = Swar.eqB(x[b + 1], x[a + 1]);
        });
        s.both("PCMPEQW", M0F, 0x75, Swar::eqW);
        hot(s, "PCMPEQD", 0x76, EqD::new, Swar::eqD, (x, d, b, a, n) -> {
            x[d] = Swar.eqD(x[b], x[a]);
            x[d + 1] = Swar.eqD(x[b + 1], x[a + 1]);
        });
        s.both("PCMPGTB", M0F, 0x64, Swar::gtB);
        s.both("PCMPGTW", M0F, 0x65, Swar::gtW);
        s.both("PCMPGTD", M0F, 0x66, Swar::gtD);
        hot(s, "PMINUB", 0xDA, MinUB::new, Swar::minUB, (x, d, b, a, n) -> {
            x[d] = Swar.minUB(x[b], x[a]);
            x[d + 1] = Swar.minUB(x[b + 1], x[a + 1]);
        });
        s.both("PMAXUB", M0F, 0xDE, Swar::maxUB);
        s.both("PMINSW", M0F, 0xEA, Swar::minSW);
        s.both("PMAXSW", M0F, 0xEE, Swar::maxSW);
        s.both("PAVGB", M0F, 0xE0, Swar::avgB);
        s.both("PAVGW", M0F, 0xE3, Swar::avgW);
        s.with(CpuFeature.SSSE3, () -> {
            s.both("PSIGNB", M38, 0x08, Swar::signB);
            s.both("PSIGNW", M38, 0x09, Swar::signW);
            s.both("PSIGND", M38, 0x0A, Swar::signD);
            s.bothUnary("PABSB", M38, 0x1C, Swar::absB);
            s.bothUnary("PABSW", M38, 0x1D, Swar::absW);
            s.bothUnary("PABSD", M38, 0x1E, Swar::absD);
        });
    }

    private static void multiply(SimdTable s) {
        s.both("PMULLW", M0F, 0xD5, Swar::mulLowW);
        s.both("PMULHW", M0F, 0xE5, Swar::mulHighW);
        s.both("PMULHUW", M0F, 0xE4, Swar::mulHighUW);
        s.both("PMADDWD", M0F, 0xF5, Swar::mulAddW);
        s.both("PMULUDQ", M0F, 0xF4, Swar::mulUnsignedD);
        s.both("PSADBW", M0F, 0xF6, Swar::sadB);
        s.with(CpuFeature.SSSE3, () -> {
            s.both("PMULHRSW", M38, 0x0B, Swar::mulRoundW);
            s.both("PMADDUBSW", M38, 0x04, Swar::mulAddUSB);
        });
    }

    // ---- pairs

    private static void horizontal(SimdTable s) {
        pairs(s, "PHADDW", 0x01, Swar::pairAddW);
        pairs(s, "PHADDD", 0x02, Swar::pairAddD);
        pairs(s, "PHADDSW", 0x03, Swar::pairAddSW);
        pairs(s, "PHSUBW", 0x05, Swar::pairSubW);
        pairs(s, "PHSUBD", 0x06, Swar::pairSubD);
        pairs(s, "PHSUBSW", 0x07, Swar::pairSubSW);
    }

    private static void pairs(SimdTable s, String name, int op, LongUnaryOperator f) {
        s.mmx(name, M38, op, 8, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d]) | f.applyAsLong(c.xmm[u.a]) << 32));
        s.packed(name, M38, P66, op, CpuFeature.AVX2, halving(f));
    }

    /** {@return a lane that reduces each long to 32 bits: the first source's into its low half, the second's into its high half} */
    static Lane halving(LongUnaryOperator f) {
        return (x, d, s, a, imm) -> {
            long low = f.applyAsLong(x[s]) | f.applyAsLong(x[s + 1]) << 32;
            x[d + 1] = f.applyAsLong(x[a]) | f.applyAsLong(x[a + 1]) << 32;
            x[d] = low;
        };
    }

    // ---- SSE4

    private static void sse4(SimdTable s) {
        s.with(CpuFeature.SSE4_1, () -> {
            s.only("PMULDQ", M38, 0x28, Swar::mulSignedD);
            s.only("PCMPEQQ", M38, 0x29, Swar::eqQ);
            s.only("PMINSB", M38, 0x38, Swar::minSB);
            s.only("PMINSD", M38, 0x39, Swar::minSD);
            s.only("PMINUW", M38, 0x3A, Swar::minUW);
            s.only("PMINUD", M38, 0x3B, Swar::minUD);
            s.only("PMAXSB", M38, 0x3C, Swar::maxSB);
            s.only("PMAXSD", M38, 0x3D, Swar::maxSD);
            s.only("PMAXUW", M38, 0x3E, Swar::maxUW);
            s.only("PMAXUD", M38, 0x3F, Swar::maxUD);
            s.only("PMULLD", M38, 0x40, Swar::mulLowD);
            s.unary("PHMINPOSUW", M38, P66, 0x41, null, IntegerOps::leastWord);
            s.packedImm("MPSADBW", M3A, P66, 0x42, CpuFeature.AVX2, 3, IntegerOps::mpsadbw);
            s.xmm("PTEST", M38, P66, 0x17, 16, (c, u) -> setTest(c, both(c.xmm, u), rest(c.xmm, u)));
        });
        s.with(CpuFeature.SSE4_2, () -> s.only("PCMPGTQ", M38, 0x37, Swar::gtQ));
        s.two("VPTEST", M38, P66, 0x17, Vex.l128(CpuFeature.AVX).two(), Vex.l256(CpuFeature.AVX).two(), Imm.NONE, (i, e, a) -> {
            if (i.vexL) {
                e.call((c, u) -> setTest(c, both(c.xmm, u) | both(c.ymmHigh, u), rest(c.xmm, u) | rest(c.ymmHigh, u)), i.reg * 2, a, 0, 0);
            } else {
                e.call((c, u) -> setTest(c, both(c.xmm, u), rest(c.xmm, u)), i.reg * 2, a, 0, 0);
            }
        });
    }

    private static long both(long[] x, Uop u) {
        return x[u.d] & x[u.a] | x[u.d + 1] & x[u.a + 1];
    }

    private static long rest(long[] x, Uop u) {
        return ~x[u.d] & x[u.a] | ~x[u.d + 1] & x[u.a + 1];
    }

    /** Sets ZF when nothing is in both operands, CF when nothing of the second is outside the first. */
    static void setTest(Cpu c, long both, long rest) {
        Flags.setStatus(c, (both == 0 ? Flags.ZF : 0) | (rest == 0 ? Flags.CF : 0));
    }

    private static void leastWord(long[] x, int d, int s, int a, int imm) {
        int at = 0;
        int least = 0x10000;
        for (int k = 0; k < 8; k++) {
            int v = (int) (x[a + (k >> 2)] >>> 16 * (k & 3)) & 0xFFFF;
            if (v < least) {
                least = v;
                at = k;
            }
        }
        x[d] = least | (long) at << 16;
        x[d + 1] = 0;
    }

    private static int byteAt(long[] x, int register, int k) {
        return (int) (x[register + (k >> 3)] >>> 8 * (k & 7)) & 0xFF;
    }

    private static void mpsadbw(long[] x, int d, int s, int a, int imm) {
        int second = (imm & 3) * 4;
        int first = (imm & 4) == 0 ? 0 : 4;
        long low = 0;
        long high = 0;
        for (int k = 0; k < 8; k++) {
            long sum = 0;
            for (int n = 0; n < 4; n++) {
                sum += Math.abs(byteAt(x, s, first + k + n) - byteAt(x, a, second + n));
            }
            if (k < 4) {
                low |= sum << 16 * k;
            } else {
                high |= sum << 16 * (k - 4);
            }
        }
        x[d] = low;
        x[d + 1] = high;
    }

    // ---- the steps that ordinary user space executes most

    /** PAND. */
    static final class And extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] &= c.xmm[a];
            c.xmm[d + 1] &= c.xmm[a + 1];
        }
    }

    /** PANDN. */
    static final class AndNot extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = ~c.xmm[d] & c.xmm[a];
            c.xmm[d + 1] = ~c.xmm[d + 1] & c.xmm[a + 1];
        }
    }

    /** POR. */
    static final class Or extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] |= c.xmm[a];
            c.xmm[d + 1] |= c.xmm[a + 1];
        }
    }

    /** PXOR. */
    static final class Xor extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] ^= c.xmm[a];
            c.xmm[d + 1] ^= c.xmm[a + 1];
        }
    }

    /** PXOR of a register with itself. */
    static final class Zero extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = 0;
            c.xmm[d + 1] = 0;
        }
    }

    /** VPXOR of a register with itself, at any length: both halves. */
    static final class ZeroBoth extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = 0;
            c.xmm[d + 1] = 0;
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    /** PADDB. */
    static final class AddB extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.addB(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.addB(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }

    /** PADDD. */
    static final class AddD extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.addD(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.addD(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }

    /** PADDQ. */
    static final class AddQ extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] += c.xmm[a];
            c.xmm[d + 1] += c.xmm[a + 1];
        }
    }

    /** PSUBB. */
    static final class SubB extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.subB(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.subB(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }

    /** PCMPEQB. */
    static final class EqB extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.eqB(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.eqB(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }

    /** PCMPEQD. */
    static final class EqD extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.eqD(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.eqD(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }

    /** PMINUB. */
    static final class MinUB extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = Swar.minUB(c.xmm[d], c.xmm[a]);
            c.xmm[d + 1] = Swar.minUB(c.xmm[d + 1], c.xmm[a + 1]);
        }
    }
}
