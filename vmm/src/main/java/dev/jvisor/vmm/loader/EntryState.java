package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The states kernels are entered in, with the GDT and page tables they need written to the guest's memory. */
final class EntryState {
    /** Selectors as Linux's boot protocol wants them (__BOOT_CS, __BOOT_DS). */
    static final int CODE = 0x10;
    static final int DATA = 0x18;
    private static final int TSS = 0x20;

    private static final long DATA_DESCRIPTOR = 0x00CF93000000FFFFL;
    private static final long CODE32_DESCRIPTOR = 0x00CF9B000000FFFFL;
    private static final long CODE64_DESCRIPTOR = 0x00AF9B000000FFFFL;
    private static final long TSS_DESCRIPTOR = 0x00008B0000000067L;

    private static final long CR0_PE = 1, CR0_ET = 1 << 4, CR0_PG = 1L << 31;
    private static final long CR4_PAE = 1 << 5;
    private static final long EFER_LME = 1 << 8, EFER_LMA = 1 << 10;
    private static final int PAGE_PRESENT_WRITABLE = 3;
    private static final int PAGE_LARGE = 0x80;

    private EntryState() { }

    /** {@return real mode at a linear address below 1 MiB} */
    static VpState real16(long address) {
        VpState s = new VpState();
        int selector = address < 0x10000 ? 0 : (int) (address >> 4);
        for (int i = 0; i < 6; i++) {
            s.seg[i] = SegmentState.realMode(0);
        }
        s.seg[VpState.CS] = new SegmentState(selector, (long) selector << 4, 0xFFFF, 0x9B);
        s.rip = address - ((long) selector << 4);
        s.gpr[4] = 0x7000;
        s.idtLimit = 0x3FF;
        s.cr0 = CR0_ET;
        return s;
    }

    /** {@return flat 32-bit protected mode without paging, interrupts off} */
    static VpState protected32(GpaSpace gpa, long entry) {
        VpState s = flat(gpa, CODE32_DESCRIPTOR, SegmentState.DB);
        s.rip = entry;
        s.cr0 = CR0_PE | CR0_ET;
        return s;
    }

    /** {@return 64-bit mode with the first 4 GiB mapped to themselves, interrupts off} */
    static VpState long64(GpaSpace gpa, long entry) {
        ByteBuffer tables = ByteBuffer.allocate(6 * 4096).order(ByteOrder.LITTLE_ENDIAN);
        tables.putLong(0, BootLayout.PDPT | PAGE_PRESENT_WRITABLE);
        for (int i = 0; i < 4; i++) {
            tables.putLong(4096 + i * 8, BootLayout.PAGE_DIRECTORIES + i * 4096 | PAGE_PRESENT_WRITABLE);
        }
        for (int i = 0; i < 4 * 512; i++) {
            tables.putLong(8192 + i * 8, (long) i << 21 | PAGE_LARGE | PAGE_PRESENT_WRITABLE);
        }
        gpa.write(BootLayout.PML4, tables.array());
        VpState s = flat(gpa, CODE64_DESCRIPTOR, SegmentState.L);
        s.rip = entry;
        s.cr0 = CR0_PE | CR0_ET | CR0_PG;
        s.cr3 = BootLayout.PML4;
        s.cr4 = CR4_PAE;
        s.efer = EFER_LME | EFER_LMA;
        return s;
    }

    private static VpState flat(GpaSpace gpa, long codeDescriptor, int codeBits) {
        ByteBuffer gdt = ByteBuffer.allocate(0x28).order(ByteOrder.LITTLE_ENDIAN);
        gdt.putLong(CODE, codeDescriptor).putLong(DATA, DATA_DESCRIPTOR).putLong(TSS, TSS_DESCRIPTOR);
        gpa.write(BootLayout.GDT, gdt.array());
        VpState s = new VpState();
        SegmentState data = new SegmentState(DATA, 0, -1, 0x93 | SegmentState.DB | SegmentState.G);
        for (int i = 0; i < 6; i++) {
            s.seg[i] = data;
        }
        s.seg[VpState.CS] = new SegmentState(CODE, 0, -1, 0x9B | SegmentState.G | codeBits);
        s.tr = new SegmentState(TSS, 0, 0x67, 0x8B);
        s.ldtr = new SegmentState(0, 0, 0, 0x82 | SegmentState.UNUSABLE);
        s.gdtBase = BootLayout.GDT;
        s.gdtLimit = 0x27;
        s.idtLimit = 0;
        s.gpr[2] = 0;
        s.gpr[4] = BootLayout.STACK_TOP;
        return s;
    }
}
