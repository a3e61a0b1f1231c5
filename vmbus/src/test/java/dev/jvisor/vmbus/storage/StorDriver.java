package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestClient.OpenChannel;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * An honest driver of one storage controller on a bus: starts it, and reads back what it wrote. It looks into its ring instead of waiting
 * for interrupts, so that several may run on a thread each.
 */
final class StorDriver {
    private static final long PATIENCE_NS = 30_000_000_000L;
    private static final byte[] NONE = {};
    private final GuestClient client;
    private final GuestMemory memory;
    private final OpenChannel channel;
    private final long[] pages;
    private long nextId = 1;

    /** @param pages a few pages of its own for data */
    StorDriver(GuestClient client, GuestMemory memory, OpenChannel channel, long[] pages) {
        this.client = client;
        this.memory = memory;
        this.channel = channel;
        this.pages = pages;
        assertEquals(0, channel.status, "the channel is not open");
    }

    static ByteBuffer control(int operation) {
        return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, operation).putInt(4, 1);
    }

    /** Sends a packet and waits for its answer. */
    ByteBuffer call(byte[] header, byte[] packet) {
        long id = nextId++;
        GuestRing.Sent sent = channel.out.send(header.length == 0 ? 6 : 9, 1, id, header, packet);
        assertTrue(sent != GuestRing.Sent.AGAIN);
        if (sent == GuestRing.Sent.SIGNAL) {
            assertEquals(0, client.signal(channel.offer.connection()));
        }
        long end = System.nanoTime() + PATIENCE_NS;
        while (true) {
            GuestRing.Packet p = channel.poll();
            if (p != null && p.type() == 0xB) {
                assertEquals(id, p.id());
                return ByteBuffer.wrap(p.payload()).order(ByteOrder.LITTLE_ENDIAN);
            }
            assertTrue(System.nanoTime() - end < 0, "no answer came");
            Thread.yield();
        }
    }

    /** The start as Linux does it; unit attentions are taken note of. */
    StorDriver start() {
        assertEquals(0, call(NONE, control(7).array()).getInt(8));
        assertEquals(0, call(NONE, control(9).putShort(12, (short) 0x602).array()).getInt(8));
        assertEquals(0, call(NONE, control(10).array()).getInt(8));
        assertEquals(0, call(NONE, control(8).array()).getInt(8));
        for (int i = 0; call(NONE, StorGuest.srb(0, 2, 0, "00 00 00 00 00 00").array()).get(14) != 1; i++) {
            assertTrue(i < 8, "never ready");
        }
        return this;
    }

    private MemorySegment page(int i) {
        return memory.gpa().ram(pages[i] << 12, 4096);
    }

    private ByteBuffer transfer(int direction, int page, int block) {
        String cdb = "%s 00 %08x 00 0008 00".formatted(direction == 0 ? "2a" : "28", block * 8);
        return call(StorGuest.range(0, 4096, pages[page]), StorGuest.srb(0, direction, 4096, cdb).array());
    }

    /** Writes a block of 4096 bytes that a seed stands for. */
    void write(int block, long seed) {
        page(0).copyFrom(MemorySegment.ofArray(contents(seed)));
        ByteBuffer a = transfer(0, 0, block);
        assertEquals(1, a.get(14), "SRB status of a write");
        assertEquals(4096, a.getInt(24));
    }

    /** Reads a block, which must be what a seed stands for. */
    void verify(int block, long seed) {
        page(1).fill((byte) -1);
        assertEquals(1, transfer(1, 1, block).get(14), "SRB status of a read");
        assertArrayEquals(contents(seed), page(1).toArray(ValueLayout.JAVA_BYTE), "block " + block);
    }

    void flush() {
        assertEquals(1, call(NONE, StorGuest.srb(0, 2, 0, "35 00 00000000 00 0000 00").array()).get(14));
    }

    /** {@return what a seed stands for; zeroes for 0} */
    static byte[] contents(long seed) {
        byte[] b = new byte[4096];
        if (seed != 0) {
            new Random(seed).nextBytes(b);
        }
        return b;
    }
}
