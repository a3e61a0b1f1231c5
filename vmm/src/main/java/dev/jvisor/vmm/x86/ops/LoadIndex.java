package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** Loads into {@code r[d]}: base, scaled index and displacement, 64-bit addresses, no segment base. */
final class LoadIndex {
    private LoadIndex() { }

    static Load of(int bytes, int signTo) {
        return switch (bytes << 4 | signTo) {
            case 1 << 4 -> new U8();
            case 2 << 4 -> new U16();
            case 4 << 4 -> new U32();
            case 1 << 4 | 4 -> new S8To32();
            case 1 << 4 | 8 -> new S8To64();
            case 2 << 4 | 4 -> new S16To32();
            case 2 << 4 | 8 -> new S16To64();
            case 4 << 4 | 8 -> new S32To64();
            default -> new U64();
        };
    }

    private static final class U8 extends Load {
        U8() {
            super(Addressing.INDEX, 1, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld8(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class U16 extends Load {
        U16() {
            super(Addressing.INDEX, 2, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld16(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class U32 extends Load {
        U32() {
            super(Addressing.INDEX, 4, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld32(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class U64 extends Load {
        U64() {
            super(Addressing.INDEX, 8, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld64(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class S8To32 extends Load {
        S8To32() {
            super(Addressing.INDEX, 1, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (byte) c.ld8(c.r[a] + (c.r[b] << scale) + imm, this) & 0xFFFFFFFFL;
        }
    }

    private static final class S8To64 extends Load {
        S8To64() {
            super(Addressing.INDEX, 1, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (byte) c.ld8(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class S16To32 extends Load {
        S16To32() {
            super(Addressing.INDEX, 2, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (short) c.ld16(c.r[a] + (c.r[b] << scale) + imm, this) & 0xFFFFFFFFL;
        }
    }

    private static final class S16To64 extends Load {
        S16To64() {
            super(Addressing.INDEX, 2, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (short) c.ld16(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }

    private static final class S32To64 extends Load {
        S32To64() {
            super(Addressing.INDEX, 4, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (int) c.ld32(c.r[a] + (c.r[b] << scale) + imm, this);
        }
    }
}
