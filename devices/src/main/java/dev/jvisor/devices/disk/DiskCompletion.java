package dev.jvisor.devices.disk;

/** Told when a request has ended. */
@FunctionalInterface
public interface DiskCompletion {
    /**
     * Called once for each submitted request, on a thread of the disk; should be quick, and may submit the request again. What it throws is
     * logged and otherwise lost.
     */
    void completed(DiskRequest request);
}
