package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** Stores of {@code r[d]}: 64-bit addresses with the base of FS or GS. */
final class StoreSegment {
    private StoreSegment() { }

    static Store of(int bytes) {
        return switch (bytes) {
            case 1 -> new W8();
            case 2 -> new W16();
            case 4 -> new W32();
            default -> new W64();
        };
    }

    private static final class W8 extends Store {
        W8() {
            super(Addressing.SEGMENT, 1);
        }

        @Override
        public void exec(Cpu c) {
            c.st8(c.segBase[seg] + c.r[a] + (c.r[b] << scale) + imm, c.r[d], this);
        }
    }

    private static final class W16 extends Store {
        W16() {
            super(Addressing.SEGMENT, 2);
        }

        @Override
        public void exec(Cpu c) {
            c.st16(c.segBase[seg] + c.r[a] + (c.r[b] << scale) + imm, c.r[d], this);
        }
    }

    private static final class W32 extends Store {
        W32() {
            super(Addressing.SEGMENT, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.st32(c.segBase[seg] + c.r[a] + (c.r[b] << scale) + imm, c.r[d], this);
        }
    }

    private static final class W64 extends Store {
        W64() {
            super(Addressing.SEGMENT, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.st64(c.segBase[seg] + c.r[a] + (c.r[b] << scale) + imm, c.r[d], this);
        }
    }
}
