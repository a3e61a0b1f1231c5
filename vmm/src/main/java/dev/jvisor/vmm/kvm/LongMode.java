package dev.jvisor.vmm.kvm;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Puts a VP straight into 64-bit mode, for guests of a few instructions: page tables, GDT, TSS and IDT in RAM, laid out as Linux does it.
 *
 * <pre>
 *   0x80000  PML4, PDPT, page directory: the first GiB mapped onto itself, user pages
 *   0x83000  GDT     0x84000  TSS with an I/O bitmap that allows all ports
 *   0x87000  IDT: every vector goes to a stub, callable from any ring
 *   0x88000  stubs: write the vector to {@link #EXCEPTION}, halt
 *   0x8F000  end of the stack
 * </pre>
 */
final class LongMode {
    /** Guest physical address without memory: stubs report their vector here. */
    static final long EXCEPTION = 0x3001000;

    private static final int PML4 = 0x80000;
    private static final int PDPT = 0x81000;
    private static final int DIRECTORY = 0x82000;
    private static final int GDT = 0x83000;
    private static final int TSS = 0x84000;
    private static final int TSS_LIMIT = 0x2067;
    private static final int IDT = 0x87000;
    private static final int STUBS = 0x88000;
    private static final int STUB_SIZE = 16;
    private static final int STACK = 0x8F000;

    private static final int KERNEL_CS = 0x10;
    private static final int KERNEL_DS = 0x18;
    private static final int USER_DS = 0x2B;
    private static final int USER_CS = 0x33;
    private static final int TASK = 0x40;
    private static final int USER_SYSRET_BASE = 0x23;

    private static final int MSR_STAR = 0xC0000081;

    private LongMode() {
    }

    /** {@return a VP about to execute at {@code rip} in ring {@code cpl} (0 or 3); writes the tables into RAM, which is at least 1 MiB} */
    static VpState state(GpaSpace gpa, long rip, int cpl) {
        writePages(gpa);
        writeDescriptors(gpa);
        VpState s = new VpState();
        boolean user = cpl == 3;
        int dpl = user ? 0x60 : 0;
        s.seg[VpState.CS] = new SegmentState(user ? USER_CS : KERNEL_CS, 0, -1, 0xA09B | dpl);
        SegmentState data = new SegmentState(user ? USER_DS : KERNEL_DS, 0, -1, 0xC093 | dpl);
        for (int i : new int[] {VpState.ES, VpState.SS, VpState.DS, VpState.FS, VpState.GS}) {
            s.seg[i] = data;
        }
        s.tr = new SegmentState(TASK, TSS, TSS_LIMIT, 0x8B);
        s.ldtr = new SegmentState(0, 0, 0, 0x82);
        s.gdtBase = GDT;
        s.gdtLimit = 0x4F;
        s.idtBase = IDT;
        s.idtLimit = 0xFFF;
        s.cr0 = 0x80050033L; // PE MP ET NE WP AM PG
        s.cr3 = PML4;
        s.cr4 = 0x620; // PAE OSFXSR OSXMMEXCPT
        s.efer = 0xD01; // SCE LME LMA NXE
        s.msrs.put(MSR_STAR, (long) USER_SYSRET_BASE << 48 | (long) KERNEL_CS << 32);
        s.rip = rip;
        s.gpr[4] = STACK - 0x100;
        s.fcw = 0x37F;
        return s;
    }

    private static void writePages(GpaSpace gpa) {
        int present = 7; // present, writable, user
        ByteBuffer entry = buffer(8);
        gpa.write(PML4, entry.putLong(0, PDPT | present).array());
        gpa.write(PDPT, entry.putLong(0, DIRECTORY | present).array());
        ByteBuffer directory = buffer(4096);
        for (int i = 0; i < 512; i++) {
            directory.putLong((long) i << 21 | 0x80 | present);
        }
        gpa.write(DIRECTORY, directory.array());
    }

    private static void writeDescriptors(GpaSpace gpa) {
        ByteBuffer gdt = buffer(0x50);
        gdt.putLong(KERNEL_CS, 0x00AF9B000000FFFFL);
        gdt.putLong(KERNEL_DS, 0x00CF93000000FFFFL);
        gdt.putLong(USER_SYSRET_BASE & ~7, 0x00CFFB000000FFFFL);
        gdt.putLong(USER_DS & ~7, 0x00CFF3000000FFFFL);
        gdt.putLong(USER_CS & ~7, 0x00AFFB000000FFFFL);
        gdt.putLong(TASK, 0x0000_8B00_0000_0000L | TSS_LIMIT | (long) (TSS & 0xFFFFFF) << 16);
        gpa.write(GDT, gdt.array());

        ByteBuffer tss = buffer(TSS_LIMIT + 1);
        tss.putLong(4, STACK); // RSP0
        tss.putShort(102, (short) 104); // I/O bitmap right behind
        gpa.write(TSS, tss.array());

        ByteBuffer idt = buffer(4096);
        ByteBuffer stubs = buffer(256 * STUB_SIZE);
        for (int v = 0; v < 256; v++) {
            long stub = STUBS + v * STUB_SIZE;
            idt.putLong(16 * v, stub & 0xFFFF | (long) KERNEL_CS << 16 | 0xEE00L << 32 | (stub >>> 16 & 0xFFFF) << 48);
            // mov al,v; mov [EXCEPTION],al; hlt
            stubs.position(v * STUB_SIZE);
            stubs.put((byte) 0xB0).put((byte) v).put((byte) 0xA2).putLong(EXCEPTION).put((byte) 0xF4);
        }
        gpa.write(IDT, idt.array());
        gpa.write(STUBS, stubs.array());
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
