package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A software partition with 64 MiB of RAM and VPs that run test code at {@link #CODE} until HLT. Memory below 1 GiB is mapped one to one by
 * 2 MiB pages for everybody, except the first 2 MiB, which have 4 KiB pages that tests may change.
 */
final class TestMachine implements InterceptHandler {
    static final long CODE = 0x100000;
    static final long STACK = 0x80000;
    static final long DATA = 0x90000;
    static final long TABLES = 0x10000;
    static final long GDT = 0x20000;
    static final long IDT = 0x21000;
    static final long PT = TABLES + 0x3000;
    static final int RAM = 64 << 20;

    final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(RAM, 4096));
    final BackendPartition partition;
    final List<BackendVp> vps = new ArrayList<>();
    final List<Interrupts> interrupts = new ArrayList<>();
    final StringBuilder output = new StringBuilder();
    final List<String> remarks = new ArrayList<>();

    TestMachine() {
        this(1);
    }

    TestMachine(int processors) {
        this(processors, CpuLevel.MAX);
    }

    TestMachine(int processors, CpuLevel cpu) {
        gpa.mapRam(0, RAM);
        partition = new SoftwareBackend().createPartition(gpa,
                new BackendConfig(processors, BackendConfig.Irqchip.USER, null, cpu, () -> 0, null, 0));
        for (int k = 0; k < processors; k++) {
            interrupts.add(new Interrupts());
            vps.add(partition.createVp(k, interrupts.get(k)));
        }
        w64(TABLES, TABLES + 0x1000 | 7);
        w64(TABLES + 0x1000, TABLES + 0x2000 | 7);
        for (int k = 0; k < 512; k++) {
            w64(TABLES + 0x2000 + 8 * k, k == 0 ? PT | 7 : (long) k << 21 | 0x87);
            w64(PT + 8 * k, (long) k << 12 | 7);
        }
        w64(GDT + 8, 0x00AF9B000000FFFFL);
        w64(GDT + 16, 0x00CF93000000FFFFL);
        w64(GDT + 24, 0x00CF9B000000FFFFL);
    }

    /** {@return {@link #long64} with all that XCR0 can enable, enabled} */
    static VpState avx64() {
        VpState s = long64();
        s.cr4 |= 1 << 18;
        s.xcr0 = 7;
        return s;
    }

    void w64(long at, long v) {
        for (int k = 0; k < 8; k++) {
            gpa.write(at + k, new byte[] {(byte) (v >>> 8 * k)});
        }
    }

    /** An IDT gate of 64-bit mode. */
    void gate(int vector, long target) {
        w64(IDT + 16L * vector, lowerHalf(8, target));
        w64(IDT + 16L * vector + 8, target >>> 32);
    }

    /** An IDT gate of 32-bit protected mode, to the code segment of {@link #flat32}. */
    void gate32(int vector, long target) {
        w64(IDT + 8L * vector, lowerHalf(24, target));
    }

    /** {@return an interrupt gate for ring 0, or the lower half of one of 64-bit mode} */
    private static long lowerHalf(long selector, long target) {
        return target & 0xFFFF | selector << 16 | 0x8E00L << 32 | (target & 0xFFFF0000L) << 32;
    }

    /** {@return 64-bit state in ring 0 at {@link #CODE}, interrupts off} */
    static VpState long64() {
        VpState s = flat32();
        s.seg[VpState.CS] = new SegmentState(8, 0, -1, 0xA09B);
        s.cr3 = TABLES;
        s.cr4 = 0x6A0;
        s.efer = 0xD00;
        s.cr0 = 0x80050033L;
        return s;
    }

    /** {@return 32-bit protected mode without paging, flat segments} */
    static VpState flat32() {
        VpState s = new VpState();
        for (int k = 0; k < 6; k++) {
            s.seg[k] = new SegmentState(16, 0, -1, 0xC093);
        }
        s.seg[VpState.CS] = new SegmentState(24, 0, -1, 0xC09B);
        s.tr = new SegmentState(0, 0, 0xFFFF, 0x8B);
        s.cr0 = 0x50033;
        s.gdtBase = GDT;
        s.gdtLimit = 0xFF;
        s.idtBase = IDT;
        s.idtLimit = 0xFFF;
        s.rip = CODE;
        s.rflags = 2;
        Arrays.fill(s.gpr, 0);
        s.gpr[4] = STACK;
        return s;
    }

    /** {@return real mode at 1000:0000} */
    static VpState real16() {
        VpState s = new VpState();
        for (int k = 0; k < 6; k++) {
            s.seg[k] = SegmentState.realMode(0x2000);
        }
        s.seg[VpState.CS] = new SegmentState(0x1000, 0x10000, 0xFFFF, 0x9B);
        s.rip = 0;
        s.gpr[4] = 0xFFF0;
        return s;
    }

    /** Puts code where {@code s} begins and runs VP 0 to its HLT. {@return the state left} */
    VpState run(VpState s, byte[] code) {
        gpa.write(s.seg[VpState.CS].base() + s.rip, code);
        vps.getFirst().setState(s);
        VpExit exit = vps.getFirst().run(this);
        VpState out = new VpState();
        vps.getFirst().getState(out);
        if (exit != VpExit.HALT) {
            throw new IllegalStateException(exit + "\n" + vps.getFirst().explain());
        }
        return out;
    }

    /** As {@link #run64}, from {@link #avx64}. */
    VpState runAvx(String source) {
        return run(avx64(), GnuAs.assemble(64, source + "\nhlt"));
    }

    VpState run64(String source) {
        return run(long64(), GnuAs.assemble(64, source + "\nhlt"));
    }

    @Override public int portRead(int vp, int port, int size) {
        return -1;
    }

    @Override public void portWrite(int vp, int port, int size, int value) {
        output.append((char) value);
    }

    @Override public long mmioRead(int vp, long address, int size) {
        return -1;
    }

    @Override public void mmioWrite(int vp, long address, int size, long value) { }

    @Override public boolean msrRead(int vp, int index, MsrValue value) {
        return false;
    }

    @Override public boolean msrWrite(int vp, int index, long value) {
        return false;
    }

    @Override public void remark(int vp, String what, long rip) {
        remarks.add(what);
    }

    /** Interrupts a test raises. */
    static final class Interrupts implements VpInterrupts {
        final AtomicInteger vector = new AtomicInteger(-1);
        volatile boolean nmi;

        @Override public int pendingVector() { return vector.get(); }
        @Override public int acknowledge() { return vector.getAndSet(-1); }

        @Override public boolean takeNmi() {
            boolean was = nmi;
            nmi = false;
            return was;
        }

        @Override public boolean nmiPending() { return nmi; }
    }
}
