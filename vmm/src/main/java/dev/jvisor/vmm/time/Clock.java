package dev.jvisor.vmm.time;

/** A monotonic clock of one partition. Thread-safe. */
@FunctionalInterface
public interface Clock {
    /** {@return nanoseconds since the partition's time zero; never goes back} */
    long nowNs();
}
