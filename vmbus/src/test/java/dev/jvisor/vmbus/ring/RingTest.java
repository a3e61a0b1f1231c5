package dev.jvisor.vmbus.ring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both halves of a ring beside a guest's end that was written on its own. */
class RingTest {
    private static final byte[] NONE = {};
    private GuestMemory memory;
    private GuestRing guest;
    private GuestPages pages;

    private void ring(int pageCount, boolean shuffled) {
        memory = new GuestMemory(64, shuffled ? new Random(7) : null);
        long[] pfns = memory.take(pageCount);
        guest = new GuestRing(memory.gpa(), pfns, 0, pageCount);
        guest.initialize();
        pages = GuestPages.of(memory.gpa(), pfns, pageCount);
        assertNotNull(pages);
        assertEquals(!shuffled, pages.contiguous());
    }

    @AfterEach
    void free() {
        if (memory != null) {
            memory.close();
        }
    }

    private static byte[] payload(IncomingPacket p) {
        return p.memory().asSlice(p.payloadOffset(), p.payloadLength()).toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] padded(byte[] b) {
        return Arrays.copyOf(b, (b.length + 7) / 8 * 8);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatTheGuestSendsArrivesWhereverItWraps(boolean shuffled) {
        ring(3, shuffled);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        Random random = new Random(42);
        ArrayDeque<byte[]> under = new ArrayDeque<>();
        int received = 0;
        for (int i = 0; received < 5000; i++) {
            byte[] b = new byte[random.nextInt(1500)];
            random.nextBytes(b);
            if (random.nextBoolean() && guest.send(6, i & 1, i, NONE, b) != GuestRing.Sent.AGAIN) {
                under.add(b);
            } else if (reader.read(packet) == RingReader.PACKET) {
                assertArrayEquals(padded(under.remove()), payload(packet));
                received++;
                if (random.nextInt(4) == 0) {
                    assertFalse(reader.release(), "nobody waits for space");
                }
            } else {
                assertTrue(under.isEmpty());
                reader.release();
            }
        }
        assertFalse(reader.broken());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatTheHostSendsArrivesWhereverItWraps(boolean shuffled) {
        ring(3, shuffled);
        RingWriter writer = new RingWriter(pages);
        Random random = new Random(43);
        ArrayDeque<byte[]> under = new ArrayDeque<>();
        int received = 0;
        boolean full = false;
        for (int i = 0; received < 5000; i++) {
            byte[] b = new byte[random.nextInt(1500)];
            random.nextBytes(b);
            if (random.nextBoolean()) {
                byte[] header = new byte[random.nextInt(4) * 8];
                int result = writer.write(PacketLayout.TYPE_INBAND, 1, i, MemorySegment.ofArray(header), header.length,
                        MemorySegment.ofArray(b), 0, b.length);
                if (result == RingWriter.WRITTEN) {
                    under.add(b);
                } else {
                    assertEquals(RingWriter.FULL, result);
                    full = true;
                }
                writer.publish();
            } else {
                GuestRing.Packet p = guest.receive();
                if (p != null) {
                    assertArrayEquals(padded(under.remove()), p.payload());
                    received++;
                } else {
                    assertTrue(under.isEmpty());
                }
            }
        }
        assertTrue(full, "the ring was full at least once");
    }

    @Test
    void guestIsSignalledOnlyWhenItsRingWasEmptyAndNotMasked() {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        MemorySegment data = MemorySegment.ofArray(new byte[64]);
        writer.write(6, 0, 1, data, 0, 64);
        assertEquals(0, guest.writeIndex(), "not shown before publish");
        assertTrue(writer.publish(), "was empty");
        writer.write(6, 0, 2, data, 0, 64);
        assertFalse(writer.publish(), "was not empty");
        guest.receive();
        guest.receive();
        guest.mask(true);
        writer.write(6, 0, 3, data, 0, 64);
        assertFalse(writer.publish(), "masked");
        guest.receive();
        guest.mask(false);
        writer.write(6, 0, 4, data, 0, 64);
        writer.write(6, 0, 5, data, 0, 64);
        assertTrue(writer.publish(), "one signal for two packets");
        assertFalse(writer.publish(), "nothing new");
    }

    @Test
    void fullRingAsksForASignalAndGetsIt() {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        MemorySegment data = MemorySegment.ofArray(new byte[1000]);
        int sent = 0;
        while (writer.write(6, 0, sent, data, 0, 1000) == RingWriter.WRITTEN) {
            sent++;
            writer.publish();
        }
        assertEquals(3, sent);
        assertTrue(writer.waiting());
        assertEquals(1024, guest.field(RingLayout.PENDING_SEND_SIZE));
        assertEquals(RingWriter.FULL, writer.write(6, 0, sent, data, 0, 1000), "nothing is overwritten");
        assertNotNull(guest.receive());
        assertTrue(guest.hostWaits(), "the guest finds that the host waits");
        assertEquals(RingWriter.WRITTEN, writer.write(6, 0, sent, data, 0, 1000));
        assertEquals(0, guest.field(RingLayout.PENDING_SEND_SIZE));
        assertFalse(writer.waiting());
        writer.publish();
        for (long id = 1; id <= 3; id++) {
            assertEquals(id, guest.receive().id());
        }
        assertNull(guest.receive());
        assertFalse(guest.hostWaits());
    }

    @Test
    void hostThatFindsTheRingFullWithPacketsNotShownYetIsWokenAllTheSame() {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        MemorySegment data = MemorySegment.ofArray(new byte[1000]);
        assertEquals(RingWriter.WRITTEN, writer.write(6, 0, 1, data, 0, 1000));
        assertTrue(writer.publish());
        assertEquals(RingWriter.WRITTEN, writer.write(6, 0, 2, data, 0, 1000));
        assertEquals(RingWriter.WRITTEN, writer.write(6, 0, 3, data, 0, 1000));
        assertEquals(RingWriter.FULL, writer.write(6, 0, 4, data, 0, 1000));
        boolean woken = false;
        for (int i = 1; i <= 3; i++) {
            assertEquals(i, guest.receive().id());
            woken |= guest.hostWaits();
        }
        assertTrue(woken, "the guest never saw the ring too full for what the host wants to send");
        assertFalse(writer.publish(), "the ring was not empty when the packets were shown");
    }

    @Test
    void signalIsOwedForPacketsShownBecauseTheRingWasFull() {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        MemorySegment data = MemorySegment.ofArray(new byte[1000]);
        while (writer.write(6, 0, 4, data, 0, 1000) == RingWriter.WRITTEN) {
            continue;
        }
        assertTrue(writer.publish(), "it was empty");
        assertFalse(writer.publish());
    }

    @Test
    void guestThatWaitsForSpaceIsSignalledOnce() {
        ring(2, false);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        byte[] b = new byte[1000];
        while (guest.send(6, 0, 0, NONE, b) != GuestRing.Sent.AGAIN) {
            continue;
        }
        guest.field(RingLayout.PENDING_SEND_SIZE, 2048);
        reader.read(packet);
        assertFalse(reader.release(), "free is 2048, the guest wants more than that");
        reader.read(packet);
        assertTrue(reader.release());
        reader.read(packet);
        assertFalse(reader.release(), "crossed before");
    }

    @Test
    void readerThatGoesToSleepSeesWhatCameMeanwhile() {
        ring(2, false);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        reader.mask();
        assertEquals(GuestRing.Sent.QUIETLY, guest.send(6, 0, 9, NONE, NONE));
        assertTrue(reader.unmask(), "must not sleep");
        assertEquals(RingReader.PACKET, reader.read(packet));
        assertEquals(9, packet.transactionId());
        reader.release();
        assertFalse(reader.unmask());
        assertEquals(GuestRing.Sent.SIGNAL, guest.send(6, 0, 9, NONE, NONE));
    }

    @Test
    void gpaRangesAreReadAndMapped() {
        ring(3, true);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        ByteBuffer h = ByteBuffer.allocate(8 + 8 + 3 * 8).order(ByteOrder.LITTLE_ENDIAN);
        h.putInt(0).putInt(1).putInt(5000).putInt(4000).putLong(0x105).putLong(0x106).putLong(0x103);
        guest.send(9, 1, 77, h.array(), new byte[] {1, 2, 3});
        assertEquals(RingReader.PACKET, reader.read(packet));
        assertTrue(packet.completionRequested());
        assertEquals(1, packet.rangeCount());
        assertEquals(3, packet.rangePages(0));
        assertEquals(0x103, packet.rangePfn(0, 2));
        assertEquals(0x030201, packet.i32(0));
        assertEquals(0, packet.i64(8), "beyond the payload");
        long[] offsets = new long[4];
        int[] lengths = new int[4];
        assertEquals(2, packet.mapRange(0, memory.gpa(), offsets, lengths, 0));
        assertEquals(memory.gpa().hostOffset(0x105fa0), offsets[0]);
        assertEquals(96 + 4096, lengths[0], "pages 105 and 106 are one piece");
        assertEquals(memory.gpa().hostOffset(0x103000), offsets[1]);
        assertEquals(5000 - 96 - 4096, lengths[1]);

        h.putLong(16, 0x7777777);
        guest.send(9, 1, 78, h.array(), NONE);
        assertEquals(RingReader.PACKET, reader.read(packet));
        assertEquals(-1, packet.mapRange(0, memory.gpa(), offsets, lengths, 0), "not RAM");
        h.putLong(16, -1);
        guest.send(9, 1, 79, h.array(), NONE);
        assertEquals(RingReader.PACKET, reader.read(packet));
        assertEquals(-1, packet.mapRange(0, memory.gpa(), offsets, lengths, 0), "not RAM");
        h.putInt(8, -1);
        guest.send(9, 1, 80, h.array(), NONE);
        assertEquals(RingReader.MALFORMED, reader.read(packet));
        assertEquals(80, packet.transactionId());
        h.putInt(4, 1000);
        guest.send(9, 0, 81, h.array(), NONE);
        assertEquals(RingReader.MALFORMED, reader.read(packet));
        guest.send(6, 0, 82, NONE, NONE);
        assertEquals(RingReader.PACKET, reader.read(packet), "the ring goes on");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 4096, 8192, -8, Integer.MIN_VALUE, 8})
    void indexThatMakesNoSenseBreaksTheRing(int index) {
        ring(2, false);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        guest.field(0, index);
        assertEquals(RingReader.BROKEN, reader.read(packet));
        guest.field(0, 0);
        assertEquals(RingReader.BROKEN, reader.read(packet), "it stays so");
        assertFalse(reader.unmask());
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 4096, -8})
    void readIndexThatMakesNoSenseBreaksTheWriter(int index) {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        MemorySegment data = MemorySegment.ofArray(new byte[1000]);
        guest.field(4, index);
        int result;
        do {
            result = writer.write(6, 0, 0, data, 0, 1000);
            writer.publish();
        } while (result == RingWriter.WRITTEN);
        assertEquals(RingWriter.BROKEN, result);
    }

    @Test
    void packetThatNeverFitsIsNotWaitedFor() {
        ring(2, false);
        RingWriter writer = new RingWriter(pages);
        assertEquals(RingWriter.BROKEN, writer.write(6, 0, 0, MemorySegment.ofArray(new byte[5000]), 0, 5000));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void packetsAreHandedOutAsTheyWereWhenTheFirstOfThemWasRead(boolean shuffled) {
        ring(5, shuffled);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        for (int i = 0; i < 100; i++) {
            guest.send(6, 0, i, NONE, new byte[] {(byte) i});
        }
        assertEquals(RingReader.PACKET, reader.read(packet));
        for (int i = 0; i < guest.size(); i++) {
            guest.setByte(i, (byte) -1);
        }
        for (int i = 0; i < 100; i++) {
            assertEquals(i, packet.transactionId());
            assertEquals(i, packet.u8(0));
            assertEquals(i < 99 ? RingReader.PACKET : RingReader.EMPTY, reader.read(packet));
        }
    }

    @Test
    void packetsThatWereCopiedButNotHandedOutStayInTheRing() {
        ring(3, true);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        for (int i = 0; i < 10; i++) {
            guest.send(6, 0, i, NONE, new byte[40]);
        }
        for (int i = 0; i < 4; i++) {
            assertEquals(RingReader.PACKET, reader.read(packet));
        }
        reader.release();
        assertEquals(4 * 64, guest.readIndex());
        assertTrue(reader.unmask(), "there is more");
        RingReader restored = new RingReader(pages);
        for (int i = 4; i < 10; i++) {
            assertEquals(RingReader.PACKET, restored.read(packet), "what the packet holds of another reader's is not taken for its own");
            assertEquals(i, packet.transactionId());
        }
        assertEquals(RingReader.EMPTY, restored.read(packet));
    }

    @Test
    void packetMayBeAsLongAsTheHostSaysAndNoLonger() {
        ring(5, true);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(9000);
        for (int i = 0; i < 20; i++) {
            byte[] longest = new byte[9000 - 16];
            new Random(i).nextBytes(longest);
            guest.send(6, 0, 1, NONE, new byte[8 * i]);
            assertEquals(GuestRing.Sent.QUIETLY, guest.send(6, 0, 2, NONE, longest));
            assertEquals(RingReader.PACKET, reader.read(packet));
            assertEquals(RingReader.PACKET, reader.read(packet));
            assertArrayEquals(longest, payload(packet));
            reader.release();
        }
        guest.send(6, 0, 1, NONE, new byte[9000 - 15]);
        assertEquals(RingReader.BROKEN, reader.read(packet));
        assertEquals(RingReader.BROKEN, reader.read(packet));
    }

    @Test
    void packetOfWhichOnlyAPartIsThereBreaksTheRing() {
        ring(3, false);
        RingReader reader = new RingReader(pages);
        IncomingPacket packet = new IncomingPacket(4096);
        guest.send(6, 0, 1, NONE, new byte[40]);
        guest.send(6, 0, 2, NONE, new byte[40]);
        guest.field(0, guest.writeIndex() - 8);
        assertEquals(RingReader.PACKET, reader.read(packet));
        assertEquals(RingReader.BROKEN, reader.read(packet));
        guest.field(0, guest.writeIndex() + 8);
        assertEquals(RingReader.BROKEN, reader.read(packet), "it stays so");
    }

    @Test
    void randomBytesNeverThrow() {
        long seed = System.nanoTime();
        System.out.println("RingTest.randomBytesNeverThrow seed=" + seed);
        Random random = new Random(seed);
        ring(3, true);
        IncomingPacket packet = new IncomingPacket(2048);
        int[] seen = new int[4];
        for (int round = 0; round < 20_000; round++) {
            for (int i = 0; i < 64; i++) {
                guest.setByte(random.nextInt(guest.size()), (byte) random.nextInt(random.nextBoolean() ? 256 : 12));
            }
            guest.field(4, random.nextInt(1024) * 8);
            RingReader reader = new RingReader(pages);
            guest.field(0, random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(1024) * 8);
            guest.field(12, random.nextInt());
            int result;
            int packets = 0;
            do {
                result = reader.read(packet);
                seen[result]++;
                for (int r = 0; result == RingReader.PACKET && r < packet.rangeCount(); r++) {
                    packet.mapRange(r, memory.gpa(), new long[8], new int[8], 0);
                }
                reader.release();
                assertTrue(++packets < 8192 / 24 + 2, "a ring has an end");
            } while (result == RingReader.PACKET || result == RingReader.MALFORMED);
        }
        assertTrue(seen[RingReader.BROKEN] > 0 && seen[RingReader.EMPTY] > 0, Arrays.toString(seen));
    }

    @Test
    void pagesOutsideRamAreRefused() {
        ring(2, false);
        GpaSpace gpa = memory.gpa();
        for (long pfn : new long[] {0, 0x140, -1, Long.MIN_VALUE, 1L << 51, 1L << 52 | 0x100}) {
            assertNull(GuestPages.of(gpa, new long[] {0x100, pfn}, 2), Long.toHexString(pfn));
        }
    }

    @Test
    void hostWritesAreInTheDirtyLog() {
        ring(3, true);
        GpaSpace gpa = memory.gpa();
        RingWriter writer = new RingWriter(pages);
        gpa.setDirtyLog(true);
        writer.write(6, 0, 0, MemorySegment.ofArray(new byte[64]), 0, 64);
        writer.publish();
        long[] bitmap = new long[1];
        assertEquals(2, gpa.collectDirty(gpa.regions().getFirst(), bitmap), "header and first page of data");
    }
}
