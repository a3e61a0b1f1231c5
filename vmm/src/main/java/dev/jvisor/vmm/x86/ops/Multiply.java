package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** MUL, IMUL, DIV and IDIV. */
final class Multiply {
    private Multiply() { }

    static void register(OpcodeTable t) {
        for (int wide = 0; wide < 2; wide++) {
            boolean b = wide == 0;
            String e1 = b ? " Eb" : " Ev";
            t.group("MUL" + e1, ONE_BYTE, ANY, 0xF6 + wide, 4, Imm.NONE, (i, e) -> one(e, i, b, new Full(b ? 1 : i.opSize, false)));
            t.group("IMUL" + e1, ONE_BYTE, ANY, 0xF6 + wide, 5, Imm.NONE, (i, e) -> one(e, i, b, new Full(b ? 1 : i.opSize, true)));
            t.group("DIV" + e1, ONE_BYTE, ANY, 0xF6 + wide, 6, Imm.NONE, (i, e) -> one(e, i, b, new Divide(b ? 1 : i.opSize, false)));
            t.group("IDIV" + e1, ONE_BYTE, ANY, 0xF6 + wide, 7, Imm.NONE, (i, e) -> one(e, i, b, new Divide(b ? 1 : i.opSize, true)));
        }
        t.def("IMUL Gv,Ev", M0F, ANY, 0xAF, true, Imm.NONE, (i, e) -> {
            int src = Operands.sourceRm(e, i, i.opSize, Cpu.T0);
            low(e, i, i.reg, src);
        });
        t.def("IMUL Gv,Ev,Iz", ONE_BYTE, ANY, 0x69, true, Imm.Z, Multiply::byConstant);
        t.def("IMUL Gv,Ev,Ib", ONE_BYTE, ANY, 0x6B, true, Imm.BYTE, Multiply::byConstant);
    }

    private static void one(Emitter e, Insn i, boolean bytes, Uop u) {
        int src = Operands.sourceRm(e, i, bytes ? 1 : i.opSize, Cpu.T0);
        e.add(u).a = src;
    }

    private static void byConstant(Insn i, Emitter e) {
        int src = Operands.sourceRm(e, i, i.opSize, Cpu.T0);
        Operands.constant(e, Cpu.T1, i.imm);
        low(e, i, src, Cpu.T1);
    }

    private static void low(Emitter e, Insn i, int a, int b) {
        Uop u = e.add(i.opSize == 8 ? new Low64() : new Low(i.opSize));
        u.d = i.reg;
        u.a = a;
        u.b = b;
    }

    private static void flags(Cpu c, long low, boolean overflow, int size) {
        c.ccDst = low;
        c.ccSrc = overflow ? 1 : 0;
        c.ccOp = Flags.MUL | Integer.numberOfTrailingZeros(size);
    }

    /** {@code r[d] = r[a] * r[b]}, 64 bits. */
    private static final class Low64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long x = c.r[a];
            long y = c.r[b];
            long v = x * y;
            c.r[d] = v;
            flags(c, v, Math.multiplyHigh(x, y) != v >> 63, 8);
        }
    }

    /** {@code r[d] = r[a] * r[b]}, 16 or 32 bits. */
    private static final class Low extends Uop {
        private final int size;
        private final int shift;

        Low(int size) {
            this.size = size;
            this.shift = 64 - 8 * size;
        }

        @Override
        public void exec(Cpu c) {
            long full = (c.r[a] << shift >> shift) * (c.r[b] << shift >> shift);
            long v = full << shift >> shift;
            Semantics.setRegister(c, d, full, size);
            flags(c, v, v != full, size);
        }
    }

    /** The accumulator times {@code r[a]}, with a result of twice the size. */
    private static final class Full extends Uop {
        private final int size;
        private final boolean signed;

        Full(int size, boolean signed) {
            this.size = size;
            this.signed = signed;
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[Cpu.RAX];
            long y = c.r[a];
            if (size == 8) {
                long low = x * y;
                long high = signed ? Math.multiplyHigh(x, y) : Math.unsignedMultiplyHigh(x, y);
                c.r[Cpu.RAX] = low;
                c.r[Cpu.RDX] = high;
                flags(c, low, high != (signed ? low >> 63 : 0), 8);
                return;
            }
            int shift = 64 - 8 * size;
            long full = signed ? (x << shift >> shift) * (y << shift >> shift) : (x << shift >>> shift) * (y << shift >>> shift);
            long low = full << shift >> shift;
            boolean overflow = signed ? low != full : full >>> 8 * size != 0;
            if (size == 1) {
                Semantics.setRegister(c, Cpu.RAX, full, 2);
            } else {
                Semantics.setRegister(c, Cpu.RAX, full, size);
                Semantics.setRegister(c, Cpu.RDX, full >>> 8 * size, size);
            }
            flags(c, low, overflow, size);
        }
    }

    /** The double-size accumulator divided by {@code r[a]}. Flags are undefined; they stay. */
    private static final class Divide extends Uop {
        private final int size;
        private final boolean signed;

        Divide(int size, boolean signed) {
            this.size = size;
            this.signed = signed;
        }

        @Override
        public void exec(Cpu c) {
            int shift = 64 - 8 * size;
            long y = signed ? c.r[a] << shift >> shift : c.r[a] << shift >>> shift;
            if (y == 0) {
                throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
            }
            if (size == 8) {
                divide128(c, y);
                return;
            }
            long x = size == 1 ? c.r[Cpu.RAX] & 0xFFFF : (c.r[Cpu.RDX] << shift >>> shift) << 8 * size | c.r[Cpu.RAX] << shift >>> shift;
            long quotient;
            long remainder;
            if (signed) {
                int up = 64 - 16 * size;
                x = x << up >> up;
                // Long.MIN_VALUE / -1 comes out as itself and fails the range check below.
                quotient = x / y;
                remainder = x % y;
                if (quotient << shift >> shift != quotient) {
                    throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
                }
            } else {
                quotient = Long.divideUnsigned(x, y);
                remainder = Long.remainderUnsigned(x, y);
                if (quotient >>> 8 * size != 0) {
                    throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
                }
            }
            if (size == 1) {
                Semantics.setRegister(c, Cpu.RAX, quotient & 0xFF | (remainder & 0xFF) << 8, 2);
            } else {
                Semantics.setRegister(c, Cpu.RAX, quotient, size);
                Semantics.setRegister(c, Cpu.RDX, remainder, size);
            }
        }

        private void divide128(Cpu c, long y) {
            long high = c.r[Cpu.RDX];
            long low = c.r[Cpu.RAX];
            if (!signed) {
                if (high == 0) {
                    c.r[Cpu.RAX] = Long.divideUnsigned(low, y);
                    c.r[Cpu.RDX] = Long.remainderUnsigned(low, y);
                    return;
                }
                if (Long.compareUnsigned(high, y) >= 0) {
                    throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
                }
                unsigned(c, high, low, y);
                return;
            }
            if (high == low >> 63 && !(low == Long.MIN_VALUE && y == -1)) {
                c.r[Cpu.RAX] = low / y;
                c.r[Cpu.RDX] = low % y;
                return;
            }
            boolean negative = high < 0;
            if (negative) {
                low = -low;
                high = ~high + (low == 0 ? 1 : 0);
            }
            long divisor = y < 0 ? -y : y;
            if (Long.compareUnsigned(high, divisor) >= 0) {
                throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
            }
            long oldRax = c.r[Cpu.RAX];
            long oldRdx = c.r[Cpu.RDX];
            unsigned(c, high, low, divisor);
            long quotient = c.r[Cpu.RAX];
            boolean minus = negative ^ y < 0;
            if (minus ? Long.compareUnsigned(quotient, Long.MIN_VALUE) > 0 : quotient < 0) {
                c.r[Cpu.RAX] = oldRax;
                c.r[Cpu.RDX] = oldRdx;
                throw c.fault(Cpu.DE, Cpu.NO_ERROR, this);
            }
            c.r[Cpu.RAX] = minus ? -quotient : quotient;
            c.r[Cpu.RDX] = negative ? -c.r[Cpu.RDX] : c.r[Cpu.RDX];
        }

        /** 128 by 64 bits, {@code high < y}: two digits of base 2^32 (Knuth, TAOCP vol 2, 4.3.1, algorithm D). */
        private static void unsigned(Cpu c, long high, long low, long y) {
            int shift = Long.numberOfLeadingZeros(y);
            y <<= shift;
            long top = shift == 0 ? high : high << shift | low >>> 64 - shift;
            long rest = low << shift;
            long y1 = y >>> 32;
            long y0 = y & 0xFFFFFFFFL;
            long q1 = digit(top, rest >>> 32, y1, y0);
            long middle = (top << 32 | rest >>> 32) - q1 * y;
            long q0 = digit(middle, rest & 0xFFFFFFFFL, y1, y0);
            c.r[Cpu.RAX] = q1 << 32 | q0;
            c.r[Cpu.RDX] = (middle << 32 | rest & 0xFFFFFFFFL) - q0 * y >>> shift;
        }

        private static long digit(long top, long next, long y1, long y0) {
            long q = Long.divideUnsigned(top, y1);
            long r = Long.remainderUnsigned(top, y1);
            while (q >>> 32 != 0 || Long.compareUnsigned(q * y0, r << 32 | next) > 0) {
                q--;
                r += y1;
                if (r >>> 32 != 0) {
                    break;
                }
            }
            return q;
        }
    }
}
