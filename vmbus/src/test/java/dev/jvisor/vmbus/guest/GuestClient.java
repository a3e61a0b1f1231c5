package dev.jvisor.vmbus.guest;

import dev.jvisor.vmbus.server.VmbusHost;
import dev.jvisor.vmm.hyperv.EventPort;
import dev.jvisor.vmm.hyperv.HvStatus;
import dev.jvisor.vmm.hyperv.MessagePort;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The guest double: a VMBus client in Java over memory of its own, and the little of a hypervisor between it and the bus. Does what Linux
 * 6.1 does, and whatever else a test wants. Numbers of messages and offsets are written out here: they are a second opinion.
 */
public final class GuestClient implements VmbusHost {
    /** A message from the host. */
    public record Message(int vp, int sint, byte[] bytes) {
        public int type() {
            return i32(0);
        }

        public int i32(int at) {
            return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(at);
        }
    }

    /** An offer from the host. */
    public record Offered(UUID type, UUID instance, int index, int relid, int connection) {
    }

    /** An interrupt for a channel. */
    public record Event(int vp, int sint, int flag) {
    }

    private final GuestMemory memory;
    private final int processors;
    private final int slots;
    private final Map<Integer, MessagePort> messagePorts = new ConcurrentHashMap<>();
    private final Map<Integer, EventPort> eventPorts = new ConcurrentHashMap<>();
    private final BlockingQueue<Message> messages;
    private final List<Runnable> space = new CopyOnWriteArrayList<>();
    private final List<Runnable> resets = new CopyOnWriteArrayList<>();
    private volatile boolean refused;
    public final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final ArrayBlockingQueue<Integer> signalled = new ArrayBlockingQueue<>(1);
    private int nextGpadl = 0xE1E10;
    public int connection = 1;
    /** Takes the messages that come while another is expected; while there is none, they are errors. */
    public Consumer<Message> others;

    /** A guest whose message queue holds so many. */
    public GuestClient(GuestMemory memory, int processors, int slots) {
        this.memory = memory;
        this.processors = processors;
        this.slots = slots;
        this.messages = new LinkedBlockingQueue<>();
    }

    @Override
    public GpaSpace gpa() {
        return memory.gpa();
    }

    @Override
    public int processors() {
        return processors;
    }

    @Override
    public void connectMessages(int connectionId, MessagePort port) {
        messagePorts.put(connectionId, port);
    }

    @Override
    public void disconnectMessages(int connectionId) {
        messagePorts.remove(connectionId);
    }

    @Override
    public void connectEvents(int connectionId, EventPort port) {
        eventPorts.put(connectionId, port);
    }

    @Override
    public void disconnectEvents(int connectionId) {
        eventPorts.remove(connectionId);
    }

    @Override
    public boolean postMessage(int vp, int sint, int messageType, long sender, MemorySegment payload, int size) {
        if (messageType != 1) {
            throw new AssertionError("message type " + messageType);
        }
        synchronized (messages) {
            if (messages.size() >= slots) {
                refused = true;
                return false;
            }
            messages.add(new Message(vp, sint, payload.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE)));
            return true;
        }
    }

    @Override
    public void onMessageSpace(Runnable listener) {
        space.add(listener);
    }

    @Override
    public void signalEvent(int vp, int sint, int flag) {
        events.add(new Event(vp, sint, flag));
        signalled.offer(flag);
    }

    @Override
    public void onReset(Runnable hook) {
        resets.add(hook);
    }

    /** The guest resets. */
    public void reset() {
        resets.forEach(Runnable::run);
    }

    /** Number of channels that can be signalled. */
    public int connectedEvents() {
        return eventPorts.size();
    }

    /** HvPostMessage. */
    public int post(int connectionId, byte[] message) {
        MessagePort p = messagePorts.get(connectionId);
        return p == null ? HvStatus.INVALID_CONNECTION_ID : p.post(0, 1, MemorySegment.ofArray(message.clone()), message.length);
    }

    /** HvSignalEvent. */
    public int signal(int connectionId) {
        EventPort p = eventPorts.get(connectionId);
        if (p == null) {
            return HvStatus.INVALID_CONNECTION_ID;
        }
        p.signal(0);
        return HvStatus.SUCCESS;
    }

    /** A message of so many bytes with 32-bit values from offset 8. */
    public static byte[] message(int type, int size, int... words) {
        ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, type);
        for (int i = 0; i < words.length && 12 + 4 * i <= size; i++) {
            b.putInt(8 + 4 * i, words[i]);
        }
        return b.array();
    }

    /** Posts as Linux does, again while the host wants it later. */
    public void send(byte[] message) {
        int status;
        int tries = 0;
        while ((status = post(connection, message)) == HvStatus.INSUFFICIENT_BUFFERS) {
            if (++tries > 1000) {
                throw new AssertionError("the host never takes the message");
            }
            pause(1);
        }
        if (status != 0) {
            throw new AssertionError("post failed: " + status);
        }
    }

    private static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** The next message from the host. */
    public Message next() {
        try {
            Message m = messages.poll(20, TimeUnit.SECONDS);
            if (m == null) {
                throw new AssertionError("no message came");
            }
            boolean tell;
            synchronized (messages) {
                tell = refused && messages.isEmpty();
                refused &= !tell;
            }
            if (tell) {
                space.forEach(Runnable::run);
            }
            return m;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** The next message, which must be of a type and a size. */
    public Message expect(int type, int size) {
        Message m = next();
        while (others != null && m.type() != type) {
            others.accept(m);
            m = next();
        }
        if (m.type() != type || m.bytes.length != size) {
            throw new AssertionError("message " + m.type() + " of " + m.bytes.length + " bytes instead of " + type + " of " + size);
        }
        return m;
    }

    public boolean noMessage() {
        return messages.isEmpty();
    }

    /** Sleeps until a channel's interrupt. */
    public void awaitInterrupt() {
        try {
            if (signalled.poll(20, TimeUnit.SECONDS) == null) {
                throw new AssertionError("no interrupt came");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Asks for a version. {@return whether the host speaks it} */
    public boolean contact(int version) {
        boolean named = version >= 0x50000;
        byte[] m = message(14, 40, version, 0, named ? 2 : 0);
        int status = post(named ? 4 : 1, m);
        if (status != 0) {
            throw new AssertionError("contact failed: " + status);
        }
        Message r = expect(15, 16);
        boolean good = r.bytes[8] != 0;
        connection = good && named ? r.i32(12) : 1;
        return good;
    }

    /** Negotiates from a version down, as Linux. {@return the version} */
    public int connect(int from) {
        for (int v : new int[] {0x50003, 0x50002, 0x50001, 0x50000, 0x40001, 0x40000, 0x30000, 0x20004}) {
            if (v <= from && contact(v)) {
                return v;
            }
        }
        throw new AssertionError("no version in common");
    }

    /** Asks for the offers. */
    public List<Offered> offers() {
        send(message(3, 8));
        List<Offered> all = new ArrayList<>();
        for (Message m = next(); m.type() != 4; m = next()) {
            all.add(offered(m));
        }
        return all;
    }

    /** The offer in a message. */
    public static Offered offered(Message m) {
        if (m.type() != 1 || m.bytes.length != 196) {
            throw new AssertionError("not an offer: " + m.type());
        }
        ByteBuffer b = ByteBuffer.wrap(m.bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (b.getShort(190) != 1) {
            throw new AssertionError("interrupt not dedicated");
        }
        return new Offered(guid(b, 8), guid(b, 24), b.getShort(180), b.getInt(184), b.getInt(192));
    }

    private static UUID guid(ByteBuffer b, int at) {
        long high = Integer.toUnsignedLong(b.getInt(at)) << 32 | Short.toUnsignedLong(b.getShort(at + 4)) << 16
                | Short.toUnsignedLong(b.getShort(at + 6));
        return new UUID(high, Long.reverseBytes(b.getLong(at + 8)));
    }

    /** Sends the messages of a GPADL and does not wait. {@return its handle} */
    public int sendGpadl(int relid, long[] pfns) {
        int handle = nextGpadl++;
        int inHeader = Math.min(26, pfns.length);
        ByteBuffer h = ByteBuffer.wrap(message(8, 28 + 8 * inHeader, relid, handle)).order(ByteOrder.LITTLE_ENDIAN);
        h.putShort(16, (short) (8 + 8 * pfns.length)).putShort(18, (short) 1).putInt(20, pfns.length * 4096);
        for (int i = 0; i < inHeader; i++) {
            h.putLong(28 + 8 * i, pfns[i]);
        }
        send(h.array());
        for (int from = inHeader; from < pfns.length; from += 28) {
            int n = Math.min(28, pfns.length - from);
            ByteBuffer b = ByteBuffer.wrap(message(9, 16 + 8 * n, 0, handle)).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < n; i++) {
                b.putLong(16 + 8 * i, pfns[from + i]);
            }
            send(b.array());
        }
        return handle;
    }

    /** Shares pages. {@return the handle, or the negative status} */
    public int gpadl(int relid, long[] pfns) {
        int handle = sendGpadl(relid, pfns);
        Message m = expect(10, 20);
        if (m.i32(8) != relid || m.i32(12) != handle) {
            throw new AssertionError("answer for another GPADL");
        }
        return m.i32(16) == 0 ? handle : m.i32(16);
    }

    /** Takes pages back. */
    public void tearDown(int relid, int handle) {
        send(message(11, 16, relid, handle));
        if (expect(12, 12).i32(8) != handle) {
            throw new AssertionError("another GPADL torn down");
        }
    }

    /** Opens a channel with rings of so many pages each. */
    public OpenChannel open(Offered offer, int pagesEach, int vp) {
        long[] pfns = memory.take(2 * pagesEach);
        int handle = gpadl(offer.relid, pfns);
        GuestRing out = new GuestRing(gpa(), pfns, 0, pagesEach);
        GuestRing in = new GuestRing(gpa(), pfns, pagesEach, pagesEach);
        out.initialize();
        in.initialize();
        send(message(5, 148, offer.relid, offer.relid, handle, vp, pagesEach));
        Message m = expect(6, 20);
        if (m.i32(8) != offer.relid || m.i32(12) != offer.relid) {
            throw new AssertionError("answer for another channel");
        }
        return new OpenChannel(offer, pfns, handle, out, in, m.i32(16));
    }

    /** A channel opened by the guest. */
    public final class OpenChannel {
        public final Offered offer;
        public final long[] pfns;
        public final int gpadl;
        public final GuestRing out;
        public final GuestRing in;
        public final int status;

        OpenChannel(Offered offer, long[] pfns, int gpadl, GuestRing out, GuestRing in, int status) {
            this.offer = offer;
            this.pfns = pfns;
            this.gpadl = gpadl;
            this.out = out;
            this.in = in;
            this.status = status;
        }

        /** Sends a packet; false when the ring is full. */
        public boolean send(long id, byte[] payload) {
            GuestRing.Sent s = out.send(6, 1, id, new byte[0], payload);
            if (s == GuestRing.Sent.SIGNAL && signal(offer.connection) != 0) {
                throw new AssertionError("signal failed");
            }
            return s != GuestRing.Sent.AGAIN;
        }

        /** The next packet, or null; signals a host that waits. */
        public GuestRing.Packet poll() {
            GuestRing.Packet p = in.receive();
            if (in.hostWaits()) {
                signal(offer.connection);
            }
            return p;
        }

        /** The next packet; sleeps until an interrupt as a guest does. */
        public GuestRing.Packet receive() {
            GuestRing.Packet p;
            while ((p = poll()) == null) {
                awaitInterrupt();
            }
            return p;
        }

        /** As vmbus_close: CLOSE, then the GPADL. */
        public void close() {
            GuestClient.this.send(message(7, 12, offer.relid));
            tearDown(offer.relid, gpadl);
            memory.give(pfns);
        }
    }
}
