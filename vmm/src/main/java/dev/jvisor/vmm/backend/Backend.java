package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.memory.GpaSpace;

/** An engine that can run partitions. Thread-safe. */
public interface Backend extends AutoCloseable {
    /** {@return {@code "kvm"} or {@code "software"}; to print, not to decide by} */
    String name();

    /** {@return one line on what the engine is and how fast it can be expected to be, for people} */
    String describe();

    /**
     * Makes a partition without processors.
     *
     * @param gpa its address space; the backend listens to it until the partition is closed
     * @param config how it is to be made
     */
    BackendPartition createPartition(GpaSpace gpa, BackendConfig config);

    @Override
    void close();
}
