package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpInterrupts;

/** The local APIC of one VP. Sketch. */
public final class LocalApic implements VpInterrupts {
    /** IA32_APIC_BASE. */
    public static final int MSR_APIC_BASE = 0x1B;
    /** IA32_TSC_DEADLINE. */
    public static final int MSR_TSC_DEADLINE = 0x6E0;
    /** First x2APIC register. */
    public static final int MSR_X2APIC_FIRST = 0x800;
    /** Last x2APIC register. */
    public static final int MSR_X2APIC_LAST = 0x8FF;

    LocalApic() { }

    /**
     * Says whom to tell.
     *
     * @param changed something for {@link VpInterrupts#pendingVector} or an NMI may have come
     * @param startup an INIT or a start-up IPI has come
     */
    public void connect(Runnable changed, Runnable startup) { }

    /** Reads a register. {@return its value; 0 for reserved ones} */
    public long mmioRead(long offset, int size) {
        return 0;
    }

    /** Writes a register. */
    public void mmioWrite(long offset, int size, long value) { }

    /** RDMSR. {@return false for #GP} */
    public boolean msrRead(int index, MsrValue value) {
        return false;
    }

    /** WRMSR. {@return false for #GP} */
    public boolean msrWrite(int index, long value) {
        return false;
    }

    @Override
    public int pendingVector() {
        return -1;
    }

    @Override
    public int acknowledge() {
        return -1;
    }

    @Override
    public boolean takeNmi() {
        return false;
    }

    @Override
    public boolean nmiPending() {
        return false;
    }

    @Override
    public boolean takeInit() {
        return false;
    }

    @Override
    public boolean initPending() {
        return false;
    }

    @Override
    public int takeSipi() {
        return -1;
    }

    @Override
    public boolean sipiPending() {
        return false;
    }

    @Override
    public int cr8() {
        return 0;
    }

    @Override
    public void setCr8(int value) { }
}
