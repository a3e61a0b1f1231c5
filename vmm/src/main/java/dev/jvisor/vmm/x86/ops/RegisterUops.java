package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Steps that move values between registers, without flags. */
final class RegisterUops {
    private RegisterUops() { }

    /** {@code r[d] = imm}. */
    static final class Constant extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = imm;
        }
    }

    /** {@code r[d] = r[a]}. */
    static final class Move64 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a];
        }
    }

    /** Low 32 bits, the rest cleared. */
    static final class Move32 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] & 0xFFFFFFFFL;
        }
    }

    /** Low 16 bits, the rest kept. */
    static final class Move16 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFFFFL | c.r[a] & 0xFFFF;
        }
    }

    /** Low byte, the rest kept. */
    static final class Move8 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFFL | c.r[a] & 0xFF;
        }
    }

    /** Second byte of {@code r[a]}, zero-extended. */
    static final class TakeHigh extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] >>> 8 & 0xFF;
        }
    }

    /** Low byte of {@code r[a]} into the second byte of {@code r[d]}. */
    static final class PutHigh extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFF00L | (c.r[a] & 0xFF) << 8;
        }
    }

    /** Low 16 bits replaced by a constant. */
    static final class Constant16 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFFFFL | imm;
        }
    }

    /** Low byte replaced by a constant. */
    static final class Constant8 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFFL | imm;
        }
    }

    /** Zero-extends a byte or 16 bits. */
    static final class ZeroExtend extends Uop {
        private final long mask;

        ZeroExtend(int bytes) {
            this.mask = bytes == 1 ? 0xFF : 0xFFFF;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] & mask;
        }
    }

    /** Sign-extends from {@code 64 - shift} bits, keeping the bits of {@code mask}: the destination is 4 or 8 bytes wide. */
    static final class SignExtend extends Uop {
        private final int shift;
        private final long mask;

        SignExtend(int bytes, int to) {
            this.shift = 64 - 8 * bytes;
            this.mask = to == 8 ? -1L : 0xFFFFFFFFL;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] << shift >> shift & mask;
        }
    }

    /** Effective address, 64 bits. */
    static final class Lea64 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] + (c.r[b] << scale) + imm;
        }
    }

    /** Effective address without an index, 64 bits. */
    static final class LeaBase64 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] + imm;
        }
    }

    /** Effective address truncated by a mask. */
    static final class LeaMasked extends Uop {
        private final long mask;

        LeaMasked(long mask) {
            this.mask = mask;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[a] + (c.r[b] << scale) + imm & mask;
        }
    }

    /** Exchanges two registers, each {@code mask} wide; 32 bits clear the upper halves. */
    static final class Exchange extends Uop {
        private final long keep;
        private final long mask;

        Exchange(int bytes) {
            this.mask = bytes == 8 ? -1L : (1L << 8 * bytes) - 1;
            this.keep = bytes >= 4 ? 0 : ~mask;
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[a];
            long y = c.r[d];
            c.r[a] = x & keep | y & mask;
            c.r[d] = y & keep | x & mask;
        }
    }
}
