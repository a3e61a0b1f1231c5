package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Link;

/**
 * CMP or TEST with the conditional jump behind it, in one step. Both operands are brought to the top of a 64-bit word and down again, which
 * extends their sign and keeps signed and unsigned order: so one class serves all sizes. The flags are left as CMP and TEST leave them.
 */
public abstract class CompareBranch extends Branch {
    /** Conditions that have a class; the opposite ones exchange the two links. */
    static final int BELOW = 2, EQUAL = 4, NOT_ABOVE = 6, SIGN = 8, LESS = 12, NOT_GREATER = 14;

    /** {@link Alu#CMP} or {@link Alu#TEST}. */
    public final int op;
    /** Whether the second operand is {@code imm}, else {@code r[b]}. */
    public final boolean constant;
    /** Operand size in bytes. */
    public final int size;
    final int shift;
    final int kind;

    private CompareBranch(Alu compare, int cc, Link taken, Link fall) {
        super(cc, taken, fall);
        this.op = compare.op;
        this.constant = compare.constant;
        this.size = compare.size;
        this.shift = 64 - 8 * size;
        this.kind = (op == Alu.CMP ? Flags.SUB : Flags.LOGIC) | Integer.numberOfTrailingZeros(size);
        this.a = compare.a;
        this.b = compare.b;
        this.imm = compare.imm;
    }

    /**
     * Fuses.
     *
     * @param compare a CMP or TEST
     * @param cc an even condition number; for an odd one the caller exchanges the links
     * @return the step, or null when there is none for this pair
     */
    static CompareBranch of(Alu compare, int cc, Link taken, Link fall) {
        if (compare.op == Alu.CMP) {
            return switch (cc) {
                case BELOW -> compare.constant ? new CompareBelowConstant(compare, taken, fall) : new CompareBelow(compare, taken, fall);
                case EQUAL -> compare.constant ? new CompareEqualConstant(compare, taken, fall) : new CompareEqual(compare, taken, fall);
                case NOT_ABOVE -> compare.constant ? new CompareNotAboveConstant(compare, taken, fall) : new CompareNotAbove(compare, taken, fall);
                case LESS -> compare.constant ? new CompareLessConstant(compare, taken, fall) : new CompareLess(compare, taken, fall);
                case NOT_GREATER -> compare.constant ? new CompareNotGreaterConstant(compare, taken, fall) : new CompareNotGreater(compare, taken, fall);
                default -> null;
            };
        }
        return switch (cc) {
            case EQUAL -> compare.constant ? new TestEqualConstant(compare, cc, taken, fall) : new TestEqual(compare, cc, taken, fall);
            case LESS, SIGN -> compare.constant ? new TestLessConstant(compare, cc, taken, fall) : new TestLess(compare, cc, taken, fall);
            case NOT_GREATER -> compare.constant ? new TestNotGreaterConstant(compare, cc, taken, fall) : new TestNotGreater(compare, cc, taken, fall);
            // TEST clears CF and OF: below never, below or equal when equal.
            case NOT_ABOVE -> compare.constant ? new TestEqualConstant(compare, cc, taken, fall) : new TestEqual(compare, cc, taken, fall);
            default -> null;
        };
    }

    private static final class CompareBelow extends CompareBranch {
        CompareBelow(Alu compare, Link taken, Link fall) {
            super(compare, BELOW, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x + Long.MIN_VALUE < y + Long.MIN_VALUE ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareBelowConstant extends CompareBranch {
        CompareBelowConstant(Alu compare, Link taken, Link fall) {
            super(compare, BELOW, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x + Long.MIN_VALUE < y + Long.MIN_VALUE ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareEqual extends CompareBranch {
        CompareEqual(Alu compare, Link taken, Link fall) {
            super(compare, EQUAL, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x == y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareEqualConstant extends CompareBranch {
        CompareEqualConstant(Alu compare, Link taken, Link fall) {
            super(compare, EQUAL, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x == y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareNotAbove extends CompareBranch {
        CompareNotAbove(Alu compare, Link taken, Link fall) {
            super(compare, NOT_ABOVE, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x + Long.MIN_VALUE <= y + Long.MIN_VALUE ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareNotAboveConstant extends CompareBranch {
        CompareNotAboveConstant(Alu compare, Link taken, Link fall) {
            super(compare, NOT_ABOVE, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x + Long.MIN_VALUE <= y + Long.MIN_VALUE ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareLess extends CompareBranch {
        CompareLess(Alu compare, Link taken, Link fall) {
            super(compare, LESS, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x < y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareLessConstant extends CompareBranch {
        CompareLessConstant(Alu compare, Link taken, Link fall) {
            super(compare, LESS, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x < y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareNotGreater extends CompareBranch {
        CompareNotGreater(Alu compare, Link taken, Link fall) {
            super(compare, NOT_GREATER, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x <= y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class CompareNotGreaterConstant extends CompareBranch {
        CompareNotGreaterConstant(Alu compare, Link taken, Link fall) {
            super(compare, NOT_GREATER, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = kind;
            return x <= y ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestEqual extends CompareBranch {
        TestEqual(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & c.r[b]) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x == 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestEqualConstant extends CompareBranch {
        TestEqualConstant(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & imm) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x == 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestLess extends CompareBranch {
        TestLess(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & c.r[b]) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x < 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestLessConstant extends CompareBranch {
        TestLessConstant(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & imm) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x < 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestNotGreater extends CompareBranch {
        TestNotGreater(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & c.r[b]) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x <= 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class TestNotGreaterConstant extends CompareBranch {
        TestNotGreaterConstant(Alu compare, int cc, Link taken, Link fall) {
            super(compare, cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            long x = (c.r[a] & imm) << shift >> shift;
            c.ccDst = x;
            c.ccOp = kind;
            return x <= 0 ? taken.go(c) : fall.go(c);
        }
    }
}
