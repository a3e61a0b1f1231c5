package dev.jvisor.vmbus.server;

import java.util.concurrent.atomic.AtomicReference;

/** A channel the host offers: the handle {@link VmbusServer#offer} returns, by which it is taken away. Any thread. */
public final class OfferedChannel {
    private final VmbusServer server;
    private final Offer offer;
    private final ChannelDevice device;
    private volatile ChannelState state = ChannelState.PENDING;
    private final AtomicReference<Channel> channel = new AtomicReference<>();
    private volatile int relid;
    /** What it was opened with, for saving. */
    int openId;
    int ringGpadl;
    int downstreamPage;
    byte[] userData = new byte[0];

    OfferedChannel(VmbusServer server, Offer offer, ChannelDevice device, int relid) {
        this.server = server;
        this.offer = offer;
        this.device = device;
        this.relid = relid;
    }

    /** {@return what was offered} */
    public Offer offer() {
        return offer;
    }

    /** {@return its number on the bus, 1 to 2047} */
    public int relid() {
        return relid;
    }

    /** {@return where it is in its life} */
    public ChannelState state() {
        return state;
    }

    /** {@return the open channel, or null} */
    public Channel channel() {
        return channel.get();
    }

    /** Takes the channel away from the guest, and its sub-channels with it; returns at once. */
    public void rescind() {
        server.rescind(this);
    }

    ChannelDevice device() {
        return device;
    }

    void relid(int number) {
        relid = number;
    }

    void channel(Channel open) {
        channel.set(open);
    }

    void become(ChannelState next) {
        if (!state.mayBecome(next)) {
            throw new IllegalStateException("channel " + offer.name() + ": " + state + " cannot become " + next);
        }
        state = next;
    }

    /** For a restore, which is no transition. */
    void put(ChannelState restored) {
        state = restored;
    }
}
