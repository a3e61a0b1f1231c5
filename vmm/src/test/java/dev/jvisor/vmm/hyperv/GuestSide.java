package dev.jvisor.vmm.hyperv;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.time.VirtualClock;
import java.lang.foreign.MemorySegment;

/** A partition with the interface, on virtual time, and the guest's moves as methods. */
final class GuestSide implements AutoCloseable {
    static final long HYPERCALL_PAGE = 0x10000, INPUT = 0x11000, TSC_PAGE = 0x12000;
    static final int SINT_VECTOR = 0xF3;
    static final int PORT = 0xBC;
    static final int SLOT = 2 * 256;

    final IdleBackend backend = new IdleBackend();
    final VirtualClock clock = new VirtualClock();
    final Partition partition;
    final Hypervisor hypervisor;
    final GpaSpace gpa;

    GuestSide(int processors) {
        this(processors, HypervisorConfig.defaults().withSyntheticTimers(true).withMessageQueue(8));
    }

    GuestSide(int processors, HypervisorConfig config) {
        partition = Partition.create(backend, PartitionConfig.of("test", 4 << 20).withProcessors(processors), clock);
        hypervisor = Hypervisor.attach(partition, config);
        gpa = partition.gpa();
        for (int vp = 0; vp < processors; vp++) {
            apic(vp).mmioWrite(0xF0, 4, 0x1FF);
        }
    }

    LocalApic apic(int vp) {
        return partition.softwareInterrupts().localApic(vp);
    }

    boolean canRead(int vp, int msr) {
        return partition.msrs().find(msr).msrRead(vp, msr, new MsrValue());
    }

    long read(int vp, int msr) {
        MsrValue v = new MsrValue();
        assertTrue(partition.msrs().find(msr).msrRead(vp, msr, v), "#GP on RDMSR " + Integer.toHexString(msr));
        return v.value;
    }

    boolean tryWrite(int vp, int msr, long value) {
        return partition.msrs().find(msr).msrWrite(vp, msr, value);
    }

    void write(int vp, int msr, long value) {
        assertTrue(tryWrite(vp, msr, value), "#GP on WRMSR " + Integer.toHexString(msr));
    }

    void enableHypercalls() {
        write(0, SyntheticMsrs.GUEST_OS_ID, 0x8100L << 48);
        write(0, SyntheticMsrs.HYPERCALL, HYPERCALL_PAGE | 1);
    }

    long hypercall(int vp, long control, long in, long out) {
        long[] r = backend.registers[vp];
        r[0] = 0x1234;
        r[1] = control;
        r[2] = in;
        r[8] = out;
        partition.ports().find(PORT).portWrite(vp, PORT, 4, 0);
        return r[0];
    }

    long simpPage(int vp) {
        return 0x20000 + vp * 0x2000L;
    }

    long siefpPage(int vp) {
        return 0x21000 + vp * 0x2000L;
    }

    /** As Linux does it (hv_synic_enable_regs). */
    void enableSynic(int vp) {
        write(vp, SyntheticMsrs.SIMP, simpPage(vp) | 1);
        write(vp, SyntheticMsrs.SIEFP, siefpPage(vp) | 1);
        write(vp, SyntheticMsrs.SINT0 + 2, SINT_VECTOR);
        write(vp, SyntheticMsrs.SCONTROL, 1);
    }

    /** {@return the vector that interrupts the VP now, handled to the end; -1 for none} */
    int takeInterrupt(int vp) {
        int vector = apic(vp).pendingVector();
        if (vector >= 0) {
            apic(vp).acknowledge();
            apic(vp).mmioWrite(0xB0, 4, 0);
        }
        return vector;
    }

    int slotType(int vp) {
        return gpa.read32(simpPage(vp) + SLOT);
    }

    boolean slotPending(int vp) {
        return (gpa.read8(simpPage(vp) + SLOT + 5) & 1) != 0;
    }

    /** Empties the slot and, if asked to, tells so: the guest's half of the protocol. */
    void consume(int vp) {
        long at = gpa.hostOffset(simpPage(vp) + SLOT);
        Layouts.INT.setVolatile(gpa.host(), at, 0);
        if (slotPending(vp)) {
            write(vp, SyntheticMsrs.EOM, 0);
        }
    }

    static MemorySegment payload(long value) {
        MemorySegment s = MemorySegment.ofArray(new byte[16]);
        s.set(Layouts.LE64, 0, value);
        return s;
    }

    boolean post(int vp, long value) {
        return hypervisor.postMessage(vp, 2, 1, 77, payload(value), 8);
    }

    long slotValue(int vp) {
        return gpa.read64(simpPage(vp) + SLOT + 16);
    }

    @Override
    public void close() {
        partition.close();
    }
}
