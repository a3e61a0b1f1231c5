package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Link;
import dev.jvisor.vmm.x86.cpu.Uop;

/** A block's last step that goes one of two ways, both known at decode. */
public abstract class Branch extends Uop {
    /** Condition number under which {@link #taken} is followed; -1 for what is no condition of the flags. */
    public final int cc;
    /** Followed when the condition holds. */
    public final Link taken;
    /** Followed when it does not. */
    public final Link fall;

    Branch(int cc, Link taken, Link fall) {
        this.cc = cc;
        this.taken = taken;
        this.fall = fall;
    }

    @Override
    public final void exec(Cpu c) {
        c.next = leave(c);
    }

    @Override
    public final void forgetLinks() {
        taken.to = null;
        fall.to = null;
    }

    @Override
    public abstract Block leave(Cpu c);

    /** {@return a jump on a condition of the flags} @param producer the step that set the flags, when it is known */
    static Branch of(int cc, Link taken, Link fall, Uop producer) {
        // What leaves its result in ccDst and is no subtraction makes zero and sign a matter of one compare.
        boolean result = producer instanceof Alu p && p.op != Alu.SUB && p.op != Alu.SBB && p.op != Alu.CMP
                || producer instanceof Unary q && q.op <= Unary.DEC;
        if (result && cc == CompareBranch.EQUAL) {
            return new ResultZero(taken, fall);
        }
        if (result && cc == CompareBranch.SIGN) {
            return new ResultSign(taken, fall);
        }
        return switch (cc) {
            case CompareBranch.BELOW -> new Carry(taken, fall);
            case CompareBranch.EQUAL -> new Zero(taken, fall);
            case CompareBranch.SIGN -> new Sign(taken, fall);
            default -> new Any(cc, taken, fall);
        };
    }

    private static final class ResultZero extends Branch {
        ResultZero(Link taken, Link fall) {
            super(CompareBranch.EQUAL, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return c.ccDst == 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class ResultSign extends Branch {
        ResultSign(Link taken, Link fall) {
            super(CompareBranch.SIGN, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return c.ccDst < 0 ? taken.go(c) : fall.go(c);
        }
    }

    private static final class Carry extends Branch {
        Carry(Link taken, Link fall) {
            super(CompareBranch.BELOW, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return Flags.cf(c) ? taken.go(c) : fall.go(c);
        }
    }

    private static final class Zero extends Branch {
        Zero(Link taken, Link fall) {
            super(CompareBranch.EQUAL, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return Flags.zf(c) ? taken.go(c) : fall.go(c);
        }
    }

    private static final class Sign extends Branch {
        Sign(Link taken, Link fall) {
            super(CompareBranch.SIGN, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return Flags.sf(c) ? taken.go(c) : fall.go(c);
        }
    }

    private static final class Any extends Branch {
        Any(int cc, Link taken, Link fall) {
            super(cc, taken, fall);
        }

        @Override
        public Block leave(Cpu c) {
            return Flags.test(c, cc) ? taken.go(c) : fall.go(c);
        }
    }
}
