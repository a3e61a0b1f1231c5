package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** Stores of a constant: base and displacement, 64-bit addresses, no segment base. */
abstract sealed class StoreConstant extends Store {
    /** What to store. */
    final long value;

    private StoreConstant(int bytes, long value) {
        super(Addressing.BASE, bytes);
        this.value = value;
    }

    static Store of(int bytes, long value) {
        return switch (bytes) {
            case 1 -> new W8(value);
            case 2 -> new W16(value);
            case 4 -> new W32(value);
            default -> new W64(value);
        };
    }

    private static final class W8 extends StoreConstant {
        W8(long value) {
            super(1, value);
        }

        @Override
        public void exec(Cpu c) {
            c.st8(c.r[a] + imm, value, this);
        }
    }

    private static final class W16 extends StoreConstant {
        W16(long value) {
            super(2, value);
        }

        @Override
        public void exec(Cpu c) {
            c.st16(c.r[a] + imm, value, this);
        }
    }

    private static final class W32 extends StoreConstant {
        W32(long value) {
            super(4, value);
        }

        @Override
        public void exec(Cpu c) {
            c.st32(c.r[a] + imm, value, this);
        }
    }

    private static final class W64 extends StoreConstant {
        W64(long value) {
            super(8, value);
        }

        @Override
        public void exec(Cpu c) {
            c.st64(c.r[a] + imm, value, this);
        }
    }
}
