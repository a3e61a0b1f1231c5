package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/** Packed integer arithmetic, logic, compares and shifts, MMX to SSE4.2. */
final class IntegerOps {
    private IntegerOps() { }

    static void register(SimdTable s) {
        logic(s);
        arithmetic(s);
        multiply(s);
        shifts(s);
        horizontal(s);
        sse4(s);
    }

    private static void logic(SimdTable s) {
        s.xmmHot("ANDPS", M0F, NP, 0x54, 16, And::new);
        s.xmmHot("ANDPD", M0F, P66, 0x54, 16, And::new);
        s.xmmHot("PAND", M0F, P66, 0xDB, 16, And::new);
        s.xmmHot("ANDNPS", M0F, NP, 0x55, 16, AndNot::new);
        s.xmmHot("ANDNPD", M0F, P66, 0x55, 16, AndNot::new);
        s.xmmHot("PANDN", M0F, P66, 0xDF, 16, AndNot::new);
        s.xmmHot("ORPS", M0F, NP, 0x56, 16, Or::new);
        s.xmmHot("ORPD", M0F, P66, 0x56, 16, Or::new);
        s.xmmHot("POR", M0F, P66, 0xEB, 16, Or::new);
        xor(s, "XORPS", NP, 0x57);
        xor(s, "XORPD", P66, 0x57);
        xor(s, "PXOR", P66, 0xEF);
        s.mmx("PAND", M0F, 0xDB, 8, SimdTable.onMmx((d, a) -> d & a));
        s.mmx("PANDN", M0F, 0xDF, 8, SimdTable.onMmx((d, a) -> ~d & a));
        s.mmx("POR", M0F, 0xEB, 8, SimdTable.onMmx((d, a) -> d | a));
        s.mmx("PXOR", M0F, 0xEF, 8, SimdTable.onMmx((d, a) -> d ^ a));
    }

    private static void xor(SimdTable s, String name, int prefix, int op) {
        s.def(name + " Vdq,Wdq", M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(from == i.reg * 2 ? new Zero() : new Xor());
            u.d = i.reg * 2;
            u.a = from;
        });
    }

    private static void hot(SimdTable s, String name, int op, java.util.function.Supplier<Uop> xmm, LongBinaryOperator mmx) {
        s.xmmHot(name, M0F, P66, op, 16, xmm);
        s.mmx(name, M0F, op, 8, SimdTable.onMmx(mmx));
    }

    private static void arithmetic(SimdTable s) {
        hot(s, "PADDB", 0xFC, AddB::new, Swar::addB);
        s.both("PADDW", M0F, 0xFD, Swar::addW);
        hot(s, "PADDD", 0xFE, AddD::new, Swar::addD);
        hot(s, "PADDQ", 0xD4, AddQ::new, Long::sum);
        hot(s, "PSUBB", 0xF8, SubB::new, Swar::subB);
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
        hot(s, "PCMPEQB", 0x74, EqB::new, Swar::eqB);
        s.both("PCMPEQW", M0F, 0x75, Swar::eqW);
        hot(s, "PCMPEQD", 0x76, EqD::new, Swar::eqD);
        s.both("PCMPGTB", M0F, 0x64, Swar::gtB);
        s.both("PCMPGTW", M0F, 0x65, Swar::gtW);
        s.both("PCMPGTD", M0F, 0x66, Swar::gtD);
        hot(s, "PMINUB", 0xDA, MinUB::new, Swar::minUB);
        s.both("PMAXUB", M0F, 0xDE, Swar::maxUB);
        s.both("PMINSW", M0F, 0xEA, Swar::minSW);
        s.both("PMAXSW", M0F, 0xEE, Swar::maxSW);
        s.both("PAVGB", M0F, 0xE0, Swar::avgB);
        s.both("PAVGW", M0F, 0xE3, Swar::avgW);
        s.both("PSIGNB", M38, 0x08, Swar::signB);
        s.both("PSIGNW", M38, 0x09, Swar::signW);
        s.both("PSIGND", M38, 0x0A, Swar::signD);
        s.both("PABSB", M38, 0x1C, Swar::absB);
        s.both("PABSW", M38, 0x1D, Swar::absW);
        s.both("PABSD", M38, 0x1E, Swar::absD);
    }

    private static void multiply(SimdTable s) {
        s.both("PMULLW", M0F, 0xD5, Swar::mulLowW);
        s.both("PMULHW", M0F, 0xE5, Swar::mulHighW);
        s.both("PMULHUW", M0F, 0xE4, Swar::mulHighUW);
        s.both("PMULHRSW", M38, 0x0B, Swar::mulRoundW);
        s.both("PMADDWD", M0F, 0xF5, Swar::mulAddW);
        s.both("PMADDUBSW", M38, 0x04, Swar::mulAddUSB);
        s.both("PMULUDQ", M0F, 0xF4, Swar::mulUnsignedD);
        s.both("PSADBW", M0F, 0xF6, Swar::sadB);
    }

    // ---- shifts

    private static void shifts(SimdTable s) {
        shift(s, "PSRLW", 0xD1, 0x71, 2, Swar::srlW);
        shift(s, "PSRAW", 0xE1, 0x71, 4, Swar::sraW);
        shift(s, "PSLLW", 0xF1, 0x71, 6, Swar::sllW);
        shift(s, "PSRLD", 0xD2, 0x72, 2, Swar::srlD);
        shift(s, "PSRAD", 0xE2, 0x72, 4, Swar::sraD);
        shift(s, "PSLLD", 0xF2, 0x72, 6, Swar::sllD);
        shift(s, "PSRLQ", 0xD3, 0x73, 2, Swar::srlQ);
        shift(s, "PSLLQ", 0xF3, 0x73, 6, Swar::sllQ);
        shiftBytes(s, "PSRLDQ", 3, IntegerOps::rightBytes);
        shiftBytes(s, "PSLLDQ", 7, IntegerOps::leftBytes);
    }

    private static void shift(SimdTable s, String name, int op, int groupOp, int ext, LongBinaryOperator f) {
        s.mmx(name, M0F, op, 8, SimdTable.onMmx(f));
        s.xmm(name, M0F, P66, op, 16, (c, u) -> {
            long n = c.xmm[u.a];
            c.xmm[u.d] = f.applyAsLong(c.xmm[u.d], n);
            c.xmm[u.d + 1] = f.applyAsLong(c.xmm[u.d + 1], n);
        });
        s.t.groupReg(name + " Nq,Ib", M0F, NP, groupOp, ext, Imm.BYTE, (i, e) -> {
            e.call(SimdChecks::mmx);
            e.call((c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], u.imm)), i.rm & 7, 0, 0, i.imm & 0xFF);
        });
        s.t.groupReg(name + " Udq,Ib", M0F, P66, groupOp, ext, Imm.BYTE, (i, e) -> {
            SimdChecks.emitSse(e);
            e.call((c, u) -> {
                c.xmm[u.d] = f.applyAsLong(c.xmm[u.d], u.imm);
                c.xmm[u.d + 1] = f.applyAsLong(c.xmm[u.d + 1], u.imm);
            }, i.rm * 2, 0, 0, i.imm & 0xFF);
        });
    }

    private static void shiftBytes(SimdTable s, String name, int ext, Semantic f) {
        s.t.groupReg(name + " Udq,Ib", M0F, P66, 0x73, ext, Imm.BYTE, (i, e) -> {
            SimdChecks.emitSse(e);
            e.call(f, i.rm * 2, 0, 0, Math.min(i.imm & 0xFF, 16) * 8);
        });
    }

    private static void rightBytes(Cpu c, Uop u) {
        long low = c.xmm[u.d];
        long high = c.xmm[u.d + 1];
        int n = (int) u.imm;
        c.xmm[u.d] = n == 0 ? low : n < 64 ? low >>> n | high << 64 - n : Swar.srlQ(high, n - 64);
        c.xmm[u.d + 1] = Swar.srlQ(high, n);
    }

    private static void leftBytes(Cpu c, Uop u) {
        long low = c.xmm[u.d];
        long high = c.xmm[u.d + 1];
        int n = (int) u.imm;
        c.xmm[u.d + 1] = n == 0 ? high : n < 64 ? high << n | low >>> 64 - n : Swar.sllQ(low, n - 64);
        c.xmm[u.d] = Swar.sllQ(low, n);
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
        s.xmm(name, M38, P66, op, 16, halving(f));
    }

    /** {@return a meaning that reduces each long to 32 bits: the destination's into its low half, the source's into its high half} */
    static Semantic halving(LongUnaryOperator f) {
        return (c, u) -> {
            long[] x = c.xmm;
            long low = f.applyAsLong(x[u.d]) | f.applyAsLong(x[u.d + 1]) << 32;
            x[u.d + 1] = f.applyAsLong(x[u.a]) | f.applyAsLong(x[u.a + 1]) << 32;
            x[u.d] = low;
        };
    }

    // ---- SSE4

    private static void sse4(SimdTable s) {
        s.only("PMULDQ", M38, 0x28, Swar::mulSignedD);
        s.only("PCMPEQQ", M38, 0x29, Swar::eqQ);
        s.only("PCMPGTQ", M38, 0x37, Swar::gtQ);
        s.only("PMINSB", M38, 0x38, Swar::minSB);
        s.only("PMINSD", M38, 0x39, Swar::minSD);
        s.only("PMINUW", M38, 0x3A, Swar::minUW);
        s.only("PMINUD", M38, 0x3B, Swar::minUD);
        s.only("PMAXSB", M38, 0x3C, Swar::maxSB);
        s.only("PMAXSD", M38, 0x3D, Swar::maxSD);
        s.only("PMAXUW", M38, 0x3E, Swar::maxUW);
        s.only("PMAXUD", M38, 0x3F, Swar::maxUD);
        s.only("PMULLD", M38, 0x40, Swar::mulLowD);
        s.xmm("PTEST", M38, P66, 0x17, 16, (c, u) -> {
            long both = c.xmm[u.d] & c.xmm[u.a] | c.xmm[u.d + 1] & c.xmm[u.a + 1];
            long rest = ~c.xmm[u.d] & c.xmm[u.a] | ~c.xmm[u.d + 1] & c.xmm[u.a + 1];
            Flags.setStatus(c, (both == 0 ? Flags.ZF : 0) | (rest == 0 ? Flags.CF : 0));
        });
        s.xmm("PHMINPOSUW", M38, P66, 0x41, 16, (c, u) -> {
            int at = 0;
            int least = 0x10000;
            for (int k = 0; k < 8; k++) {
                int v = (int) (c.xmm[u.a + (k >> 2)] >>> 16 * (k & 3)) & 0xFFFF;
                if (v < least) {
                    least = v;
                    at = k;
                }
            }
            c.xmm[u.d] = least | (long) at << 16;
            c.xmm[u.d + 1] = 0;
        });
        s.xmmImm("MPSADBW", M3A, P66, 0x42, 16, IntegerOps::mpsadbw);
    }

    private static int byteAt(Cpu c, int register, int k) {
        return (int) (c.xmm[register + (k >> 3)] >>> 8 * (k & 7)) & 0xFF;
    }

    private static void mpsadbw(Cpu c, Uop u) {
        int source = ((int) u.imm & 3) * 4;
        int destination = ((int) u.imm & 4) == 0 ? 0 : 4;
        long low = 0;
        long high = 0;
        for (int k = 0; k < 8; k++) {
            long sum = 0;
            for (int n = 0; n < 4; n++) {
                sum += Math.abs(byteAt(c, u.d, destination + k + n) - byteAt(c, u.a, source + n));
            }
            if (k < 4) {
                low |= sum << 16 * k;
            } else {
                high |= sum << 16 * (k - 4);
            }
        }
        c.xmm[u.d] = low;
        c.xmm[u.d + 1] = high;
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
