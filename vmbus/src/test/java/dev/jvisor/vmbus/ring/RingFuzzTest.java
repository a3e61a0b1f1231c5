package dev.jvisor.vmbus.ring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmm.hostility.HostileRun;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Both halves of a ring against a guest that writes what it likes into header and data, before and while the host looks: valid traffic with
 * a few bytes changed, and a second thread that changes bytes all the time. Nothing throws, a packet that was handed out does not change
 * and refers to nothing outside of itself, a ring has an end, and the host writes nowhere but into the ring. Seeds and longer runs:
 * {@link HostileRun}.
 */
@Timeout(300)
class RingFuzzTest {
    private static final int PAGES = 4;
    private final GuestMemory memory = new GuestMemory(64, new Random(11));
    private final GpaSpace gpa = memory.gpa();
    private final long[] pfns = memory.take(PAGES);
    private final GuestRing guest = new GuestRing(gpa, pfns, 0, PAGES);
    private final GuestPages pages = GuestPages.of(gpa, pfns, PAGES);
    private final IncomingPacket packet = new IncomingPacket(4096);
    private final long[] offsets = new long[300];
    private final int[] lengths = new int[300];
    private volatile boolean over;

    @AfterEach
    void free() {
        memory.close();
    }

    /** A packet as guests send them, of any of the types. */
    private void send(Random random) {
        byte[] payload = new byte[random.nextInt(4) == 0 ? random.nextInt(1500) : 64];
        random.nextBytes(payload);
        int type = new int[] {6, 9, 9, 7, 0xB}[random.nextInt(5)];
        ByteBuffer header = ByteBuffer.allocate(type == 9 || type == 7 ? 1024 : 0).order(ByteOrder.LITTLE_ENDIAN);
        if (header.capacity() > 0) {
            int ranges = random.nextInt(4);
            header.putInt(random.nextInt(100)).putInt(ranges);
            for (int i = 0; i < ranges; i++) {
                int offset = random.nextInt(4096);
                int bytes = 1 + random.nextInt(3 * 4096);
                header.putInt(bytes).putInt(offset);
                for (int p = 0; type == 9 && p < (offset + bytes + 4095) / 4096; p++) {
                    header.putLong(pfns[random.nextInt(pfns.length)]);
                }
            }
        }
        byte[] h = new byte[(header.position() + 7) / 8 * 8];
        header.flip().get(h, 0, header.limit());
        guest.send(type, random.nextInt(2), random.nextLong(), h, payload);
    }

    private void mutate(Random random) {
        for (int i = random.nextInt(6); i > 0; i--) {
            switch (random.nextInt(12)) {
                case 0 -> guest.field(0, random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(guest.size() / 8) * 8);
                case 1 -> guest.field(4 * random.nextInt(4), random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(guest.size() / 8) * 8);
                // The first bytes of packets are where it hurts; they lie on multiples of 8.
                case 2, 3, 4, 5 -> guest.setByte(random.nextInt(guest.size() / 8) * 8 + random.nextInt(8), (byte) random.nextInt(16));
                default -> guest.setByte(random.nextInt(guest.size()), (byte) random.nextInt());
            }
        }
    }

    private long hashOfPacket() {
        long hash = packet.type() * 31L + packet.transactionId();
        for (int i = -1; i < packet.payloadLength() + 9; i++) {
            hash = hash * 31 + packet.u8(i);
            hash = hash * 31 + packet.i64(i) + packet.i32(i) + packet.u16(i);
        }
        for (int r = 0; r < packet.rangeCount(); r++) {
            hash = hash * 31 + packet.rangeByteCount(r) + packet.rangeByteOffset(r) + packet.transferSet();
            for (int p = 0; packet.type() == 9 && p < packet.rangePages(r); p++) {
                hash = hash * 31 + packet.rangePfn(r, p);
            }
        }
        return hash;
    }

    /** Reads until there is no more. {@return what the last read said} */
    private int drain(RingReader reader, Random random) {
        int result;
        int bytes = 0;
        while ((result = reader.read(packet)) == RingReader.PACKET || result == RingReader.MALFORMED) {
            bytes += packet.payloadLength();
            assertTrue(packet.payloadLength() >= 0 && packet.payloadOffset() + packet.payloadLength() <= packet.memory().byteSize());
            if (result == RingReader.PACKET) {
                long hash = hashOfPacket();
                for (int r = 0; packet.type() == 9 && r < packet.rangeCount(); r++) {
                    int pieces = packet.mapRange(r, gpa, offsets, lengths, 0);
                    for (int i = 0; i < pieces; i++) {
                        assertTrue(lengths[i] > 0 && offsets[i] >= 0 && offsets[i] <= gpa.host().byteSize() - lengths[i]);
                    }
                }
                assertEquals(hash, hashOfPacket(), "a packet that was handed out does not change");
            }
            if (random.nextInt(3) == 0) {
                reader.release();
                int published = guest.readIndex();
                assertTrue(over || published >= 0 && published < guest.size() && published % 8 == 0);
            }
        }
        assertFalse(bytes > 1000 * guest.size() && result != RingReader.BROKEN && !over, "a ring has an end");
        return result;
    }

    @Test
    void validTrafficWithSomeBytesChangedIsReadOrBreaksTheRing() {
        int[] seen = new int[4];
        HostileRun.run("mutated packets", 1000, random -> {
            guest.initialize();
            RingReader reader = new RingReader(pages);
            for (int i = 0; i < 10; i++) {
                for (int n = random.nextInt(6); n > 0; n--) {
                    send(random);
                }
                if (random.nextInt(4) == 0) {
                    mutate(random);
                }
                seen[drain(reader, random)]++;
                reader.release();
                assertFalse(reader.broken() && reader.unmask(), "a broken ring has nothing to read");
            }
        });
        assertTrue(seen[RingReader.EMPTY] > 100 && seen[RingReader.BROKEN] > 100, "of both kinds: " + seen[0] + ", " + seen[3]);
    }

    private void whileBytesChange(Random random, Consumer<Random> host) throws InterruptedException {
        over = false;
        long seed = random.nextLong();
        Thread guestThread = Thread.ofPlatform().start(() -> {
            Random r = new Random(seed);
            while (!over) {
                mutate(r);
                if (r.nextInt(8) == 0) {
                    guest.field(0, Math.floorMod(guest.readIndex() + 8 * r.nextInt(200), guest.size()) & -8);
                }
            }
        });
        try {
            host.accept(random);
        } finally {
            over = true;
            guestThread.join();
        }
    }

    @Test
    void packetsThatChangeWhileTheyAreReadStayWhatTheyWereWhenCopied() {
        int[] seen = new int[4];
        HostileRun.run("torn reads", 5, outer -> whileBytesChange(outer, random -> {
            for (int i = 0; i < 200; i++) {
                guest.initialize();
                RingReader reader = new RingReader(pages);
                for (int n = 0; n < 4 && !reader.broken(); n++) {
                    send(random);
                    for (int k = 0; k < 20; k++) {
                        int result = reader.read(packet);
                        seen[result]++;
                        if (result == RingReader.PACKET) {
                            assertEquals(hashOfPacket(), hashOfPacket());
                        }
                    }
                    reader.release();
                }
                reader.mask();
                reader.unmask();
            }
        }));
        assertTrue(seen[RingReader.PACKET] > 100 && seen[RingReader.BROKEN] > 100, "of both kinds: " + seen[1] + ", " + seen[3]);
    }

    @Test
    void hostWritesNowhereButIntoTheRingWhateverTheGuestSaysOfItsIndices() {
        int[] seen = new int[3];
        MemorySegment before = memory.gpa().host().asSlice(0, gpa.host().byteSize());
        byte[] expected = before.toArray(ValueLayout.JAVA_BYTE);
        MemorySegment data = MemorySegment.ofArray(new byte[4096]);
        HostileRun.run("hostile reader", 5, outer -> {
            whileBytesChange(outer, random -> {
                for (int i = 0; i < 500; i++) {
                    guest.initialize();
                    RingWriter writer = new RingWriter(pages);
                    for (int n = 0; n < 40; n++) {
                        int length = random.nextInt(3) == 0 ? 64 : random.nextInt(2000);
                        seen[writer.write(6, 0, n, data, 0, length)]++;
                        if (random.nextInt(4) == 0) {
                            writer.publish();
                        }
                    }
                }
            });
            for (long pfn : pfns) {
                MemorySegment.copy(gpa.host(), ValueLayout.JAVA_BYTE, gpa.hostOffset(pfn << 12), expected, (int) gpa.hostOffset(pfn << 12), 4096);
            }
            assertEquals(-1, gpa.host().mismatch(MemorySegment.ofArray(expected)));
        });
        assertTrue(seen[RingWriter.WRITTEN] > 1000 && seen[RingWriter.BROKEN] > 100, "of both kinds: " + seen[0] + ", " + seen[2]);
    }
}
