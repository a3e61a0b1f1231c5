package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.time.Clock;
import java.lang.foreign.MemorySegment;

/**
 * The hypervisor interface of one partition. Made by {@link #attach} before the partition starts. Methods may be called by any thread
 * unless they say otherwise.
 */
public final class Hypervisor {
    private final Partition partition;

    private Hypervisor(Partition partition, HypervisorConfig config) {
        this.partition = partition;
    }

    /**
     * Gives a partition the interface: CPUID leaves, MSRs, hypercalls.
     *
     * @param partition not started yet
     * @param config what to offer
     */
    public static Hypervisor attach(Partition partition, HypervisorConfig config) {
        return new Hypervisor(partition, config);
    }

    /** Puts a port behind a connection that the guest posts messages to; one that was there before is replaced. */
    public void connectMessages(int connectionId, MessagePort port) {
    }

    /** Takes a connection for messages away: posts to it fail with {@link HvStatus#INVALID_CONNECTION_ID}. */
    public void disconnectMessages(int connectionId) {
    }

    /** Puts a port behind a connection that the guest signals; one that was there before is replaced. */
    public void connectEvents(int connectionId, EventPort port) {
    }

    /** Takes a connection for events away: signals fail with {@link HvStatus#INVALID_CONNECTION_ID}. */
    public void disconnectEvents(int connectionId) {
    }

    /**
     * Sends the guest a message. It waits, in order, until the guest has emptied the slot and enabled what it takes to receive.
     *
     * @param vp index of the receiving virtual processor
     * @param sint synthetic interrupt source, 0 to 15
     * @param messageType not 0
     * @param sender the sender's port id, for the guest to see
     * @param payload copied
     * @param size bytes of payload, 0 to 240
     * @return false when the queue is full; {@link #onMessageSpace} tells when it no longer is
     */
    public boolean postMessage(int vp, int sint, int messageType, long sender, MemorySegment payload, int size) {
        return false;
    }

    /**
     * Adds a listener for room in a queue that has refused a message. Called on the VP's thread once the queue is empty; must be quick, and
     * may post.
     */
    public void onMessageSpace(Runnable listener) {
    }

    /**
     * Sets an event flag of a virtual processor and, if it was clear, raises the interrupt. Dropped when the guest has not enabled event
     * flags there.
     *
     * @param vp index of the receiving virtual processor
     * @param sint synthetic interrupt source, 0 to 15
     * @param flag 0 to 2047
     */
    public void signalEvent(int vp, int sint, int flag) {
    }

    /** Adds something to do when the guest resets, after the interface's own state is reset; every VP stands still. */
    public void onReset(Runnable hook) {
    }

    /** Sets who is told when the guest reports its crash; null for nobody. */
    public void onCrash(CrashListener listener) {
    }

    /** {@return the partition's memory} */
    public GpaSpace gpa() {
        return partition.gpa();
    }

    /** {@return the partition's clock} */
    public Clock clock() {
        return partition.timers();
    }

    /** {@return how many virtual processors there are} */
    public int processors() {
        return partition.config().processors();
    }
}
