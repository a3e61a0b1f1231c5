package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import java.util.concurrent.atomic.AtomicInteger;

/** A VSP that completes each packet with the payload it came with: some twenty lines, as a first example of a device. */
final class EchoDevice implements ChannelDevice {
    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    final AtomicInteger malformed = new AtomicInteger();
    volatile Channel channel;
    volatile int refuse;
    /** What it throws when it is opened or signalled; null for nothing. */
    volatile Error thrown;
    private final IncomingPacket packet = new IncomingPacket(4096);
    private boolean unanswered;

    @Override
    public int opened(Channel newChannel) {
        channel = newChannel;
        unanswered = false;
        opened.incrementAndGet();
        fail();
        return refuse;
    }

    @Override
    public boolean signalled() {
        while (unanswered || next()) {
            unanswered = channel.send(PacketLayout.TYPE_COMPLETION, 0, packet.transactionId(), packet.memory(), packet.payloadOffset(),
                    packet.payloadLength()) == RingWriter.FULL;
            if (unanswered) {
                return false;
            }
        }
        channel.flush();
        return true;
    }

    private void fail() {
        Error e = thrown;
        if (e != null) {
            throw e;
        }
    }

    private boolean next() {
        fail();
        int result;
        while ((result = channel.read(packet)) == RingReader.MALFORMED) {
            malformed.incrementAndGet();
        }
        return result == RingReader.PACKET;
    }

    @Override
    public void closed() {
        closed.incrementAndGet();
    }
}
