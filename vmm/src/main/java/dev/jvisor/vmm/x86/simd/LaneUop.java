package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Insn;

/**
 * A step that applies a {@link Lane}: {@code d} destination, {@code b} first source, {@code a} second source, {@code imm} immediate, and
 * {@code scale} by how much the immediate is shifted for the upper lane.
 */
abstract class LaneUop extends Uop {
    /** What to apply. */
    final Lane lane;

    LaneUop(Lane lane) {
        this.lane = lane;
    }

    /** {@return the step for an instruction by its VEX.L; operands are the caller's to set} */
    static LaneUop vex(Insn i, Lane lane) {
        return i.vexL ? new Vex256(lane) : new Vex128(lane);
    }

    /** A legacy instruction: the destination is the first source, the upper half of the YMM register stays. */
    static final class Sse extends LaneUop {
        Sse(Lane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            lane.apply(c.xmm, d, d, a, (int) imm);
        }
    }

    /** VEX.128: the upper half becomes zero. */
    static final class Vex128 extends LaneUop {
        Vex128(Lane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            lane.apply(c.xmm, d, b, a, (int) imm);
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    /** VEX.256: both lanes. */
    static final class Vex256 extends LaneUop {
        Vex256(Lane lane) {
            super(lane);
        }

        @Override
        public void exec(Cpu c) {
            lane.apply(c.xmm, d, b, a, (int) imm);
            lane.apply(c.ymmHigh, d, b, a, (int) imm >> scale);
        }
    }
}
