package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Insn;

/**
 * A step that applies a {@link FloatLane}: {@code d} destination, {@code b} first source, {@code a} second source. The result is computed
 * into a temporary register and copied once no exception ends the instruction.
 */
abstract class FloatUop extends Uop {
    /** The temporary register (index of its low half). */
    static final int TD = 34;

    /** What to apply. */
    final FloatLane lane;

    FloatUop(FloatLane lane) {
        this.lane = lane;
    }

    /** {@return the step for an instruction by its VEX.L; operands are the caller's to set} */
    static FloatUop vex(Insn i, FloatLane lane) {
        return i.vexL ? new Vex256(lane) : new Vex128(lane);
    }

    /** A legacy instruction: the destination is the first source, the upper half of the YMM register stays. */
    static final class Sse extends FloatUop {
        Sse(FloatLane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            long[] x = c.xmm;
            Mxcsr.begin(c);
            lane.apply(c, this, x, TD, d, a);
            Mxcsr.commit(c, this);
            x[d] = x[TD];
            x[d + 1] = x[TD + 1];
        }
    }

    /** VEX.128: the upper half becomes zero. */
    static final class Vex128 extends FloatUop {
        Vex128(FloatLane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            long[] x = c.xmm;
            Mxcsr.begin(c);
            lane.apply(c, this, x, TD, b, a);
            Mxcsr.commit(c, this);
            x[d] = x[TD];
            x[d + 1] = x[TD + 1];
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    /** VEX.256: both lanes. */
    static final class Vex256 extends FloatUop {
        Vex256(FloatLane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            long[] x = c.xmm;
            long[] y = c.ymmHigh;
            Mxcsr.begin(c);
            lane.apply(c, this, x, TD, b, a);
            lane.apply(c, this, y, TD, b, a);
            Mxcsr.commit(c, this);
            x[d] = x[TD];
            x[d + 1] = x[TD + 1];
            y[d] = y[TD];
            y[d + 1] = y[TD + 1];
        }
    }
}
