package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.ChannelMessage;
import dev.jvisor.vmbus.protocol.MessageLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** Channel messages on their way to the guest: in order, kept here while the hypervisor's queue is full. Control thread only, but for {@link #backlog}. */
final class MessageSender {
    private final VmbusHost host;
    private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
    private int vp;
    private int sint = MessageLayout.DEFAULT_SINT;
    private volatile int backlog;

    MessageSender(VmbusHost host) {
        this.host = host;
    }

    /** Where messages go from now on. */
    void target(int newVp, int newSint) {
        vp = newVp;
        sint = newSint;
    }

    int vp() {
        return vp;
    }

    int sint() {
        return sint;
    }

    /** {@return how many messages wait; any thread} */
    int backlog() {
        return backlog;
    }

    /** {@return an empty message, to be filled and sent} */
    static ByteBuffer message(ChannelMessage type) {
        return ByteBuffer.allocate(type.size()).order(ByteOrder.LITTLE_ENDIAN).putInt(MessageLayout.TYPE, type.type());
    }

    void send(ByteBuffer message) {
        waiting.add(message.array());
        retry();
    }

    /** Hands on what waits, as far as it goes. */
    void retry() {
        while (!waiting.isEmpty()) {
            byte[] m = waiting.peek();
            if (!host.postMessage(vp, sint, MessageLayout.SYNIC_MESSAGE_TYPE, 0, MemorySegment.ofArray(m), m.length)) {
                break;
            }
            waiting.poll();
        }
        backlog = waiting.size();
    }

    void clear() {
        waiting.clear();
        backlog = 0;
    }

    List<byte[]> save() {
        List<byte[]> all = new ArrayList<>();
        waiting.forEach(m -> all.add(m.clone()));
        return all;
    }

    void restore(List<byte[]> messages) {
        waiting.clear();
        messages.forEach(m -> waiting.add(m.clone()));
        retry();
    }

    /** {@return a private copy of a message posted by the guest} */
    static ByteBuffer copy(MemorySegment message, int size) {
        return ByteBuffer.wrap(message.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
