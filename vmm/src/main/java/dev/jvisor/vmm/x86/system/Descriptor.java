package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Segment and gate descriptors as raw 64-bit values (Intel SDM 3A, 3.4.5 and 5.8.3), and where they lie. */
final class Descriptor {
    /** System descriptor types. */
    static final int TSS16 = 1, LDT = 2, TSS16_BUSY = 3, CALL_GATE16 = 4, TASK_GATE = 5, INTERRUPT_GATE16 = 6, TRAP_GATE16 = 7, TSS32 = 9,
            TSS32_BUSY = 11, CALL_GATE32 = 12, INTERRUPT_GATE32 = 14, TRAP_GATE32 = 15;
    /** Bit of {@link Cpu#segAttr}: loaded with a null selector. */
    static final int UNUSABLE = 1 << 16;

    private Descriptor() { }

    static long base(long d) {
        return d >>> 16 & 0xFF_FFFF | d >>> 32 & 0xFF00_0000L;
    }

    static int limit(long d) {
        int l = (int) (d & 0xFFFF | d >>> 32 & 0xF_0000);
        return (d >>> 55 & 1) != 0 ? l << 12 | 0xFFF : l;
    }

    /** {@return the attributes as {@link Cpu#segAttr} keeps them} */
    static int attr(long d) {
        return (int) (d >>> 40) & 0xF0FF;
    }

    static int type(long d) {
        return (int) (d >>> 40) & 15;
    }

    /** {@return whether it describes code or data, rather than a system segment or gate} */
    static boolean isSegment(long d) {
        return (d >>> 44 & 1) != 0;
    }

    static boolean isCode(long d) {
        return (d >>> 43 & 3) == 3;
    }

    static boolean isConforming(long d) {
        return (d >>> 42 & 1) != 0;
    }

    static boolean isWritableData(long d) {
        return (d >>> 40 & 0x1A) == 0x12;
    }

    static int dpl(long d) {
        return (int) (d >>> 45) & 3;
    }

    static boolean isPresent(long d) {
        return (d >>> 47 & 1) != 0;
    }

    /** {@return bit L: 64-bit code} */
    static boolean isLong(long d) {
        return (d >>> 53 & 1) != 0;
    }

    /** {@return bit D/B} */
    static boolean isBig(long d) {
        return (d >>> 54 & 1) != 0;
    }

    static int gateSelector(long d) {
        return (int) (d >>> 16) & 0xFFFF;
    }

    static long gateOffset(long d) {
        return d & 0xFFFF | d >>> 32 & 0xFFFF_0000L;
    }

    static boolean isNull(int selector) {
        return (selector & 0xFFFC) == 0;
    }

    static boolean canonical(long address) {
        return address << 16 >> 16 == address;
    }

    /** {@return whether {@code bytes} of a descriptor lie inside the table its selector names} */
    static boolean within(Cpu c, int selector, int bytes) {
        int last = (selector & 0xFFF8) + bytes - 1;
        if ((selector & 4) == 0) {
            return last <= c.gdtLimit;
        }
        return (c.segAttr[Cpu.LDTR] & UNUSABLE) == 0 && Integer.compareUnsigned(last, c.segLimit[Cpu.LDTR]) <= 0;
    }

    /** {@return linear address of a descriptor} */
    static long address(Cpu c, int selector) {
        long at = ((selector & 4) == 0 ? c.gdtBase : c.segBase[Cpu.LDTR]) + (selector & 0xFFF8);
        return c.longActive() ? at : at & 0xFFFF_FFFFL;
    }

    /** Reads a descriptor. @param vector fault when it lies outside its table. @param ext bit 0 of the error code */
    static long read(Cpu c, int selector, int vector, int ext, Uop u) {
        if (!within(c, selector, 8)) {
            throw c.fault(vector, selector & 0xFFFC | ext, u);
        }
        return c.mmu.systemLoad(address(c, selector), 8, u);
    }

    /** Reads the upper half of a 16-byte system descriptor of long mode. */
    static long readHigh(Cpu c, int selector, int vector, int ext, Uop u) {
        if (!within(c, selector, 16)) {
            throw c.fault(vector, selector & 0xFFFC | ext, u);
        }
        return c.mmu.systemLoad(address(c, selector) + 8, 8, u);
    }

    /** Sets the accessed bit in memory unless it is set. {@return the descriptor with it} */
    static long access(Cpu c, int selector, long d, Uop u) {
        if ((d >>> 40 & 1) == 0) {
            d |= 1L << 40;
            c.mmu.systemStore(address(c, selector) + 5, 1, d >>> 40, u);
        }
        return d;
    }

    /** Sets or clears the busy bit of a TSS descriptor in memory. */
    static void setBusy(Cpu c, int selector, boolean busy, Uop u) {
        long at = address(c, selector) + 5;
        long was = c.mmu.systemLoad(at, 1, u);
        c.mmu.systemStore(at, 1, busy ? was | 2 : was & ~2L, u);
    }
}
