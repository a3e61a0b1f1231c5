package dev.jvisor.vmm.partition;

/** Where a partition is in its life; the picture is in the package description. */
public enum PartitionState {
    /** Made, never started. */
    OFF,
    /** Its VP threads are being started. */
    STARTING,
    /** VPs run. */
    RUNNING,
    /** VPs stand still between two instructions; {@code resume} goes on. */
    PAUSED,
    /** A stop was asked for, VPs are leaving. */
    STOPPING,
    /** Over; {@code stopReason} says why. */
    STOPPED
}
