package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** Stores of {@code r[d]}: 32-bit addresses in flat segments, which wrap at 4 GiB. */
final class StoreWrapped {
    private StoreWrapped() { }

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
            super(Addressing.WRAPPED, 1);
        }

        @Override
        public void exec(Cpu c) {
            c.st8(c.r[a] + (c.r[b] << scale) + imm & 0xFFFFFFFFL, c.r[d], this);
        }
    }

    private static final class W16 extends Store {
        W16() {
            super(Addressing.WRAPPED, 2);
        }

        @Override
        public void exec(Cpu c) {
            c.st16(c.r[a] + (c.r[b] << scale) + imm & 0xFFFFFFFFL, c.r[d], this);
        }
    }

    private static final class W32 extends Store {
        W32() {
            super(Addressing.WRAPPED, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.st32(c.r[a] + (c.r[b] << scale) + imm & 0xFFFFFFFFL, c.r[d], this);
        }
    }

    private static final class W64 extends Store {
        W64() {
            super(Addressing.WRAPPED, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.st64(c.r[a] + (c.r[b] << scale) + imm & 0xFFFFFFFFL, c.r[d], this);
        }
    }
}
