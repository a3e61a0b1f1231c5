package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.VmbusVersion;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * An open channel as its device sees it: two rings, signals both ways, the guest's GPADLs. A new one for each time the guest opens it. It
 * has a thread of its own that sleeps until the guest signals or somebody calls {@link #wake}.
 *
 * <p>{@link #read} and {@link #reader} belong to the channel's thread; {@link #send}, {@link #flush} and {@link #writer} to one thread at a
 * time, which is the channel's unless the device keeps a lock; the rest is safe anywhere.
 */
public final class Channel {
    private final VmbusServer server;
    private final OfferedChannel offered;
    private final ChannelDevice device;
    private final RingReader reader;
    private final RingWriter writer;
    private final byte[] userData;
    private final int sint;
    private final Thread thread;
    private final AtomicBoolean awake = new AtomicBoolean();
    private final Object signalLock = new Object();
    private int targetVp;
    private volatile boolean stopping;
    private volatile boolean ended;
    private volatile CountDownLatch pausing;
    private volatile String broken;

    Channel(VmbusServer server, OfferedChannel offered, int sint, int targetVp, RingReader reader, RingWriter writer, byte[] userData) {
        this.server = server;
        this.offered = offered;
        this.device = offered.device();
        this.sint = sint;
        this.targetVp = targetVp;
        this.reader = reader;
        this.writer = writer;
        this.userData = userData;
        this.thread = Thread.ofPlatform().daemon().name("vmbus-" + offered.offer().name()).unstarted(this::run);
    }

    /** {@return what was offered} */
    public Offer offer() {
        return offered.offer();
    }

    /** {@return its number on the bus, 1 to 2047} */
    public int relid() {
        return offered.relid();
    }

    /** {@return the bus, for offering sub-channels} */
    public VmbusServer server() {
        return server;
    }

    /** {@return the negotiated version} */
    public VmbusVersion version() {
        return server.version();
    }

    /** {@return the guest's memory} */
    public GpaSpace gpa() {
        return server.host().gpa();
    }

    /** {@return the 120 bytes the guest gave with its open; a copy} */
    public byte[] userData() {
        return userData.clone();
    }

    /** {@return index of the VP that is interrupted} */
    public int targetVp() {
        synchronized (signalLock) {
            return targetVp;
        }
    }

    /** From now on no interrupt to the old VP. */
    void targetVp(int vp) {
        synchronized (signalLock) {
            targetVp = vp;
        }
    }

    /** {@return the guest-to-host ring} */
    public RingReader reader() {
        return reader;
    }

    /** {@return the host-to-guest ring} */
    public RingWriter writer() {
        return writer;
    }

    /**
     * Offers a sub-channel, which lives no longer than this channel is open.
     *
     * @param index 1 to 65535
     * @throws IllegalArgumentException when it is offered already
     * @throws IllegalStateException when this channel is not open any more, or no number is free
     */
    public void offerSubChannel(int index, ChannelDevice subDevice) {
        server.offerSubChannel(offered, this, index, subDevice);
    }

    /** {@return pages the guest shared under a handle on this channel, or null when there are none} */
    public GuestPages gpadl(int handle) {
        return server.gpadl(relid(), handle);
    }

    /**
     * Takes the next packet, and gives space back to the guest now and then. A channel that has to stop or to stand still looks empty:
     * a guest that never ceases to send must not keep its device from coming to an end.
     *
     * @return a result of {@link RingReader#read}
     */
    public int read(IncomingPacket packet) {
        if (stopping || pausing != null || broken != null) {
            return RingReader.EMPTY;
        }
        if (reader.releaseIsDue() && reader.release()) {
            interrupt();
        }
        return reader.read(packet);
    }

    /**
     * Writes a packet; {@link #flush} shows it to the guest. When the ring is full, what is written is flushed, and the device is called
     * again ({@link ChannelDevice#signalled}) once there is space.
     *
     * @return a result of {@link RingWriter#write(int, int, long, MemorySegment, long, int)}
     */
    public int send(int type, int flags, long transactionId, MemorySegment payload, long offset, int length) {
        return send(type, flags, transactionId, null, 0, payload, offset, length);
    }

    /** Writes a packet with a header of its type; otherwise as {@link #send(int, int, long, MemorySegment, long, int)}. */
    public int send(int type, int flags, long transactionId, MemorySegment header, int headerLength, MemorySegment payload, long offset,
            int length) {
        int result = writer.write(type, flags, transactionId, header, headerLength, payload, offset, length);
        if (result != RingWriter.WRITTEN) {
            flush();
        }
        return result;
    }

    /** Shows the guest what was sent, and interrupts it if it may be asleep. */
    public void flush() {
        if (writer.publish()) {
            interrupt();
        }
    }

    private void interrupt() {
        server.notes().count(VmbusCounter.INTERRUPTS);
        synchronized (signalLock) {
            server.host().signalEvent(targetVp, sint, relid());
        }
    }

    /** Has {@link ChannelDevice#signalled} called soon, on the channel's thread. Cheap when it is awake already. */
    public void wake() {
        if (!awake.getAndSet(true)) {
            LockSupport.unpark(thread);
        }
    }

    /** The guest's signal, on a VP's thread. */
    void signal(int flag) {
        server.notes().count(VmbusCounter.SIGNALS);
        wake();
    }

    /** Gives the channel up: what the guest sent makes no sense. The device is closed; the guest may close and open again. */
    public void fail(String why) {
        broken = why;
        wake();
    }

    /** {@return why the channel broke, or null} */
    public String broken() {
        return broken;
    }

    void start() {
        awake.set(true);
        thread.start();
    }

    /** Ends the thread, which closes the device, and waits for it. */
    void stop() {
        stopping = true;
        LockSupport.unpark(thread);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops at a packet boundary; done when the latch is down. */
    CountDownLatch pause() {
        CountDownLatch latch = new CountDownLatch(1);
        pausing = latch;
        // Looked at after the latch is shown: a thread that has not seen it says before that it has ended.
        if (ended) {
            latch.countDown();
        }
        LockSupport.unpark(thread);
        return latch;
    }

    void resume() {
        pausing = null;
        awake.set(true);
        LockSupport.unpark(thread);
    }

    private void run() {
        try {
            work();
        } catch (RuntimeException | Error e) {
            broken = e.toString();
            server.notes().failed(thread.getName() + ": the device failed", e);
        }
        if (broken != null && !stopping) {
            server.notes().count(VmbusCounter.CHANNELS_BROKEN);
            server.notes().tell("{}: channel broken: {}", thread.getName(), broken);
        }
        try {
            device.closed();
        } catch (RuntimeException | Error e) {
            server.notes().failed(thread.getName() + ": the device failed to close", e);
        }
        ended = true;
        CountDownLatch p = pausing;
        if (p != null) {
            p.countDown();
        }
    }

    private void work() {
        while (!stopping && broken == null) {
            CountDownLatch p = pausing;
            if (p != null) {
                if (p.getCount() != 0) {
                    device.paused();
                    if (reader.release()) {
                        interrupt();
                    }
                    p.countDown();
                }
                LockSupport.park(this);
                continue;
            }
            if (!awake.getAndSet(false)) {
                LockSupport.park(this);
                continue;
            }
            reader.mask();
            boolean drained = device.signalled();
            if (reader.release()) {
                interrupt();
            }
            if (reader.broken() || writer.broken()) {
                broken = reader.broken() ? "guest-to-host ring makes no sense" : "host-to-guest ring makes no sense";
            } else if (drained && reader.unmask()) {
                awake.set(true);
            }
        }
    }
}
