package dev.jvisor.vmbus.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestClient.Offered;
import dev.jvisor.vmbus.guest.GuestClient.OpenChannel;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmm.hostility.HostileRun;
import dev.jvisor.vmm.hyperv.HvStatus;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A hostile guest against the bus: channel messages of any kind in any order with any numbers, GPADLs of pages that are nowhere, or in many
 * lists at once, rings written over while channels open and close, while the host offers, rescinds and pauses. No exception comes out of
 * bus or device, what the guest has the host remember stays bounded, no thread is left behind, and a guest that connects anew finds all as
 * it should be. Seeds and longer runs: {@link HostileRun}.
 */
@Timeout(300)
class HostileBusTest {
    private static final Set<Integer> STATUSES = Set.of(HvStatus.SUCCESS, HvStatus.INVALID_PARAMETER, HvStatus.INSUFFICIENT_BUFFERS,
            HvStatus.INVALID_CONNECTION_ID);
    private static final int[] TYPES = {1, 3, 5, 5, 5, 5, 7, 7, 8, 8, 8, 8, 9, 9, 11, 11, 13, 13, 14, 16, 21, 22, 24};
    private static final int PRIMARIES = 3;
    private static final int POOL = 40;

    private final GuestMemory memory = new GuestMemory(1024, new Random(6));
    private final long[] pool = memory.take(POOL);
    private final GuestClient guest = new GuestClient(memory, 4, 8);
    private final VmbusServer bus = new VmbusServer(guest);
    private final EchoDevice[] devices = new EchoDevice[PRIMARIES];
    private OfferedChannel hot;
    private boolean paused;

    @BeforeEach
    void offer() {
        for (int i = 0; i < PRIMARIES; i++) {
            devices[i] = new EchoDevice();
            bus.offer(Offer.of("echo" + i, DeviceClass.SCSI, UUID.randomUUID()), devices[i]);
        }
    }

    @AfterEach
    void close() {
        bus.close();
        memory.close();
        assertEquals(0, bus.counter(VmbusCounter.FAILURES), "an exception came out of a device or the bus");
    }

    // ---- what the guest does

    private int number(Random random) {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextInt();
            case 1 -> -1;
            case 2 -> 1 << random.nextInt(32);
            default -> random.nextInt(6);
        };
    }

    private long pfn(Random random) {
        return random.nextInt(30) == 0 ? random.nextLong() : random.nextInt(30) == 0 ? random.nextInt(4096) : pool[random.nextInt(POOL)];
    }

    /** A message whose fields are likely to be good each, and seldom all together. */
    private byte[] message(Random random) {
        int type = TYPES[random.nextInt(TYPES.length)];
        int relid = number(random);
        int handle = 100 + random.nextInt(6);
        byte[] m = switch (type) {
            case 5 -> GuestClient.message(5, 148, relid, number(random), handle, random.nextInt(5) - (random.nextInt(9) == 0 ? 2 : 0), number(random));
            case 8 -> gpadlHeader(random, relid, handle);
            case 9 -> {
                int n = random.nextInt(29);
                ByteBuffer b = ByteBuffer.wrap(GuestClient.message(9, 16 + 8 * n, 0, handle)).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < n; i++) {
                    b.putLong(16 + 8 * i, pfn(random));
                }
                yield b.array();
            }
            case 11 -> GuestClient.message(11, 16, relid, handle);
            // Seldom: nothing is left of what was built up.
            case 14 -> random.nextInt(20) == 0 ? GuestClient.message(14, 40, random.nextBoolean() ? 0x50003 : number(random), number(random), 2)
                    : GuestClient.message(3, 8);
            case 16 -> random.nextInt(20) == 0 ? GuestClient.message(16, 8) : GuestClient.message(7, 12, relid);
            default -> GuestClient.message(type, 40, relid, number(random), number(random), number(random));
        };
        return spoilt(random, m);
    }

    private static byte[] spoilt(Random random, byte[] m) {
        if (random.nextInt(8) == 0) {
            m[random.nextInt(m.length)] = (byte) random.nextInt();
        }
        return random.nextInt(20) == 0 ? Arrays.copyOf(m, random.nextInt(241)) : m;
    }

    /** All that it takes to open a channel, each part good most of the time. */
    private void openSomething(Random random) {
        int relid = 1 + random.nextInt(PRIMARIES + 1);
        int handle = 100 + random.nextInt(6);
        int pages = 4 + random.nextInt(22);
        long[] pfns = new long[pages];
        ByteBuffer b = ByteBuffer.wrap(GuestClient.message(8, 28 + 8 * pages, relid, handle)).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort(16, (short) (8 + 8 * pages)).putShort(18, (short) 1).putInt(20, pages * 4096);
        for (int i = 0; i < pages; i++) {
            pfns[i] = random.nextInt(100) == 0 ? pfn(random) : pool[random.nextInt(POOL)];
            b.putLong(28 + 8 * i, pfns[i]);
        }
        int split = 2 + random.nextInt(pages - 3);
        for (int header : new int[] {0, split}) {
            MemorySegment page = memory.gpa().ram(pfns[header] << 12, 128);
            if (page != null && random.nextInt(8) != 0) {
                page.fill((byte) 0);
            }
        }
        post(random, GuestClient.message(11, 16, relid, handle));
        post(random, spoilt(random, b.array()));
        post(random, spoilt(random, GuestClient.message(5, 148, relid, relid, handle, random.nextInt(4), split)));
    }

    private void post(Random random, byte[] m) {
        int status = guest.post(random.nextInt(5) == 0 ? 4 : 1, m);
        assertTrue(STATUSES.contains(status), "status " + status);
    }

    private byte[] gpadlHeader(Random random, int relid, int handle) {
        int pages = random.nextInt(10) == 0 ? random.nextInt(8191) : 4 + random.nextInt(40);
        int here = Math.min(26, pages);
        ByteBuffer b = ByteBuffer.wrap(GuestClient.message(8, 28 + 8 * here, relid, handle)).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort(16, (short) (8 + 8 * pages)).putShort(18, (short) 1).putInt(20, pages * 4096);
        if (random.nextInt(10) == 0) {
            b.putInt(16 + 4 * random.nextInt(3), number(random));
        }
        for (int i = 0; i < here; i++) {
            b.putLong(28 + 8 * i, pfn(random));
        }
        return b.array();
    }

    /** Writes into pages that may be rings, most of all into what may be their headers. */
    private void scribble(Random random) {
        for (int i = 0; i < 20; i++) {
            long page = memory.gpa().hostOffset(pool[random.nextInt(POOL)] << 12);
            int at = random.nextInt(3) == 0 ? random.nextInt(1024) * 4 : random.nextInt(4) * 4;
            int value = random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(3) * 8;
            memory.gpa().host().set(ValueLayout.JAVA_INT, page + at, value);
        }
    }

    private void drain() {
        while (!guest.noMessage()) {
            guest.next();
        }
    }

    private void hostActs(Random random) {
        switch (random.nextInt(6)) {
            case 0 -> {
                if (hot == null) {
                    hot = bus.offer(Offer.of("hot", DeviceClass.SCSI, UUID.randomUUID()), new EchoDevice());
                } else {
                    hot.rescind();
                    hot = null;
                }
            }
            case 1 -> {
                bus.pause();
                paused = true;
                bus.save();
            }
            case 2 -> devices[random.nextInt(PRIMARIES)].refuse = random.nextInt(2);
            default -> {
                if (paused) {
                    bus.resume();
                    paused = false;
                }
            }
        }
    }

    // ---- what must hold

    /** All messages before this one have been handled. */
    private void sync() {
        bus.resume();
        paused = false;
    }

    private void settle() {
        do {
            drain();
            sync();
        } while (!guest.noMessage());
    }

    /** The guest starts anew and finds all as it should be. */
    private void works() {
        for (EchoDevice d : devices) {
            d.refuse = 0;
        }
        if (hot != null) {
            hot.rescind();
            hot = null;
        }
        settle();
        guest.post(4, GuestClient.message(16, 8));
        settle();
        assertEquals(0x50003, guest.connect(0x50003));
        guest.events.clear();
        List<Offered> offers = guest.offers();
        assertEquals(PRIMARIES, offers.size());
        for (Offered o : offers) {
            OpenChannel c = guest.open(o, 4, 1);
            assertEquals(0, c.status);
            byte[] b = {1, 2, 3, 4, 5, 6, 7, 8};
            assertTrue(c.send(7, b));
            assertArrayEquals(b, c.receive().payload());
            if (o == offers.getLast()) {
                bus.pause();
                VmbusState state = bus.save();
                assertEquals(1, state.gpadls().size(), "nothing is remembered of what was before");
                assertEquals(PRIMARIES, state.channels().size());
                sync();
            }
            c.close();
        }
        for (EchoDevice d : devices) {
            assertTrue(d.closed.get() <= d.opened.get());
        }
        assertEquals(0, guest.connectedEvents());
        assertEquals(0, bus.counter(VmbusCounter.FAILURES));
        assertEquals(1, Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("vmbus-")).count(), "threads left");
    }

    @Test
    void anyMessagesInAnyOrderLeaveABusThatWorks() {
        HostileRun.run("channel messages", 15, random -> {
            guest.connect(0x50003);
            guest.post(1, GuestClient.message(3, 8));
            for (int i = 0; i < 400; i++) {
                switch (random.nextInt(16)) {
                    case 0 -> hostActs(random);
                    case 1, 2, 3 -> guest.signal(0x2000 | random.nextInt(6));
                    case 4, 5 -> scribble(random);
                    case 6 -> sync();
                    case 7, 8 -> openSomething(random);
                    default -> post(random, message(random));
                }
                // Not always: then the host has to keep messages back.
                if (random.nextInt(100) < 20) {
                    drain();
                }
            }
            works();
        });
        assertSeen();
    }

    /** What the attacks are for has come about. */
    private void assertSeen() {
        long worked = bus.counter(VmbusCounter.CONNECTIONS);
        int opened = 0;
        for (EchoDevice d : devices) {
            opened += d.opened.get();
        }
        String what = worked + " connections, " + opened + " opened, " + bus.counter(VmbusCounter.CHANNELS_BROKEN) + " broken";
        assertTrue(opened > worked * PRIMARIES && bus.counter(VmbusCounter.CHANNELS_BROKEN) > 10, what);
    }

    @Test
    void channelsWhoseRingsShareTheirPagesOrAreAnythingBreakAlone() {
        HostileRun.run("rings of shared pages", 15, random -> {
            guest.connect(0x50003);
            List<Offered> offers = guest.offers();
            OpenChannel good = guest.open(offers.getLast(), 4, 0);
            for (int i = 0; i < 30; i++) {
                // Pages of the list are any of a few: header and data of both rings and of two channels may be the same page.
                int relid = 1 + random.nextInt(2);
                long[] pfns = new long[4 + random.nextInt(6)];
                for (int p = 0; p < pfns.length; p++) {
                    pfns[p] = pool[random.nextInt(random.nextBoolean() ? 3 : POOL)];
                }
                int handle = guest.gpadl(relid, pfns);
                for (int k = 0; k < 4; k++) {
                    memory.gpa().ram(pfns[k] << 12, 128).fill((byte) 0);
                }
                guest.send(GuestClient.message(5, 148, relid, 1, handle, 0, 2 + random.nextInt(3)));
                GuestClient.Message result = guest.expect(6, 20);
                GuestRing ring = new GuestRing(memory.gpa(), pfns, 0, 2);
                for (int k = 0; k < 20; k++) {
                    ring.send(random.nextInt(12), 1, k, new byte[8 * random.nextInt(4)], new byte[random.nextInt(300)]);
                    scribble(random);
                    guest.signal(0x2000 | relid);
                }
                assertTrue(good.send(i, new byte[] {(byte) i}));
                assertEquals(i, good.receive().id());
                if (result.i32(16) == 0 && random.nextInt(3) == 0) {
                    guest.send(GuestClient.message(7, 12, relid));
                }
                guest.tearDown(relid, handle);
            }
            good.close();
            works();
        });
        assertSeen();
    }

    // ---- limits

    @Test
    void handlesAreBounded() {
        guest.connect(0x50003);
        guest.offers();
        int good = 0;
        while (guest.gpadl(1, new long[] {pool[0]}) > 0) {
            good++;
        }
        assertEquals(4096, good);
        assertTrue(guest.gpadl(2, new long[] {pool[0]}) < 0, "for all channels together");
        works();
    }

    @Test
    void listsThatAreNeverCompletedAreBoundedToo() {
        guest.connect(0x50003);
        guest.offers();
        int refused = 0;
        for (int i = 0; i < 100; i++) {
            ByteBuffer b = ByteBuffer.wrap(GuestClient.message(8, 28, 1, 1000 + i)).order(ByteOrder.LITTLE_ENDIAN);
            b.putShort(16, (short) (8 + 8 * 8190)).putShort(18, (short) 1).putInt(20, 8190 * 4096);
            guest.send(b.array());
            sync();
            refused += guest.noMessage() ? 0 : 1;
            drain();
        }
        assertEquals(100 - (1 << 18) / 8190, refused);
        works();
    }

    @Test
    void guestThatNeverReleasesRescindedChannelsRunsOutOfThemAndNoFurther() {
        guest.connect(0x50003);
        guest.offers();
        int offered = 0;
        try {
            for (; offered < 5000; offered++) {
                bus.offer(Offer.of("hot", DeviceClass.SCSI, UUID.randomUUID()), new EchoDevice()).rescind();
                drain();
            }
        } catch (IllegalStateException e) {
            assertTrue(e.getMessage().contains("hot"), e.getMessage());
        }
        assertEquals(2047 - PRIMARIES, offered);
        assertThrows(IllegalStateException.class, () -> bus.offer(Offer.of("hot", DeviceClass.SCSI, UUID.randomUUID()), new EchoDevice()));
        works();
        assertNotEquals(0, bus.offer(Offer.of("hot", DeviceClass.SCSI, UUID.randomUUID()), new EchoDevice()).relid());
    }
}
