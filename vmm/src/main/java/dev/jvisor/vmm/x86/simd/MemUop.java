package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A load or store that computes its own address: {@code a} base, {@code b} index, {@code scale}, {@code imm} displacement. Outside flat
 * 64-bit code the base is {@code TA}, computed by a step before.
 */
abstract class MemUop extends Uop {
    static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** {@return the linear address} */
    final long va(Cpu c) {
        return c.r[a] + (c.r[b] << scale) + imm;
    }

    /** {@return the linear address of an operand; #GP unless a multiple of {@code alignment}, 16 or 32} */
    final long aligned(Cpu c, int alignment) {
        long va = c.r[a] + (c.r[b] << scale) + imm;
        if ((va & alignment - 1) != 0) {
            // That it is no address at all comes before that it is not aligned, and is #SS on the stack.
            boolean canonical = va << 16 >> 16 == va;
            throw c.fault(seg == Cpu.SS && !canonical ? Cpu.STACK : Cpu.GP, 0, this);
        }
        return va;
    }

    /** Loads 16 bytes into register {@code d}, all or nothing. */
    final void load16(Cpu c, long va) {
        long host = c.hostForRead(va, 16, this);
        long low;
        long high;
        if (host >= 0) {
            low = c.ram().get(LE64, host);
            high = c.ram().get(LE64, host + 8);
        } else {
            low = c.ld64(va, this);
            high = c.ld64(va + 8, this);
        }
        c.xmm[d] = low;
        c.xmm[d + 1] = high;
    }

    /** Loads 32 bytes into both halves of register {@code d}, all or nothing. */
    final void load32(Cpu c, long va) {
        long host = c.hostForRead(va, 32, this);
        long v0;
        long v1;
        long v2;
        long v3;
        if (host >= 0) {
            v0 = c.ram().get(LE64, host);
            v1 = c.ram().get(LE64, host + 8);
            v2 = c.ram().get(LE64, host + 16);
            v3 = c.ram().get(LE64, host + 24);
        } else {
            v0 = c.ld64(va, this);
            v1 = c.ld64(va + 8, this);
            v2 = c.ld64(va + 16, this);
            v3 = c.ld64(va + 24, this);
        }
        c.xmm[d] = v0;
        c.xmm[d + 1] = v1;
        c.ymmHigh[d] = v2;
        c.ymmHigh[d + 1] = v3;
    }

    /** Stores both halves of register {@code d}, all or nothing. */
    final void store32(Cpu c, long va) {
        long host = c.hostForWrite(va, 32, this);
        if (host >= 0) {
            c.ram().set(LE64, host, c.xmm[d]);
            c.ram().set(LE64, host + 8, c.xmm[d + 1]);
            c.ram().set(LE64, host + 16, c.ymmHigh[d]);
            c.ram().set(LE64, host + 24, c.ymmHigh[d + 1]);
        } else {
            c.st64(va, c.xmm[d], this);
            c.st64(va + 8, c.xmm[d + 1], this);
            c.st64(va + 16, c.ymmHigh[d], this);
            c.st64(va + 24, c.ymmHigh[d + 1], this);
        }
    }

    /** Stores register {@code d}, all or nothing. */
    final void store16(Cpu c, long va) {
        long host = c.hostForWrite(va, 16, this);
        if (host >= 0) {
            c.ram().set(LE64, host, c.xmm[d]);
            c.ram().set(LE64, host + 8, c.xmm[d + 1]);
        } else {
            c.st64(va, c.xmm[d], this);
            c.st64(va + 8, c.xmm[d + 1], this);
        }
    }

    /** XMM from 16 bytes at any address. */
    static final class Load16 extends MemUop {
        @Override
        public void exec(Cpu c) {
            load16(c, va(c));
        }
    }

    /** XMM from 16 aligned bytes. */
    static final class Load16Aligned extends MemUop {
        @Override
        public void exec(Cpu c) {
            load16(c, aligned(c, 16));
        }
    }

    /** YMM from 32 bytes at any address. */
    static final class Load32 extends MemUop {
        @Override
        public void exec(Cpu c) {
            load32(c, va(c));
        }
    }

    /** YMM from 32 aligned bytes. */
    static final class Load32Aligned extends MemUop {
        @Override
        public void exec(Cpu c) {
            load32(c, aligned(c, 32));
        }
    }

    /** YMM to 32 bytes at any address. */
    static final class Store32 extends MemUop {
        @Override
        public void exec(Cpu c) {
            store32(c, va(c));
        }
    }

    /** YMM to 32 aligned bytes. */
    static final class Store32Aligned extends MemUop {
        @Override
        public void exec(Cpu c) {
            store32(c, aligned(c, 32));
        }
    }

    /** XMM from 16 bytes at any address, the upper half of YMM zero. */
    static final class Load16Zero extends MemUop {
        @Override
        public void exec(Cpu c) {
            load16(c, va(c));
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    /** XMM from 8 bytes, upper half zero. */
    static final class Load8 extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.ld64(va(c), this);
            c.xmm[d + 1] = 0;
        }
    }

    /** XMM from 4 bytes, the rest zero. */
    static final class Load4 extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.ld32(va(c), this);
            c.xmm[d + 1] = 0;
        }
    }

    /** XMM from 2 bytes, the rest zero. */
    static final class Load2 extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.ld16(va(c), this);
            c.xmm[d + 1] = 0;
        }
    }

    /** The low element of XMM from 1, 2, 4 or 8 bytes; what is above in the low half is zero, the high half stays. */
    static final class LoadElement extends MemUop {
        private final int size;

        LoadElement(int size) {
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            long va = va(c);
            c.xmm[d] = switch (size) {
                case 1 -> c.ld8(va, this);
                case 2 -> c.ld16(va, this);
                case 4 -> c.ld32(va, this);
                default -> c.ld64(va, this);
            };
        }
    }

    /** One half of an XMM register from 8 bytes: {@code d} is the half's own index. */
    static final class LoadHalf extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.ld64(va(c), this);
        }
    }

    /** XMM to 16 bytes at any address. */
    static final class Store16 extends MemUop {
        @Override
        public void exec(Cpu c) {
            store16(c, va(c));
        }
    }

    /** XMM to 16 aligned bytes. */
    static final class Store16Aligned extends MemUop {
        @Override
        public void exec(Cpu c) {
            store16(c, aligned(c, 16));
        }
    }

    /** One half of an XMM register to 8 bytes: {@code d} is the half's own index. */
    static final class StoreHalf extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.st64(va(c), c.xmm[d], this);
        }
    }

    /** Low 4 bytes of XMM to memory. */
    static final class Store4 extends MemUop {
        @Override
        public void exec(Cpu c) {
            c.st32(va(c), c.xmm[d], this);
        }
    }

    /** General register {@code d} from 1, 2, 4 or 8 bytes, zero-extended. */
    static final class LoadGpr extends MemUop {
        private final int size;

        LoadGpr(int size) {
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            long va = va(c);
            c.r[d] = switch (size) {
                case 1 -> c.ld8(va, this);
                case 2 -> c.ld16(va, this);
                case 4 -> c.ld32(va, this);
                default -> c.ld64(va, this);
            };
        }
    }

    /** Low 1, 2, 4 or 8 bytes of general register {@code d} to memory. */
    static final class StoreGpr extends MemUop {
        private final int size;

        StoreGpr(int size) {
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            long va = va(c);
            switch (size) {
                case 1 -> c.st8(va, c.r[d], this);
                case 2 -> c.st16(va, c.r[d], this);
                case 4 -> c.st32(va, c.r[d], this);
                default -> c.st64(va, c.r[d], this);
            }
        }
    }
}
