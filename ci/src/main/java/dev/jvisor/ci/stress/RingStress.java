package dev.jvisor.ci.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** The two ends of a VMBus ring: packets come whole and in order, and nobody sleeps while there is work. */
public final class RingStress {
    private static final int PAGES = 2;
    private static final int RINGS = 1 << 14;
    private static final int RING_SIZE = PAGES * GpaSpace.PAGE_SIZE;
    private static final int HEADER = 128;
    private static final GpaSpace GPA = new GpaSpace(Arena.global().allocate((long) RINGS * RING_SIZE, GpaSpace.PAGE_SIZE));
    private static final AtomicInteger NEXT = new AtomicInteger();
    private static final int MESSAGE = 64;
    private static final int PACKET = PacketLayout.DESCRIPTOR_SIZE + MESSAGE + PacketLayout.TRAILER_SIZE;
    private static final MemorySegment ONES = Arena.global().allocate(MESSAGE, 8).fill((byte) 1);
    private static final MemorySegment TWOS = Arena.global().allocate(MESSAGE, 8).fill((byte) 2);
    /** For the one thread that reads. */
    private static final IncomingPacket INCOMING = new IncomingPacket(256);

    static {
        GPA.mapRam(0, (long) RINGS * RING_SIZE);
    }

    private RingStress() { }

    /** {@return an empty ring with a page of data} */
    private static GuestPages ring() {
        long first = (NEXT.getAndIncrement() & RINGS - 1) * (long) PAGES;
        GPA.host().asSlice(first * GpaSpace.PAGE_SIZE, HEADER).fill((byte) 0);
        return GuestPages.of(GPA, new long[] {first, first + 1}, PAGES);
    }

    private static void put(RingWriter writer, MemorySegment message) {
        writer.write(PacketLayout.TYPE_INBAND, 0, message.get(ValueLayout.JAVA_BYTE, 0), message, 0, MESSAGE);
    }

    /** {@return what all bytes of the next packet are: 0 when there is none, -1 when they differ} */
    private static long take(RingReader reader) {
        int result = reader.read(INCOMING);
        if (result == RingReader.EMPTY) {
            return 0;
        }
        long b = INCOMING.transactionId();
        boolean whole = result == RingReader.PACKET && INCOMING.payloadLength() == MESSAGE;
        for (int at = 0; whole && at < MESSAGE; at += 8) {
            whole = INCOMING.i64(at) == b * 0x0101_0101_0101_0101L;
        }
        return whole ? b : -1;
    }

    /** Packets come whole and in order. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 0", "0, 1", "1, 0", "1, 2"}, expect = ACCEPTABLE, desc = "as many as were there")
    @Outcome(expect = FORBIDDEN, desc = "in pieces, or out of order")
    public static class Packets {
        private final GuestPages ring = ring();
        private final RingWriter writer = new RingWriter(ring);
        private final RingReader reader = new RingReader(ring);

        /** Writes two. */
        @Actor
        public void write() {
            put(writer, ONES);
            writer.publish();
            put(writer, TWOS);
            writer.publish();
        }

        /** Reads up to two. */
        @Actor
        public void read(JJ_Result r) {
            r.r1 = take(reader);
            r.r2 = take(reader);
        }
    }

    /** Whoever is about to sleep sees the packet, or its writer sees that a signal is due. */
    @JCStressTest
    @State
    @Outcome(id = {"true, false", "false, true", "true, true"}, expect = ACCEPTABLE, desc = "somebody knows")
    @Outcome(id = "false, false", expect = FORBIDDEN, desc = "the reader sleeps, and nobody wakes it")
    public static class ReaderSleeps {
        private final GuestPages ring = ring();
        private final RingWriter writer = new RingWriter(ring);
        private final RingReader reader = new RingReader(ring);

        /** Makes a ring whose reader is awake. */
        public ReaderSleeps() {
            reader.mask();
        }

        /** Writes: must the reader be signalled? */
        @Actor
        public void write(ZZ_Result r) {
            put(writer, ONES);
            r.r1 = writer.publish();
        }

        /** Finds nothing and goes to sleep: is there something after all? */
        @Actor
        public void sleep(ZZ_Result r) {
            long got = take(reader);
            r.r2 = got != 0 || reader.unmask();
        }
    }

    /** Whoever finds the ring full sees the space that comes, or its reader sees that a signal is due. */
    @JCStressTest
    @State
    @Outcome(id = {"true, false", "false, true", "true, true"}, expect = ACCEPTABLE, desc = "somebody knows")
    @Outcome(id = "false, false", expect = FORBIDDEN, desc = "the writer waits for space, and nobody tells it")
    public static class WriterWaits {
        private final GuestPages ring = ring();
        private final RingWriter writer = new RingWriter(ring);
        private final RingReader reader = new RingReader(ring);

        /** Makes a full ring. */
        public WriterWaits() {
            for (int left = GpaSpace.PAGE_SIZE; left > PACKET; left -= PACKET) {
                put(writer, ONES);
            }
            writer.publish();
        }

        /** Writes one more: is there space? */
        @Actor
        public void write(ZZ_Result r) {
            r.r1 = writer.write(PacketLayout.TYPE_INBAND, 0, 2, TWOS, 0, MESSAGE) == RingWriter.WRITTEN;
        }

        /** Reads all and gives the space back: must the writer be signalled? */
        @Actor
        public void read(ZZ_Result r) {
            while (take(reader) != 0) {
                // until it is empty
            }
            r.r2 = reader.release();
        }
    }
}
