package dev.jvisor.vmm.backend;

/** A place for the value of an MSR read, so that the exit path allocates nothing. One per VP. */
public final class MsrValue {
    /** The value. */
    public long value;
}
