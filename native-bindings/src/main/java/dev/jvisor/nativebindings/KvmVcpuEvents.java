package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.kvm_vcpu_events;
import java.lang.foreign.MemorySegment;

/**
 * View of {@code struct kvm_vcpu_events}: exceptions, interrupts and NMIs that are pending or being delivered, interrupt shadow,
 * SMM. Which optional parts count is told by {@link #flags} ({@code KVM_VCPUEVENT_VALID_*}).
 */
public final class KvmVcpuEvents {
    /** {@link #flags}: {@link #nmiPending} counts. */
    public static final int VALID_NMI_PENDING = 1;
    /** {@link #flags}: {@link #sipiVector} counts. */
    public static final int VALID_SIPI_VECTOR = 2;
    /** {@link #flags}: {@link #shadow} counts. */
    public static final int VALID_SHADOW = 4;
    /** {@link #flags}: the SMM fields count. */
    public static final int VALID_SMM = 8;
    /** {@link #flags}: exception pending and payload count. */
    public static final int VALID_PAYLOAD = 16;
    /** {@link #flags}: triple fault pending counts. */
    public static final int VALID_TRIPLE_FAULT = 32;
    /** {@link #shadow}: after MOV SS or POP SS. */
    public static final int SHADOW_MOV_SS = 1;
    /** {@link #shadow}: after STI. */
    public static final int SHADOW_STI = 2;

    private static final long EXCEPTION = kvm_vcpu_events.exception$offset();
    private static final long INTERRUPT = kvm_vcpu_events.interrupt$offset();
    private static final long NMI = kvm_vcpu_events.nmi$offset();
    private static final long SMI = kvm_vcpu_events.smi$offset();

    final MemorySegment segment;

    KvmVcpuEvents(MemorySegment segment) {
        this.segment = segment;
    }

    private int get(long offset) {
        return segment.get(JAVA_BYTE, offset) & 0xff;
    }

    private void set(long offset, int value) {
        segment.set(JAVA_BYTE, offset, (byte) value);
    }

    private void set(long offset, boolean value) {
        segment.set(JAVA_BYTE, offset, (byte) (value ? 1 : 0));
    }

    /** Clears everything. */
    public void clear() {
        segment.fill((byte) 0);
    }

    /** {@return which optional parts count} */
    public int flags() {
        return segment.get(JAVA_INT, kvm_vcpu_events.flags$offset());
    }

    /** Says which optional parts count. */
    public void flags(int value) {
        segment.set(JAVA_INT, kvm_vcpu_events.flags$offset(), value);
    }

    /** {@return whether an exception is being delivered} */
    public boolean exceptionInjected() {
        return get(EXCEPTION + kvm_vcpu_events.exception.injected$offset()) != 0;
    }

    /** {@return whether an exception is recognized but its side effects (CR2, DR6) are not yet done} */
    public boolean exceptionPending() {
        return get(EXCEPTION + kvm_vcpu_events.exception.pending$offset()) != 0;
    }

    /** {@return the exception's vector} */
    public int exceptionVector() {
        return get(EXCEPTION + kvm_vcpu_events.exception.nr$offset());
    }

    /** {@return whether the exception has an error code} */
    public boolean exceptionHasErrorCode() {
        return get(EXCEPTION + kvm_vcpu_events.exception.has_error_code$offset()) != 0;
    }

    /** {@return the exception's error code} */
    public int exceptionErrorCode() {
        return segment.get(JAVA_INT, EXCEPTION + kvm_vcpu_events.exception.error_code$offset());
    }

    /** {@return whether {@link #exceptionPayload} counts} */
    public boolean exceptionHasPayload() {
        return get(kvm_vcpu_events.exception_has_payload$offset()) != 0;
    }

    /** {@return CR2 or DR6 of a pending exception} */
    public long exceptionPayload() {
        return segment.get(JAVA_LONG, kvm_vcpu_events.exception_payload$offset());
    }

    /** Sets the exception that is being delivered ({@code injected}) or pending. */
    public void exception(boolean injected, boolean pending, int vector, boolean hasErrorCode, int errorCode) {
        set(EXCEPTION + kvm_vcpu_events.exception.injected$offset(), injected);
        set(EXCEPTION + kvm_vcpu_events.exception.pending$offset(), pending);
        set(EXCEPTION + kvm_vcpu_events.exception.nr$offset(), vector);
        set(EXCEPTION + kvm_vcpu_events.exception.has_error_code$offset(), hasErrorCode);
        segment.set(JAVA_INT, EXCEPTION + kvm_vcpu_events.exception.error_code$offset(), errorCode);
    }

    /** Sets the payload of a pending exception. */
    public void exceptionPayload(boolean valid, long payload) {
        set(kvm_vcpu_events.exception_has_payload$offset(), valid);
        segment.set(JAVA_LONG, kvm_vcpu_events.exception_payload$offset(), payload);
    }

    /** {@return whether an interrupt is being delivered} */
    public boolean interruptInjected() {
        return get(INTERRUPT + kvm_vcpu_events.interrupt.injected$offset()) != 0;
    }

    /** {@return the interrupt's vector} */
    public int interruptVector() {
        return get(INTERRUPT + kvm_vcpu_events.interrupt.nr$offset());
    }

    /** {@return whether the interrupt comes of an INT instruction} */
    public boolean interruptSoft() {
        return get(INTERRUPT + kvm_vcpu_events.interrupt.soft$offset()) != 0;
    }

    /** {@return the interrupt shadow: {@link #SHADOW_MOV_SS}, {@link #SHADOW_STI}} */
    public int shadow() {
        return get(INTERRUPT + kvm_vcpu_events.interrupt.shadow$offset());
    }

    /** Sets the interrupt that is being delivered. */
    public void interrupt(boolean injected, int vector, boolean soft, int shadow) {
        set(INTERRUPT + kvm_vcpu_events.interrupt.injected$offset(), injected);
        set(INTERRUPT + kvm_vcpu_events.interrupt.nr$offset(), vector);
        set(INTERRUPT + kvm_vcpu_events.interrupt.soft$offset(), soft);
        set(INTERRUPT + kvm_vcpu_events.interrupt.shadow$offset(), shadow);
    }

    /** {@return whether an NMI is being delivered} */
    public boolean nmiInjected() {
        return get(NMI + kvm_vcpu_events.nmi.injected$offset()) != 0;
    }

    /** {@return how many NMIs wait} */
    public int nmiPending() {
        return get(NMI + kvm_vcpu_events.nmi.pending$offset());
    }

    /** {@return whether NMIs are blocked until IRET} */
    public boolean nmiMasked() {
        return get(NMI + kvm_vcpu_events.nmi.masked$offset()) != 0;
    }

    /** Sets the NMI state. */
    public void nmi(boolean injected, int pending, boolean masked) {
        set(NMI + kvm_vcpu_events.nmi.injected$offset(), injected);
        set(NMI + kvm_vcpu_events.nmi.pending$offset(), pending);
        set(NMI + kvm_vcpu_events.nmi.masked$offset(), masked);
    }

    /** {@return the start-up vector of a SIPI received} */
    public int sipiVector() {
        return segment.get(JAVA_INT, kvm_vcpu_events.sipi_vector$offset());
    }

    /** Sets the start-up vector. */
    public void sipiVector(int vector) {
        segment.set(JAVA_INT, kvm_vcpu_events.sipi_vector$offset(), vector);
    }

    /** {@return whether an INIT waits to be taken} */
    public boolean latchedInit() {
        return get(SMI + kvm_vcpu_events.smi.latched_init$offset()) != 0;
    }

    /** Sets whether an INIT waits to be taken; SMM itself is not used. */
    public void latchedInit(boolean value) {
        set(SMI + kvm_vcpu_events.smi.latched_init$offset(), value);
    }

    /** {@return whether a triple fault waits to be reported} */
    public boolean tripleFault() {
        return get(kvm_vcpu_events.triple_fault$offset()) != 0;
    }

    /** Sets whether a triple fault waits to be reported. */
    public void tripleFault(boolean value) {
        set(kvm_vcpu_events.triple_fault$offset(), value);
    }
}
