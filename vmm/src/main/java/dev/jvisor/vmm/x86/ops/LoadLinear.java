package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** Loads into {@code r[d]}: the linear address that an address step left in {@code r[TA]}. */
final class LoadLinear {
    private LoadLinear() { }

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
            super(Addressing.LINEAR, 1, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld8(c.r[Cpu.TA], this);
        }
    }

    private static final class U16 extends Load {
        U16() {
            super(Addressing.LINEAR, 2, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld16(c.r[Cpu.TA], this);
        }
    }

    private static final class U32 extends Load {
        U32() {
            super(Addressing.LINEAR, 4, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld32(c.r[Cpu.TA], this);
        }
    }

    private static final class U64 extends Load {
        U64() {
            super(Addressing.LINEAR, 8, 0);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.ld64(c.r[Cpu.TA], this);
        }
    }

    private static final class S8To32 extends Load {
        S8To32() {
            super(Addressing.LINEAR, 1, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (byte) c.ld8(c.r[Cpu.TA], this) & 0xFFFFFFFFL;
        }
    }

    private static final class S8To64 extends Load {
        S8To64() {
            super(Addressing.LINEAR, 1, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (byte) c.ld8(c.r[Cpu.TA], this);
        }
    }

    private static final class S16To32 extends Load {
        S16To32() {
            super(Addressing.LINEAR, 2, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (short) c.ld16(c.r[Cpu.TA], this) & 0xFFFFFFFFL;
        }
    }

    private static final class S16To64 extends Load {
        S16To64() {
            super(Addressing.LINEAR, 2, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (short) c.ld16(c.r[Cpu.TA], this);
        }
    }

    private static final class S32To64 extends Load {
        S32To64() {
            super(Addressing.LINEAR, 4, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (int) c.ld32(c.r[Cpu.TA], this);
        }
    }
}
