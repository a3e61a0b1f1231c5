package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;

/** INC, DEC, NEG and NOT of {@code r[d]}. */
abstract class Unary extends Uop {
    static final int INC = 0, DEC = 1, NOT = 2, NEG = 3;

    /** Which operation. */
    final int op;
    /** Bits to shift left so that the operand stands at the top. */
    final int shift;
    /** Bits of the register that are written. */
    final long write;
    /** Bits of the result. */
    final long mask;
    final int sizeCode;

    private Unary(int op, int size) {
        this.op = op;
        this.shift = 64 - 8 * size;
        this.mask = -1L >>> shift;
        this.write = size >= 4 ? -1L : mask;
        this.sizeCode = Integer.numberOfTrailingZeros(size);
    }

    static Unary of(int op, int size, int d) {
        Unary u = switch (op) {
            case INC -> size == 8 ? new Inc64() : size == 4 ? new Inc32() : new Inc(size);
            case DEC -> size == 8 ? new Dec64() : size == 4 ? new Dec32() : new Dec(size);
            case NOT -> new Not(size);
            default -> new Neg(size);
        };
        u.d = d;
        u.a = d;
        return u;
    }

    private static final class Inc64 extends Unary {
        Inc64() {
            super(INC, 8);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            long v = c.r[d] + 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.INC | 3;
        }
    }

    private static final class Dec64 extends Unary {
        Dec64() {
            super(DEC, 8);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            long v = c.r[d] - 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.DEC | 3;
        }
    }

    private static final class Inc32 extends Unary {
        Inc32() {
            super(INC, 4);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            int v = (int) c.r[d] + 1;
            c.r[d] = v & 0xFFFFFFFFL;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.INC | 2;
        }
    }

    private static final class Dec32 extends Unary {
        Dec32() {
            super(DEC, 4);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            int v = (int) c.r[d] - 1;
            c.r[d] = v & 0xFFFFFFFFL;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.DEC | 2;
        }
    }

    private static final class Inc extends Unary {
        Inc(int size) {
            super(INC, size);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            long v = c.r[d] + 1 << shift >> shift;
            c.r[d] = c.r[d] & ~write | v & mask;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.INC | sizeCode;
        }
    }

    private static final class Dec extends Unary {
        Dec(int size) {
            super(DEC, size);
        }

        @Override
        public void exec(Cpu c) {
            long cf = Flags.cf(c) ? 1 : 0;
            long v = c.r[d] - 1 << shift >> shift;
            c.r[d] = c.r[d] & ~write | v & mask;
            c.ccDst = v;
            c.ccSrc = cf;
            c.ccOp = Flags.DEC | sizeCode;
        }
    }

    private static final class Not extends Unary {
        Not(int size) {
            super(NOT, size);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~write | ~c.r[d] & mask;
        }
    }

    private static final class Neg extends Unary {
        Neg(int size) {
            super(NEG, size);
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[d] << shift >> shift;
            c.r[d] = c.r[d] & ~write | -x & mask;
            c.ccDst = 0;
            c.ccSrc = x;
            c.ccOp = Flags.SUB | sizeCode;
        }
    }
}
