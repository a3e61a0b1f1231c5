package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * Shifts and rotates of {@code r[d]}. Flags that the manual leaves undefined for counts above 1 come out as one more one-bit step would
 * leave them, which is what processors do.
 */
final class ShiftUops {
    static final int ROL = 0, ROR = 1, RCL = 2, RCR = 3, SHL = 4, SHR = 5, SAL = 6, SAR = 7;

    private ShiftUops() { }

    /** {@return a step for a constant count, 1 or more after masking; put it into {@code imm}} */
    static Uop constant(int op, int size, int count) {
        if (size == 8) {
            switch (op) {
                case SHL, SAL -> {
                    return new Shl64();
                }
                case SHR -> {
                    return new Shr64();
                }
                case SAR -> {
                    return new Sar64();
                }
                default -> { }
            }
        } else if (size == 4) {
            switch (op) {
                case SHL, SAL -> {
                    return new Shl32();
                }
                case SHR -> {
                    return new Shr32();
                }
                case SAR -> {
                    return new Sar32();
                }
                default -> { }
            }
        }
        return new Any(op, size, count);
    }

    private static final class Shl64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long before = c.r[d] << imm - 1;
            long v = before << 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHL | 3;
        }
    }

    private static final class Shr64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long before = c.r[d] >>> imm - 1;
            long v = before >>> 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHR | 3;
        }
    }

    private static final class Sar64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long before = c.r[d] >> imm - 1;
            long v = before >> 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHR | 3;
        }
    }

    private static final class Shl32 extends Uop {
        @Override
        public void exec(Cpu c) {
            int before = (int) c.r[d] << (int) imm - 1;
            int v = before << 1;
            c.r[d] = v & 0xFFFFFFFFL;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHL | 2;
        }
    }

    private static final class Shr32 extends Uop {
        @Override
        public void exec(Cpu c) {
            int before = (int) c.r[d] >>> (int) imm - 1;
            int v = before >>> 1;
            c.r[d] = v;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHR | 2;
        }
    }

    private static final class Sar32 extends Uop {
        @Override
        public void exec(Cpu c) {
            int before = (int) c.r[d] >> (int) imm - 1;
            int v = before >> 1;
            c.r[d] = v & 0xFFFFFFFFL;
            c.ccDst = v;
            c.ccSrc = before;
            c.ccOp = Flags.SHR | 2;
        }
    }

    /** A count of 0: the value stays, flags too, but a 32-bit register loses its upper half. */
    static final class Nothing extends Uop {
        private final int size;

        Nothing(int size) {
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            if (size == 4) {
                c.r[d] &= 0xFFFFFFFFL;
            }
        }
    }

    /** Any operation and size by a constant. */
    private static final class Any extends Uop {
        private final int op;
        private final int size;
        private final int count;

        Any(int op, int size, int count) {
            this.op = op;
            this.size = size;
            this.count = count;
        }

        @Override
        public void exec(Cpu c) {
            shift(c, op, size, d, count);
        }
    }

    /** Any operation and size by CL. */
    static final class ByCl extends Uop {
        private final int op;
        private final int size;
        private final int most;

        ByCl(int op, int size) {
            this.op = op;
            this.size = size;
            this.most = size == 8 ? 63 : 31;
        }

        @Override
        public void exec(Cpu c) {
            int count = (int) c.r[Cpu.RCX] & most;
            if (count != 0) {
                shift(c, op, size, d, count);
            } else if (size == 4) {
                c.r[d] &= 0xFFFFFFFFL;
            }
        }
    }

    /** {@code count} is 1 to 31, or to 63 for 8 bytes; for small operands it may exceed their width. */
    private static void shift(Cpu c, int op, int size, int d, int count) {
        int bits = 8 * size;
        int up = 64 - bits;
        long value = c.r[d] << up >>> up;
        switch (op) {
            case ROL, ROR -> rotate(c, op == ROL, size, d, count, value);
            case RCL, RCR -> rotateCarry(c, op == RCL, size, d, count, value);
            case SHR -> {
                long before = value >>> count - 1;
                // Kept sign-extended for OF: its sign bit is that of the operand only for a count of 1.
                finish(c, Flags.SHR, size, d, before >>> 1, before << up >> up);
            }
            case SAR -> {
                long before = c.r[d] << up >> up >> count - 1;
                finish(c, Flags.SHR, size, d, before >> 1, before);
            }
            default -> {
                long before = count > bits ? 0 : value << count - 1;
                finish(c, Flags.SHL, size, d, before << 1, before << up >> up);
            }
        }
    }

    private static void finish(Cpu c, int kind, int size, int d, long v, long before) {
        int up = 64 - 8 * size;
        Semantics.setRegister(c, d, v, size);
        c.ccDst = v << up >> up;
        c.ccSrc = before;
        c.ccOp = kind | Integer.numberOfTrailingZeros(size);
    }

    private static void rotate(Cpu c, boolean left, int size, int d, int count, long value) {
        int bits = 8 * size;
        int n = (left ? count : -count) & bits - 1;
        long v = n == 0 ? value : value << n | value >>> bits - n;
        Semantics.setRegister(c, d, v, size);
        boolean top = (v >>> bits - 1 & 1) != 0;
        boolean carry = left ? (v & 1) != 0 : top;
        boolean overflow = left ? carry ^ top : top ^ (v >>> bits - 2 & 1) != 0;
        carryOverflow(c, carry, overflow);
    }

    private static void rotateCarry(Cpu c, boolean left, int size, int d, int count, long value) {
        int bits = 8 * size;
        int n = count % (bits + 1);
        boolean carry = Flags.cf(c);
        long v = value;
        for (int k = 0; k < n; k++) {
            if (left) {
                boolean out = (v >>> bits - 1 & 1) != 0;
                v = v << 1 | (carry ? 1 : 0);
                carry = out;
            } else {
                boolean out = (v & 1) != 0;
                v = (bits == 64 ? v : v & (1L << bits) - 1) >>> 1 | (carry ? 1L << bits - 1 : 0);
                carry = out;
            }
        }
        Semantics.setRegister(c, d, v, size);
        boolean top = (v >>> bits - 1 & 1) != 0;
        boolean overflow = left ? carry ^ top : top ^ (v >>> bits - 2 & 1) != 0;
        carryOverflow(c, carry, overflow);
    }

    private static void carryOverflow(Cpu c, boolean carry, boolean overflow) {
        Flags.setStatus(c, Flags.status(c) & ~(Flags.CF | Flags.OF) | (carry ? Flags.CF : 0) | (overflow ? Flags.OF : 0));
    }

    /** SHLD and SHRD of {@code r[d]} with bits of {@code r[a]}, by {@code r[b]}. */
    static final class Double extends Uop {
        private final boolean left;
        private final int size;

        Double(boolean left, int size) {
            this.left = left;
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            int count = (int) c.r[b] & (size == 8 ? 63 : 31);
            if (count == 0) {
                if (size == 4) {
                    c.r[d] &= 0xFFFFFFFFL;
                }
                return;
            }
            int bits = 8 * size;
            int up = 64 - bits;
            long x = c.r[d] << up >>> up;
            long y = c.r[a] << up >>> up;
            if (size == 2 && count > 16) {
                // Undefined; the operands follow each other round and round.
                long t = x;
                x = y;
                y = t;
                count -= 16;
            }
            long before;
            long v;
            if (left) {
                before = count == 1 ? x : x << count - 1 | y >>> bits - count + 1;
                v = count == bits ? y : x << count | y >>> bits - count;
                finish(c, Flags.SHL, size, d, v, before << up >> up);
            } else {
                before = count == 1 ? x : x >>> count - 1 | y << bits - count + 1;
                v = count == bits ? y : x >>> count | y << bits - count;
                finish(c, Flags.SHR, size, d, v, before << up >> up);
            }
        }
    }
}
