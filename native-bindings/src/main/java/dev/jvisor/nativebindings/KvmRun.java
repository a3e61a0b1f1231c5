package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.jvisor.nativebindings.gen.kvm_debug_exit_arch;
import dev.jvisor.nativebindings.gen.kvm_regs;
import dev.jvisor.nativebindings.gen.kvm_run;
import dev.jvisor.nativebindings.gen.kvm_sregs;
import dev.jvisor.nativebindings.gen.kvm_sync_regs;
import dev.jvisor.nativebindings.gen.kvm_vcpu_events;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * View of the {@code struct kvm_run} page(s) that a vCPU shares with the kernel: what to do on the next run, and why the last one
 * ended. Which accessors mean anything depends on {@link #exitReason}. Allocates nothing. To be used by the vCPU's thread, save
 * {@link #immediateExit(boolean)}.
 */
public final class KvmRun {
    /** {@link #syncValid}, {@link #syncDirty}: general registers. */
    public static final long SYNC_REGS = 1;
    /** {@link #syncValid}, {@link #syncDirty}: special registers. */
    public static final long SYNC_SREGS = 2;
    /** {@link #syncValid}, {@link #syncDirty}: events. */
    public static final long SYNC_EVENTS = 4;
    /** {@link #internalSuberror}: KVM could not emulate an instruction. */
    public static final int INTERNAL_ERROR_EMULATION = 1;

    private static final long REQUEST_INTERRUPT_WINDOW = kvm_run.request_interrupt_window$offset();
    private static final long IMMEDIATE_EXIT = kvm_run.immediate_exit$offset();
    private static final long EXIT_REASON = kvm_run.exit_reason$offset();
    private static final long READY_FOR_INTERRUPT = kvm_run.ready_for_interrupt_injection$offset();
    private static final long IF_FLAG = kvm_run.if_flag$offset();
    private static final long FLAGS = kvm_run.flags$offset();
    private static final long CR8 = kvm_run.cr8$offset();
    private static final long APIC_BASE = kvm_run.apic_base$offset();
    private static final long IO_DIRECTION = kvm_run.io$offset() + kvm_run.io.direction$offset();
    private static final long IO_SIZE = kvm_run.io$offset() + kvm_run.io.size$offset();
    private static final long IO_PORT = kvm_run.io$offset() + kvm_run.io.port$offset();
    private static final long IO_COUNT = kvm_run.io$offset() + kvm_run.io.count$offset();
    private static final long IO_DATA_OFFSET = kvm_run.io$offset() + kvm_run.io.data_offset$offset();
    private static final long MMIO_ADDRESS = kvm_run.mmio$offset() + kvm_run.mmio.phys_addr$offset();
    private static final long MMIO_DATA = kvm_run.mmio$offset() + kvm_run.mmio.data$offset();
    private static final long MMIO_LENGTH = kvm_run.mmio$offset() + kvm_run.mmio.len$offset();
    private static final long MMIO_IS_WRITE = kvm_run.mmio$offset() + kvm_run.mmio.is_write$offset();
    private static final long MSR_ERROR = kvm_run.msr$offset() + kvm_run.msr.error$offset();
    private static final long MSR_REASON = kvm_run.msr$offset() + kvm_run.msr.reason$offset();
    private static final long MSR_INDEX = kvm_run.msr$offset() + kvm_run.msr.index$offset();
    private static final long MSR_DATA = kvm_run.msr$offset() + kvm_run.msr.data$offset();
    private static final long INTERNAL_SUBERROR = kvm_run.internal$offset() + kvm_run.internal.suberror$offset();
    private static final long INTERNAL_NDATA = kvm_run.internal$offset() + kvm_run.internal.ndata$offset();
    private static final long INTERNAL_DATA = kvm_run.internal$offset() + kvm_run.internal.data$offset();
    private static final long EMULATION = kvm_run.emulation_failure$offset();
    private static final long EMULATION_FLAGS = EMULATION + kvm_run.emulation_failure.flags$offset();
    private static final long EMULATION_SIZE = EMULATION + kvm_run.emulation_failure.insn_size$offset();
    private static final long EMULATION_BYTES = EMULATION + kvm_run.emulation_failure.insn_bytes$offset();
    private static final int EMULATION_HAS_BYTES = 1;
    private static final int MAX_INSTRUCTION = 15;
    private static final long EVENT_TYPE = kvm_run.system_event$offset() + kvm_run.system_event.type$offset();
    private static final long HYPERCALL_NR = kvm_run.hypercall$offset() + kvm_run.hypercall.nr$offset();
    private static final long HYPERCALL_ARGS = kvm_run.hypercall$offset() + kvm_run.hypercall.args$offset();
    private static final long HYPERCALL_RET = kvm_run.hypercall$offset() + kvm_run.hypercall.ret$offset();
    private static final long FAIL_REASON = kvm_run.fail_entry$offset() + kvm_run.fail_entry.hardware_entry_failure_reason$offset();
    private static final long HW_REASON = kvm_run.hw$offset() + kvm_run.hw.hardware_exit_reason$offset();
    private static final long EOI_VECTOR = kvm_run.eoi$offset() + kvm_run.eoi.vector$offset();
    private static final long DEBUG_EXCEPTION = kvm_run.debug$offset() + kvm_debug_exit_arch.exception$offset();
    private static final long DEBUG_PC = kvm_run.debug$offset() + kvm_debug_exit_arch.pc$offset();
    private static final long DEBUG_DR6 = kvm_run.debug$offset() + kvm_debug_exit_arch.dr6$offset();
    private static final long SYNC_VALID = kvm_run.kvm_valid_regs$offset();
    private static final long SYNC_DIRTY = kvm_run.kvm_dirty_regs$offset();
    private static final long SYNC = kvm_run.s$offset();
    private static final VarHandle BYTE = JAVA_BYTE.varHandle();
    private static final ValueLayout.OfShort SHORT_UNALIGNED = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT_UNALIGNED = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG_UNALIGNED = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment run;
    private final KvmRegs syncRegs;
    private final KvmSregs syncSregs;
    private final KvmVcpuEvents syncEvents;

    KvmRun(MemorySegment run) {
        this.run = run;
        syncRegs = new KvmRegs(run.asSlice(SYNC + kvm_sync_regs.regs$offset(), kvm_regs.layout()));
        syncSregs = new KvmSregs(run.asSlice(SYNC + kvm_sync_regs.sregs$offset(), kvm_sregs.layout()));
        syncEvents = new KvmVcpuEvents(run.asSlice(SYNC + kvm_sync_regs.events$offset(), kvm_vcpu_events.layout()));
    }

    /** Asks for {@link KvmExit#IRQ_WINDOW_OPEN} as soon as the guest can take an interrupt. */
    public void requestInterruptWindow(boolean on) {
        run.set(JAVA_BYTE, REQUEST_INTERRUPT_WINDOW, (byte) (on ? 1 : 0));
    }

    /** Makes this or the next {@code KVM_RUN} return at once, after completing what the last exit left open. Any thread. */
    public void immediateExit(boolean on) {
        BYTE.setVolatile(run, IMMEDIATE_EXIT, (byte) (on ? 1 : 0));
    }

    /** {@return whether the next run returns at once} */
    public boolean immediateExit() {
        return (byte) BYTE.getVolatile(run, IMMEDIATE_EXIT) != 0;
    }

    /** {@return the exit's reason, see {@link KvmExit}} */
    public int exitReason() {
        return run.get(JAVA_INT, EXIT_REASON);
    }

    /** {@return whether {@link KvmVcpu#interrupt} would be taken at once} */
    public boolean readyForInterruptInjection() {
        return run.get(JAVA_BYTE, READY_FOR_INTERRUPT) != 0;
    }

    /** {@return the guest's interrupt flag} */
    public boolean ifFlag() {
        return run.get(JAVA_BYTE, IF_FLAG) != 0;
    }

    /** {@return flags of the exit: 1 in SMM, 2 bus lock} */
    public int flags() {
        return run.get(JAVA_SHORT, FLAGS) & 0xffff;
    }

    /** {@return the guest's CR8; meaningful without in-kernel local APIC} */
    public long cr8() {
        return run.get(JAVA_LONG, CR8);
    }

    /** Sets the guest's CR8 for the next run; without in-kernel local APIC. */
    public void cr8(long value) {
        run.set(JAVA_LONG, CR8, value);
    }

    /** {@return the guest's IA32_APIC_BASE; meaningful without in-kernel local APIC} */
    public long apicBase() {
        return run.get(JAVA_LONG, APIC_BASE);
    }

    /** Sets the guest's IA32_APIC_BASE for the next run; without in-kernel local APIC. */
    public void apicBase(long value) {
        run.set(JAVA_LONG, APIC_BASE, value);
    }

    // ---- IO ----

    /** {@return whether the guest writes to the port} */
    public boolean ioIsWrite() {
        return run.get(JAVA_BYTE, IO_DIRECTION) != 0;
    }

    /** {@return bytes per access: 1, 2 or 4} */
    public int ioSize() {
        return run.get(JAVA_BYTE, IO_SIZE);
    }

    /** {@return the port} */
    public int ioPort() {
        return run.get(JAVA_SHORT, IO_PORT) & 0xffff;
    }

    /** {@return how many accesses of {@link #ioSize} bytes are in the data, more than one for string instructions} */
    public int ioCount() {
        return run.get(JAVA_INT, IO_COUNT);
    }

    /** {@return the data of access {@code i}, zero-extended} */
    public int ioData(int i) {
        long at = run.get(JAVA_LONG, IO_DATA_OFFSET);
        return switch (ioSize()) {
            case 1 -> run.get(JAVA_BYTE, at + i) & 0xff;
            case 2 -> run.get(SHORT_UNALIGNED, at + 2L * i) & 0xffff;
            default -> run.get(INT_UNALIGNED, at + 4L * i);
        };
    }

    /** Sets the data that access {@code i} of an IN reads. */
    public void ioData(int i, int value) {
        long at = run.get(JAVA_LONG, IO_DATA_OFFSET);
        switch (ioSize()) {
            case 1 -> run.set(JAVA_BYTE, at + i, (byte) value);
            case 2 -> run.set(SHORT_UNALIGNED, at + 2L * i, (short) value);
            default -> run.set(INT_UNALIGNED, at + 4L * i, value);
        }
    }

    // ---- MMIO ----

    /** {@return the guest physical address} */
    public long mmioAddress() {
        return run.get(JAVA_LONG, MMIO_ADDRESS);
    }

    /** {@return the number of bytes, 1 to 8; not always a power of two} */
    public int mmioLength() {
        return run.get(JAVA_INT, MMIO_LENGTH);
    }

    /** {@return whether the guest writes} */
    public boolean mmioIsWrite() {
        return run.get(JAVA_BYTE, MMIO_IS_WRITE) != 0;
    }

    /** {@return the bytes written, little endian, those beyond {@link #mmioLength} zero} */
    public long mmioData() {
        long value = run.get(LONG_UNALIGNED, MMIO_DATA);
        int length = mmioLength();
        return length >= 8 ? value : value & (1L << 8 * length) - 1;
    }

    /** Sets the bytes that a read gets. */
    public void mmioData(long value) {
        run.set(LONG_UNALIGNED, MMIO_DATA, value);
    }

    // ---- MSR ----

    /** {@return the MSR's number} */
    public int msrIndex() {
        return run.get(JAVA_INT, MSR_INDEX);
    }

    /** {@return why it came to user space: 1 invalid, 2 unknown to KVM, 4 filter} */
    public int msrReason() {
        return run.get(JAVA_INT, MSR_REASON);
    }

    /** {@return the value written} */
    public long msrData() {
        return run.get(JAVA_LONG, MSR_DATA);
    }

    /** Sets the value read. */
    public void msrData(long value) {
        run.set(JAVA_LONG, MSR_DATA, value);
    }

    /** Makes the access raise #GP instead of completing. */
    public void msrError(boolean error) {
        run.set(JAVA_BYTE, MSR_ERROR, (byte) (error ? 1 : 0));
    }

    // ---- failures ----

    /** {@return the kind of internal error, {@link #INTERNAL_ERROR_EMULATION} the usual one} */
    public int internalSuberror() {
        return run.get(JAVA_INT, INTERNAL_SUBERROR);
    }

    /** {@return the data words that came with an internal error, at most 16 (not for a hot path)} */
    public long[] internalData() {
        int n = Math.clamp(run.get(JAVA_INT, INTERNAL_NDATA), 0, 16);
        long[] data = new long[n];
        for (int i = 0; i < n; i++) {
            data[i] = run.get(JAVA_LONG, INTERNAL_DATA + 8L * i);
        }
        return data;
    }

    /** {@return the bytes at RIP of the instruction that KVM could not emulate; empty when it did not say} */
    public byte[] emulationFailureBytes() {
        boolean has = internalSuberror() == INTERNAL_ERROR_EMULATION && run.get(JAVA_INT, INTERNAL_NDATA) >= 3
                && (run.get(JAVA_LONG, EMULATION_FLAGS) & EMULATION_HAS_BYTES) != 0;
        int n = has ? Math.clamp(run.get(JAVA_BYTE, EMULATION_SIZE), 0, MAX_INSTRUCTION) : 0;
        return run.asSlice(EMULATION_BYTES, n).toArray(JAVA_BYTE);
    }

    /** {@return the hardware's reason for {@link KvmExit#FAIL_ENTRY}} */
    public long failEntryReason() {
        return run.get(JAVA_LONG, FAIL_REASON);
    }

    /** {@return the hardware's reason for {@link KvmExit#UNKNOWN}} */
    public long hardwareExitReason() {
        return run.get(JAVA_LONG, HW_REASON);
    }

    // ---- others ----

    /** {@return the system event: 1 shutdown, 2 reset, 3 crash, 4 wake-up, 5 suspend} */
    public int systemEventType() {
        return run.get(JAVA_INT, EVENT_TYPE);
    }

    /** {@return the hypercall's number} */
    public long hypercallNumber() {
        return run.get(JAVA_LONG, HYPERCALL_NR);
    }

    /** {@return argument {@code i} of the hypercall, 0 to 5} */
    public long hypercallArgument(int i) {
        return run.get(JAVA_LONG, HYPERCALL_ARGS + 8L * i);
    }

    /** Sets the hypercall's result. */
    public void hypercallResult(long value) {
        run.set(JAVA_LONG, HYPERCALL_RET, value);
    }

    /** {@return the vector of {@link KvmExit#IOAPIC_EOI}} */
    public int eoiVector() {
        return run.get(JAVA_BYTE, EOI_VECTOR) & 0xff;
    }

    /** {@return the exception behind {@link KvmExit#DEBUG}: 1 #DB, 3 #BP} */
    public int debugException() {
        return run.get(JAVA_INT, DEBUG_EXCEPTION);
    }

    /** {@return the linear address of {@link KvmExit#DEBUG}} */
    public long debugPc() {
        return run.get(JAVA_LONG, DEBUG_PC);
    }

    /** {@return DR6 of {@link KvmExit#DEBUG}} */
    public long debugDr6() {
        return run.get(JAVA_LONG, DEBUG_DR6);
    }

    // ---- registers in the page ----

    /** Says which registers the kernel copies here at each exit: {@link #SYNC_REGS}, {@link #SYNC_SREGS}, {@link #SYNC_EVENTS}. */
    public void syncValid(long fields) {
        run.set(JAVA_LONG, SYNC_VALID, fields);
    }

    /** {@return what the kernel was told to copy} */
    public long syncValid() {
        return run.get(JAVA_LONG, SYNC_VALID);
    }

    /** Says which registers the kernel takes from here at the next run; it clears the set itself. */
    public void syncDirty(long fields) {
        run.set(JAVA_LONG, SYNC_DIRTY, fields);
    }

    /** {@return what the kernel will take at the next run} */
    public long syncDirty() {
        return run.get(JAVA_LONG, SYNC_DIRTY);
    }

    /** {@return general registers as of the last exit} */
    public KvmRegs syncRegs() {
        return syncRegs;
    }

    /** {@return special registers as of the last exit} */
    public KvmSregs syncSregs() {
        return syncSregs;
    }

    /** {@return events as of the last exit} */
    public KvmVcpuEvents syncEvents() {
        return syncEvents;
    }
}
