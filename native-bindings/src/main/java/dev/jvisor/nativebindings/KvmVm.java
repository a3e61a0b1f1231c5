package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.Uapi;
import dev.jvisor.nativebindings.gen.kvm_clear_dirty_log;
import dev.jvisor.nativebindings.gen.kvm_clock_data;
import dev.jvisor.nativebindings.gen.kvm_dirty_log;
import dev.jvisor.nativebindings.gen.kvm_enable_cap;
import dev.jvisor.nativebindings.gen.kvm_ioeventfd;
import dev.jvisor.nativebindings.gen.kvm_irq_level;
import dev.jvisor.nativebindings.gen.kvm_irqchip;
import dev.jvisor.nativebindings.gen.kvm_irqfd;
import dev.jvisor.nativebindings.gen.kvm_msi;
import dev.jvisor.nativebindings.gen.kvm_pit_config;
import dev.jvisor.nativebindings.gen.kvm_pit_state2;
import dev.jvisor.nativebindings.gen.kvm_reinject_control;
import dev.jvisor.nativebindings.gen.kvm_userspace_memory_region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A KVM virtual machine: its memory slots, interrupt controllers, interrupt routes and MSR policy. Any thread; close it after its
 * vCPUs, and before the memory given to its slots.
 */
public final class KvmVm implements AutoCloseable {
    /** {@link #setMemoryRegion}: log writes for {@link #getDirtyLog}. */
    public static final int MEM_LOG_DIRTY_PAGES = 1;
    /** {@link #setMemoryRegion}: guest writes become MMIO exits. */
    public static final int MEM_READONLY = 2;
    /** {@link #getIrqchip}: the first 8259. */
    public static final int PIC_MASTER = 0;
    /** {@link #getIrqchip}: the second 8259. */
    public static final int PIC_SLAVE = 1;
    /** {@link #getIrqchip}: the I/O APIC. */
    public static final int IOAPIC = 2;
    /** {@link #enableUserSpaceMsrs}: accesses KVM finds invalid. */
    public static final int MSR_REASON_INVALID = 1;
    /** {@link #enableUserSpaceMsrs}: MSRs KVM does not know. */
    public static final int MSR_REASON_UNKNOWN = 2;
    /** {@link #enableUserSpaceMsrs}: MSRs refused by the filter. */
    public static final int MSR_REASON_FILTER = 4;
    /** Bytes of an interrupt controller's state. */
    public static final int IRQCHIP_STATE_SIZE = (int) kvm_irqchip.chip.layout().byteSize();
    /** Bytes of the PIT's state. */
    public static final int PIT_STATE_SIZE = (int) kvm_pit_state2.layout().byteSize();

    private static final int IRQFD_DEASSIGN = 1;
    private static final int IRQFD_RESAMPLE = 2;
    private static final int IOEVENTFD_DATAMATCH = 1;
    private static final int IOEVENTFD_PIO = 2;
    private static final int IOEVENTFD_DEASSIGN = 4;

    private final KvmFd vm;
    private final int vcpuMmapSize;
    private final Arena arena = Arena.ofShared();
    // Interrupts are raised often and from several threads: their structs are kept, under a lock of their own.
    private final MemorySegment irqLevel = kvm_irq_level.allocate(arena);
    private final MemorySegment msi = kvm_msi.allocate(arena);
    private final Object irqLevelLock = new Object();
    private final Object msiLock = new Object();

    KvmVm(int fd, int vcpuMmapSize) {
        vm = new KvmFd(fd, "vm");
        this.vcpuMmapSize = vcpuMmapSize;
    }

    /** {@return the file descriptor} */
    public int fd() {
        return vm.fd;
    }

    /** {@return the capability's value for this VM: 0 not there} */
    public int checkExtension(KvmCap cap) {
        return vm.call("KVM_CHECK_EXTENSION " + cap, Uapi.KVM_CHECK_EXTENSION(), cap.number());
    }

    /** Turns a capability on. */
    public void enableCap(KvmCap cap, long... arguments) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment enable = kvm_enable_cap.allocate(scratch);
            kvm_enable_cap.cap(enable, cap.number());
            MemorySegment args = kvm_enable_cap.args(enable);
            for (int i = 0; i < arguments.length; i++) {
                args.setAtIndex(JAVA_LONG, i, arguments[i]);
            }
            vm.call("KVM_ENABLE_CAP " + cap, Uapi.KVM_ENABLE_CAP(), enable);
        }
    }

    // ---- memory ----

    /**
     * Creates, changes or removes a memory slot.
     *
     * @param slot the slot's number
     * @param flags {@link #MEM_LOG_DIRTY_PAGES}, {@link #MEM_READONLY}
     * @param gpa guest physical address, page aligned
     * @param memory the memory behind it, page aligned; an empty segment removes the slot. Must stay mapped while the slot exists
     */
    public void setMemoryRegion(int slot, int flags, long gpa, MemorySegment memory) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment region = kvm_userspace_memory_region.allocate(scratch);
            kvm_userspace_memory_region.slot(region, slot);
            kvm_userspace_memory_region.flags(region, flags);
            kvm_userspace_memory_region.guest_phys_addr(region, gpa);
            kvm_userspace_memory_region.memory_size(region, memory.byteSize());
            kvm_userspace_memory_region.userspace_addr(region, memory.byteSize() == 0 ? 0 : memory.address());
            vm.check("KVM_SET_USER_MEMORY_REGION slot " + slot + " gpa 0x" + Long.toHexString(gpa) + " size "
                    + memory.byteSize(), LibC.ioctl(vm.fd, Uapi.KVM_SET_USER_MEMORY_REGION(), region));
        }
    }

    /**
     * Fetches the pages of a slot written since the last time. Without {@link KvmCap#MANUAL_DIRTY_LOG_PROTECT2} this also restarts
     * the log, with it {@link #clearDirtyLog} does.
     *
     * @param bitmap one bit a page, first page in the lowest bit; a multiple of 8 bytes, off heap
     */
    public void getDirtyLog(int slot, MemorySegment bitmap) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment log = kvm_dirty_log.allocate(scratch);
            kvm_dirty_log.slot(log, slot);
            kvm_dirty_log.dirty_bitmap(log, bitmap);
            vm.call("KVM_GET_DIRTY_LOG", Uapi.KVM_GET_DIRTY_LOG(), log);
        }
    }

    /**
     * Restarts the log for the pages set in the bitmap.
     *
     * @param firstPage a multiple of 64
     * @param pages a multiple of 64, save at the slot's end
     */
    public void clearDirtyLog(int slot, long firstPage, int pages, MemorySegment bitmap) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment log = kvm_clear_dirty_log.allocate(scratch);
            kvm_clear_dirty_log.slot(log, slot);
            kvm_clear_dirty_log.first_page(log, firstPage);
            kvm_clear_dirty_log.num_pages(log, pages);
            kvm_clear_dirty_log.dirty_bitmap(log, bitmap);
            vm.call("KVM_CLEAR_DIRTY_LOG", Uapi.KVM_CLEAR_DIRTY_LOG(), log);
        }
    }

    /** Gives VT-x three pages below 4 GiB that no slot uses, for real mode. */
    public void setTssAddress(long gpa) {
        vm.call("KVM_SET_TSS_ADDR", Uapi.KVM_SET_TSS_ADDR(), gpa);
    }

    /** Gives VT-x one page below 4 GiB that no slot uses, for an identity map. Before the first vCPU. */
    public void setIdentityMapAddress(long gpa) {
        try (Arena scratch = Arena.ofConfined()) {
            vm.call("KVM_SET_IDENTITY_MAP_ADDR", Uapi.KVM_SET_IDENTITY_MAP_ADDR(), scratch.allocateFrom(JAVA_LONG, gpa));
        }
    }

    // ---- interrupts ----

    /** Makes PIC, I/O APIC and local APICs in the kernel. Before the first vCPU. */
    public void createIrqchip() {
        vm.call("KVM_CREATE_IRQCHIP", Uapi.KVM_CREATE_IRQCHIP(), 0);
    }

    /** Makes local APICs in the kernel only; PIC and an I/O APIC with that many pins are the caller's. Before the first vCPU. */
    public void enableSplitIrqchip(int pins) {
        enableCap(KvmCap.SPLIT_IRQCHIP, pins);
    }

    /**
     * Makes a PIT in the kernel; needs {@link #createIrqchip}.
     *
     * @param speaker whether the kernel also answers port 61h (timer 2 gate and output; no sound)
     */
    public void createPit2(boolean speaker) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment config = kvm_pit_config.allocate(scratch);
            kvm_pit_config.flags(config, speaker ? Uapi.KVM_PIT_SPEAKER_DUMMY() : 0);
            vm.call("KVM_CREATE_PIT2", Uapi.KVM_CREATE_PIT2(), config);
        }
    }

    /** Says whether the in-kernel PIT delivers ticks again that the guest missed. */
    public void setPitReinject(boolean reinject) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment control = kvm_reinject_control.allocate(scratch);
            kvm_reinject_control.pit_reinject(control, (byte) (reinject ? 1 : 0));
            vm.call("KVM_REINJECT_CONTROL", Uapi.KVM_REINJECT_CONTROL(), control);
        }
    }

    /** Sets the level of an input of the in-kernel interrupt controllers. */
    public void irqLine(int gsi, boolean high) {
        synchronized (irqLevelLock) {
            kvm_irq_level.irq(irqLevel, gsi);
            kvm_irq_level.level(irqLevel, high ? 1 : 0);
            vm.call("KVM_IRQ_LINE", Uapi.KVM_IRQ_LINE(), irqLevel);
        }
    }

    /** Sends a message signalled interrupt to in-kernel local APICs. {@return how many took it; 0 when a guest blocks it} */
    public int signalMsi(long address, int data) {
        synchronized (msiLock) {
            kvm_msi.address_lo(msi, (int) address);
            kvm_msi.address_hi(msi, (int) (address >>> 32));
            kvm_msi.data(msi, data);
            return vm.call("KVM_SIGNAL_MSI", Uapi.KVM_SIGNAL_MSI(), msi);
        }
    }

    /** Replaces the whole table of GSI routes. */
    public void setGsiRouting(List<GsiRoute> routes) {
        try (Arena scratch = Arena.ofConfined()) {
            vm.call("KVM_SET_GSI_ROUTING", Uapi.KVM_SET_GSI_ROUTING(), KvmTables.routing(scratch, routes));
        }
    }

    /** Raises a GSI whenever the eventfd is signalled, in the kernel. */
    public void irqfd(EventFd event, int gsi) {
        irqfd(event, gsi, 0, 0);
    }

    /** As {@link #irqfd} for a level-triggered GSI, which stays high until EOI; then {@code resample} is signalled. */
    public void irqfdResample(EventFd event, int gsi, EventFd resample) {
        irqfd(event, gsi, IRQFD_RESAMPLE, resample.fd());
    }

    /** Undoes {@link #irqfd}. */
    public void removeIrqfd(EventFd event, int gsi) {
        irqfd(event, gsi, IRQFD_DEASSIGN, 0);
    }

    private void irqfd(EventFd event, int gsi, int flags, int resampleFd) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment irqfd = kvm_irqfd.allocate(scratch);
            kvm_irqfd.fd(irqfd, event.fd());
            kvm_irqfd.gsi(irqfd, gsi);
            kvm_irqfd.flags(irqfd, flags);
            kvm_irqfd.resamplefd(irqfd, resampleFd);
            vm.call("KVM_IRQFD", Uapi.KVM_IRQFD(), irqfd);
        }
    }

    /**
     * Signals an eventfd when the guest writes somewhere, instead of an exit.
     *
     * @param port whether {@code address} is a port
     * @param length 0 any size, else 1, 2, 4 or 8 bytes
     */
    public void ioeventfd(EventFd event, boolean port, long address, int length) {
        ioeventfd(event, port ? IOEVENTFD_PIO : 0, address, length, 0);
    }

    /** As {@link #ioeventfd} for writes of one value; others exit. */
    public void ioeventfdMatching(EventFd event, boolean port, long address, int length, long value) {
        ioeventfd(event, (port ? IOEVENTFD_PIO : 0) | IOEVENTFD_DATAMATCH, address, length, value);
    }

    /** Undoes {@link #ioeventfd}. */
    public void removeIoeventfd(EventFd event, boolean port, long address, int length) {
        ioeventfd(event, (port ? IOEVENTFD_PIO : 0) | IOEVENTFD_DEASSIGN, address, length, 0);
    }

    private void ioeventfd(EventFd event, int flags, long address, int length, long value) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment io = kvm_ioeventfd.allocate(scratch);
            kvm_ioeventfd.fd(io, event.fd());
            kvm_ioeventfd.addr(io, address);
            kvm_ioeventfd.len(io, length);
            kvm_ioeventfd.flags(io, flags);
            kvm_ioeventfd.datamatch(io, value);
            vm.call("KVM_IOEVENTFD", Uapi.KVM_IOEVENTFD(), io);
        }
    }

    /** Reads the state of an in-kernel interrupt controller into {@link #IRQCHIP_STATE_SIZE} bytes. */
    public void getIrqchip(int chip, MemorySegment state) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment s = kvm_irqchip.allocate(scratch);
            kvm_irqchip.chip_id(s, chip);
            vm.call("KVM_GET_IRQCHIP", Uapi.KVM_GET_IRQCHIP(), s);
            state.copyFrom(kvm_irqchip.chip(s));
        }
    }

    /** Writes what {@link #getIrqchip} read. */
    public void setIrqchip(int chip, MemorySegment state) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment s = kvm_irqchip.allocate(scratch);
            kvm_irqchip.chip_id(s, chip);
            kvm_irqchip.chip(s).copyFrom(state);
            vm.call("KVM_SET_IRQCHIP", Uapi.KVM_SET_IRQCHIP(), s);
        }
    }

    /** Reads the in-kernel PIT's state into {@link #PIT_STATE_SIZE} off-heap bytes. */
    public void getPit2(MemorySegment state) {
        vm.call("KVM_GET_PIT2", Uapi.KVM_GET_PIT2(), state);
    }

    /** Writes what {@link #getPit2} read. */
    public void setPit2(MemorySegment state) {
        vm.call("KVM_SET_PIT2", Uapi.KVM_SET_PIT2(), state);
    }

    // ---- MSRs and time ----

    /** Passes RDMSR and WRMSR that KVM would refuse to user space; {@code reasons} of {@code MSR_REASON_*}. */
    public void enableUserSpaceMsrs(int reasons) {
        enableCap(KvmCap.X86_USER_SPACE_MSR, reasons);
    }

    /** Refuses the given MSR ranges (at most 16) and allows all others; replaces an earlier filter. */
    public void setMsrFilter(List<MsrRange> refused) {
        try (Arena scratch = Arena.ofConfined()) {
            vm.call("KVM_X86_SET_MSR_FILTER", Uapi.KVM_X86_SET_MSR_FILTER(), KvmTables.msrFilter(scratch, refused));
        }
    }

    /** {@return the VM's kvmclock} */
    public KvmClock getClock() {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment data = kvm_clock_data.allocate(scratch);
            vm.call("KVM_GET_CLOCK", Uapi.KVM_GET_CLOCK(), data);
            return new KvmClock(kvm_clock_data.clock(data), kvm_clock_data.flags(data), kvm_clock_data.realtime(data),
                    kvm_clock_data.host_tsc(data));
        }
    }

    /** Sets the VM's kvmclock; of the flags only realtime (4) is allowed. */
    public void setClock(KvmClock clock) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment data = kvm_clock_data.allocate(scratch);
            kvm_clock_data.clock(data, clock.clockNs());
            kvm_clock_data.flags(data, clock.flags());
            kvm_clock_data.realtime(data, clock.realtimeNs());
            vm.call("KVM_SET_CLOCK", Uapi.KVM_SET_CLOCK(), data);
        }
    }

    // ---- vCPUs ----

    /** Says which vCPU id starts running; before the first vCPU. Default 0. */
    public void setBootCpu(int id) {
        vm.call("KVM_SET_BOOT_CPU_ID", Uapi.KVM_SET_BOOT_CPU_ID(), id);
    }

    /** {@return a new vCPU; {@code id} is its APIC id too} */
    public KvmVcpu createVcpu(int id) {
        int fd = vm.call("KVM_CREATE_VCPU " + id, Uapi.KVM_CREATE_VCPU(), id);
        try {
            return new KvmVcpu(fd, id, vcpuMmapSize, checkExtension(KvmCap.XSAVE2));
        } catch (RuntimeException e) {
            LibC.close(fd);
            throw e;
        }
    }

    @Override
    public void close() {
        vm.close();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
