package dev.jvisor.vmbus.storage;

import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmbus.server.Channel;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;

/** What a queue needs of an open channel; so that its tests can be the channel's thread and its guest. */
interface StorLine {
    /** {@return the guest's memory} */
    GpaSpace gpa();

    /** Takes a packet. {@return a result of {@link RingReader#read}} */
    int read(IncomingPacket packet);

    /** Writes a packet. {@return a result of {@link RingWriter#write}} */
    int send(int type, long transactionId, MemorySegment payload, int length);

    /** Shows the guest what was sent, and interrupts it if need be. */
    void flush();

    /** Has the queue called again soon. */
    void wake();

    /** {@return a channel as a line} */
    static StorLine of(Channel channel) {
        return new StorLine() {
            @Override
            public GpaSpace gpa() {
                return channel.gpa();
            }

            @Override
            public int read(IncomingPacket packet) {
                return channel.read(packet);
            }

            @Override
            public int send(int type, long transactionId, MemorySegment payload, int length) {
                return channel.send(type, 0, transactionId, payload, 0, length);
            }

            @Override
            public void flush() {
                channel.flush();
            }

            @Override
            public void wake() {
                channel.wake();
            }
        };
    }
}
