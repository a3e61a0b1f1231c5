package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import java.util.concurrent.atomic.AtomicInteger;

/** A VSP that takes packets as long as there are any, and tells a test of each. */
final class EndlessDevice implements ChannelDevice {
    final AtomicInteger taken = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    volatile Runnable onPacket = () -> { };
    private final IncomingPacket packet = new IncomingPacket(4096);
    private Channel channel;

    @Override
    public int opened(Channel newChannel) {
        channel = newChannel;
        return 0;
    }

    @Override
    public boolean signalled() {
        while (channel.read(packet) == RingReader.PACKET) {
            taken.incrementAndGet();
            onPacket.run();
        }
        return true;
    }

    @Override
    public void closed() {
        closed.incrementAndGet();
    }
}
