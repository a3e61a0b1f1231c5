package dev.jvisor.vmbus.server;

/**
 * What a VSP implements for one channel (primary or sub-channel). {@link #opened}, then any number of {@link #signalled}, then
 * {@link #closed}; and again, when the guest opens the channel once more: a reopened channel is a new conversation. What it throws is
 * logged and breaks its channel, no more.
 *
 * <p>Threads: {@link #opened} and {@link #resumed} run on the bus's control thread before the channel's thread exists; the rest on the
 * channel's own thread. Completions that arrive elsewhere (disk threads) are queued by the device, which then calls {@link Channel#wake}.
 */
public interface ChannelDevice {
    /**
     * The guest opens the channel. Rings can be used from now on; must be quick.
     *
     * @return 0 to accept, else the status the guest is told; then {@link #closed} is not called
     */
    int opened(Channel channel);

    /**
     * The guest has signalled, or somebody has called {@link Channel#wake}, or the channel has just been opened. The device reads its ring
     * until EMPTY and sends what it has to ({@link Channel#send}, {@link Channel#flush}).
     *
     * @return true when the ring was found empty. False when the device stopped early, because it has enough to do or the other ring is
     *     full: it is called again after a wake or a signal, not before
     */
    boolean signalled();

    /**
     * The channel closes: by the guest, by a rescind, a reset, or because it broke. The device finishes or abandons its I/O; once this
     * returns it touches no guest memory.
     */
    void closed();

    /** The partition is about to be saved: the device finishes its I/O or parks it in its own state. No other call until it goes on. */
    default void paused() { }

    /**
     * A saved channel, which was open, is open again in a restored partition: instead of {@link #opened}. The device has had its own state
     * restored before.
     */
    default void resumed(Channel channel) {
        opened(channel);
    }
}
