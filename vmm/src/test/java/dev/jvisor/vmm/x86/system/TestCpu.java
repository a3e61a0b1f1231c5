package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A VP with 4 MiB of RAM, descriptor tables at fixed places, and handlers that record. */
final class TestCpu {
    static final int GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, TABLES = 0x10000;
    static final int CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x18 | 3, DATA3 = 0x20 | 3, TSS_SEL = 0x28, CODE64 = 0x38, CODE64_3 = 0x40 | 3,
            GATE = 0x50, TSS2_SEL = 0x60;
    static final long CODE32_D = 0x00CF9B000000FFFFL, DATA_D = 0x00CF93000000FFFFL, CODE64_D = 0x00AF9B000000FFFFL;
    static final long DPL3 = 0x0000_6000_0000_0000L;

    final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(4 << 20, 4096));
    final List<String> events = new ArrayList<>();
    final Interrupts interrupts = new Interrupts();
    final Cpu c;
    long now = 1_000_000;

    TestCpu() {
        gpa.mapRam(0, 4 << 20);
        c = new Cpu(1, gpa, interrupts, CpuidModel.build(4, 1_000_000_000, CpuLevel.MAX), () -> now, 1_000_000_000);
        c.handler = new Handler();
        Reset.powerOn(c);
    }

    /** An instruction at {@code rip}, two bytes long. */
    Uop at(long ip) {
        Uop u = new CallUop(null);
        u.ip = ip;
        u.len = 2;
        return u;
    }

    Uop here() {
        return at(c.rip);
    }

    /** Runs something that is to fault. {@return the vector and error code, as text} */
    String fault(Runnable r) {
        try {
            r.run();
        } catch (GuestFault f) {
            return c.faultVector + (c.faultError == Cpu.NO_ERROR ? "" : ":" + Integer.toHexString(c.faultError));
        }
        return "none";
    }

    void w64(long at, long v) {
        for (int k = 0; k < 8; k++) {
            gpa.write(at + k, new byte[] {(byte) (v >>> 8 * k)});
        }
    }

    void w32(long at, long v) {
        for (int k = 0; k < 4; k++) {
            gpa.write(at + k, new byte[] {(byte) (v >>> 8 * k)});
        }
    }

    void w16(long at, int v) {
        gpa.write(at, new byte[] {(byte) v, (byte) (v >> 8)});
    }

    long r64(long at) {
        return gpa.read64(at);
    }

    int r32(long at) {
        return gpa.read32(at);
    }

    int r16(long at) {
        return gpa.read16(at);
    }

    static long tss(long base, int limit, int type) {
        return limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | (long) (0x80 | type) << 40 | (base >>> 24 & 0xFF) << 56;
    }

    static long gate(int selector, long offset, int type, int dpl, int count) {
        return offset & 0xFFFF | (long) selector << 16 | (long) count << 32 | (long) (0x80 | dpl << 5 | type) << 40 | (offset >>> 16 & 0xFFFF) << 48;
    }

    void gdt() {
        w64(GDT + 0x08, CODE32_D);
        w64(GDT + 0x10, DATA_D);
        w64(GDT + 0x18, CODE32_D | DPL3);
        w64(GDT + 0x20, DATA_D | DPL3);
        w64(GDT + 0x28, tss(TSS, 0x2FFF, 9));
        w64(GDT + 0x30, 0);
        w64(GDT + 0x38, CODE64_D);
        w64(GDT + 0x40, CODE64_D | DPL3);
        c.gdtBase = GDT;
        c.gdtLimit = 0xFF;
        c.idtBase = IDT;
        c.idtLimit = 0xFFF;
    }

    void load(int seg, int selector) {
        long d = r64(GDT + (selector & ~7));
        SegmentLoad.set(c, seg, selector, d);
    }

    /** 32-bit protected mode, ring 0 or 3, no paging, flat segments, stack at 0x9000. */
    TestCpu protectedMode(int cpl) {
        gdt();
        c.cr0 = Cpu.CR0_PE | Cpu.CR0_ET | Cpu.CR0_NE;
        load(Cpu.CS, cpl == 0 ? CODE0 : CODE3);
        for (int s : new int[] {Cpu.SS, Cpu.DS, Cpu.ES, Cpu.FS, Cpu.GS}) {
            load(s, cpl == 0 ? DATA0 : DATA3);
        }
        load(Cpu.TR, TSS_SEL);
        c.segAttr[Cpu.TR] |= 2;
        w32(TSS + 4, 0x8000);
        w32(TSS + 8, DATA0);
        w16(TSS + 0x66, 0x68);
        c.cpl = cpl;
        c.rip = 0x5000;
        c.r[Cpu.RSP] = 0x9000;
        c.modeChanged();
        return this;
    }

    /** 64-bit mode, ring 0 or 3, the first 1 GiB mapped one to one by 2 MiB pages for everybody, stack at 0x9000. */
    TestCpu longMode(int cpl) {
        protectedMode(cpl);
        w64(TABLES, TABLES + 0x1000 | 7);
        w64(TABLES + 0x1000, TABLES + 0x2000 | 7);
        for (int k = 0; k < 512; k++) {
            w64(TABLES + 0x2000 + 8 * k, (long) k << 21 | 0x87);
        }
        c.cr3 = TABLES;
        c.cr4 = Cpu.CR4_PAE;
        c.efer = Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_SCE;
        c.cr0 |= Cpu.CR0_PG;
        load(Cpu.CS, cpl == 0 ? CODE64 : CODE64_3);
        c.segLimit[Cpu.TR] = 0x2FFF;
        w64(TSS + 4, 0x8008);
        w64(TSS + 36, 0x7008);
        w16(TSS + 0x66, 0x68);
        c.flushTlb();
        c.modeChanged();
        return this;
    }

    void idt64(int vector, int selector, long offset, int type, int dpl, int ist) {
        w64(IDT + vector * 16L, gate(selector, offset, type, dpl, ist));
        w64(IDT + vector * 16L + 8, offset >>> 32);
    }

    void idt32(int vector, int selector, long offset, int type, int dpl) {
        w64(IDT + vector * 8L, gate(selector, offset, type, dpl, 0));
    }

    static final class Interrupts implements VpInterrupts {
        int cr8;
        boolean enabled = true;
        long tscOffset;

        @Override public void setTscOffset(long offset) { tscOffset = offset; }
        @Override public int pendingVector() { return -1; }
        @Override public int acknowledge() { return -1; }
        @Override public boolean takeNmi() { return false; }
        @Override public boolean nmiPending() { return false; }
        @Override public boolean takeInit() { return false; }
        @Override public boolean initPending() { return false; }
        @Override public int takeSipi() { return -1; }
        @Override public boolean sipiPending() { return false; }
        @Override public int cr8() { return cr8; }
        @Override public void setCr8(int value) { cr8 = value; }
        @Override public boolean localApicEnabled() { return enabled; }
    }

    final class Handler implements InterceptHandler {
        int next = 0x12345678;

        @Override public int portRead(int vp, int port, int size) {
            events.add("in " + Integer.toHexString(port) + "/" + size);
            return size == 4 ? next : next & (1 << 8 * size) - 1;
        }

        @Override public void portWrite(int vp, int port, int size, int value) {
            events.add("out " + Integer.toHexString(port) + "/" + size + "=" + Integer.toHexString(value));
        }

        @Override public long mmioRead(int vp, long gpa, int size) { return -1; }
        @Override public void mmioWrite(int vp, long gpa, int size, long value) { }

        @Override public boolean msrRead(int vp, int index, MsrValue value) {
            value.value = index == MsrFile.IA32_APIC_BASE ? 0xFEE00800L : 0;
            return index == MsrFile.IA32_APIC_BASE;
        }

        @Override public boolean msrWrite(int vp, int index, long value) {
            events.add("msr " + Integer.toHexString(index) + "=" + Long.toHexString(value));
            return index == MsrFile.IA32_TSC_DEADLINE;
        }
    }
}
