package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Steps that compute a linear address into {@code r[TA]}: {@code a} base, {@code b} index, {@code scale}, {@code imm} displacement. */
final class AddressUop {
    private AddressUop() { }

    static void emit(Emitter e, Insn i, int size, boolean write) {
        Uop u;
        if ((i.mode & Cpu.MODE_FLAT) != 0) {
            boolean based = i.seg == Cpu.FS || i.seg == Cpu.GS;
            if (i.addrSize == 8) {
                u = based ? new Based64() : new Flat64();
            } else {
                u = based && i.code != 8 ? new Checked(i.addrSize, size, write) : new Truncated(i.addrSize, based);
            }
        } else {
            u = new Checked(i.addrSize, size, write);
        }
        u.a = i.base;
        u.b = i.index;
        u.scale = i.scale;
        u.imm = i.disp;
        u.seg = i.seg;
        e.add(u);
    }

    /** 64-bit address, no segment base. */
    private static final class Flat64 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[Cpu.TA] = c.r[a] + (c.r[b] << scale) + imm;
        }
    }

    /** 64-bit address with the base of FS or GS. */
    private static final class Based64 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[Cpu.TA] = c.segBase[seg] + c.r[a] + (c.r[b] << scale) + imm;
        }
    }

    /** 32- or 16-bit address in a flat mode, perhaps with a base in 64-bit mode. */
    private static final class Truncated extends Uop {
        private final long mask;
        private final boolean based;

        Truncated(int addrSize, boolean based) {
            this.mask = addrSize == 4 ? 0xFFFFFFFFL : 0xFFFF;
            this.based = based;
        }

        @Override
        public void exec(Cpu c) {
            long offset = c.r[a] + (c.r[b] << scale) + imm & mask;
            c.r[Cpu.TA] = based ? c.segBase[seg] + offset : offset;
        }
    }

    /** An address checked against its segment's limit and rights (Intel SDM 3A, 5.3 to 5.5), in modes with segmentation. */
    private static final class Checked extends Uop {
        private final long mask;
        private final int size;
        private final boolean write;

        Checked(int addrSize, int size, boolean write) {
            this.mask = addrSize == 8 ? -1L : addrSize == 4 ? 0xFFFFFFFFL : 0xFFFF;
            this.size = size;
            this.write = write;
        }

        @Override
        public void exec(Cpu c) {
            long offset = c.r[a] + (c.r[b] << scale) + imm & mask;
            c.r[Cpu.TA] = SegmentCheck.linear(c, seg, offset, size, write, this);
        }
    }
}
