package dev.jvisor.vmbus.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestClient.Offered;
import dev.jvisor.vmbus.guest.GuestClient.OpenChannel;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.ChannelMessage;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.protocol.VmbusVersion;
import dev.jvisor.vmm.hyperv.HvStatus;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The bus server, driven through every path by a guest that is not there. */
@Timeout(120)
class VmbusServerTest {
    private static final UUID DISK = UUID.fromString("11111111-2222-3333-4444-555555555555");
    private static final UUID KEYBOARD = UUID.fromString("d34b2567-b9b6-42b9-8778-0a4ec0b955bf");
    private final GuestMemory memory = new GuestMemory(1024, new Random(5));
    private GuestClient guest = new GuestClient(memory, 4, 8);
    private VmbusServer bus = new VmbusServer(guest);
    private final EchoDevice disk = new EchoDevice();
    private final EchoDevice keyboard = new EchoDevice();
    private OfferedChannel diskOffer;

    @AfterEach
    void end() {
        bus.close();
        memory.close();
    }

    private List<Offered> connect() {
        diskOffer = bus.offer(Offer.of("scsi0", DeviceClass.SCSI, DISK), disk);
        bus.offer(Offer.of("keyboard", DeviceClass.KEYBOARD, KEYBOARD), keyboard);
        assertEquals(0x50003, guest.connect(0x50003));
        return guest.offers();
    }

    private void echo(OpenChannel c, long id) {
        byte[] b = {1, 2, 3, 4, 5, 6, 7, (byte) id};
        assertTrue(c.send(id, b));
        GuestRing.Packet p = c.receive();
        assertEquals(0xB, p.type());
        assertEquals(id, p.id());
        assertArrayEquals(b, p.payload());
    }

    /** All messages before this one have been handled. */
    private void sync() {
        bus.resume();
    }

    @ParameterizedTest
    @CsvSource({"V5_3,50003", "V5_2,50002", "V5_0,50000", "V4_1,40001", "V4_0,40000"})
    void versionIsTheNewestThatBothSpeak(VmbusVersion newest, String agreed) {
        bus.close();
        guest = new GuestClient(memory, 4, 8);
        bus = new VmbusServer(guest, newest);
        assertFalse(guest.contact(0x60000));
        assertEquals(Integer.parseInt(agreed, 16), guest.connect(0x50003));
        assertEquals(newest, bus.version());
        assertFalse(guest.contact(0x30000), "too old");
        assertNull(bus.version());
    }

    @Test
    void contactWithAnImpossibleVpOrSintIsRefused() {
        for (int[] words : new int[][] {{0x50003, 4, 2}, {0x50003, -1, 2}, {0x50003, 0, 0}, {0x50003, 0, 16}, {0x40000, 99, 0}}) {
            assertEquals(0, guest.post(4, GuestClient.message(14, 40, words)));
            assertEquals(0, guest.expect(15, 16).bytes()[8]);
        }
        assertNull(bus.version());
    }

    @Test
    void messagesComeToTheVpAndSintOfTheContact() {
        guest.post(4, GuestClient.message(14, 40, 0x50003, 3, 5));
        GuestClient.Message m = guest.expect(15, 16);
        assertEquals(3, m.vp());
        assertEquals(5, m.sint());
    }

    @Test
    void offersAreDeliveredOnceThenHotAdded() {
        List<Offered> offers = connect();
        assertEquals(List.of(new Offered(DeviceClass.SCSI.guid(), DISK, 0, 1, 0x2001),
                new Offered(DeviceClass.KEYBOARD.guid(), KEYBOARD, 0, 2, 0x2002)), offers);
        guest.send(GuestClient.message(3, 8));
        sync();
        assertTrue(guest.noMessage(), "a second request is out of place");
        assertEquals(1, bus.counter(VmbusCounter.MESSAGES_OUT_OF_PLACE));
        bus.offer(Offer.of("mouse", DeviceClass.MOUSE, UUID.randomUUID()), new EchoDevice());
        assertEquals(3, GuestClient.offered(guest.next()).relid());
        assertThrows(IllegalArgumentException.class, () -> bus.offer(Offer.of("again", DeviceClass.SCSI, DISK), disk));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 16, 40})
    void channelEchoesOverPagesInAnyOrder(int pages) {
        OpenChannel c = guest.open(connect().getFirst(), pages, 2);
        assertEquals(0, c.status);
        for (int i = 0; i < 2000; i++) {
            echo(c, i);
        }
        assertEquals(new GuestClient.Event(2, 2, 1), guest.events.peek());
        assertNull(c.poll());
        c.close();
        assertEquals(1, disk.closed.get());
        assertEquals(HvStatus.INVALID_CONNECTION_ID, guest.signal(0x2001));
    }

    @Test
    void channelCanBeOpenedAgain() {
        Offered o = connect().getFirst();
        for (int i = 1; i <= 5; i++) {
            OpenChannel c = guest.open(o, 4, 0);
            assertEquals(0, c.status);
            echo(c, i);
            assertNotEquals(0, guest.open(o, 4, 0).status, "open already");
            c.close();
            assertEquals(i, disk.opened.get());
            assertEquals(i, disk.closed.get());
        }
    }

    @Test
    void deviceMayRefuse() {
        Offered o = connect().getFirst();
        disk.refuse = 7;
        OpenChannel c = guest.open(o, 4, 0);
        assertEquals(7, c.status);
        assertEquals(0, guest.connectedEvents());
        guest.tearDown(o.relid(), c.gpadl);
        disk.refuse = 0;
        echo(guest.open(o, 4, 0), 1);
    }

    @Test
    void hostWaitsWhenItsRingIsFullAndLosesNothing() {
        OpenChannel c = guest.open(connect().getFirst(), 2, 0);
        byte[] b = new byte[500];
        long sent = 0;
        long received = 0;
        for (int round = 0; round < 300; round++) {
            // The guest sends as long as both rings take it, and reads nothing.
            for (int quiet = 0; quiet < 3;) {
                if (c.send(sent, b)) {
                    sent++;
                } else {
                    quiet++;
                    Thread.yield();
                }
            }
            while (received < sent - 4) {
                assertEquals(received++, c.receive().id());
            }
        }
        while (received < sent) {
            assertEquals(received++, c.receive().id());
        }
        assertNull(c.poll());
        assertEquals(0, c.in.field(12), "nobody waits any more");
        assertTrue(sent > 1000);
    }

    @Test
    void badOpensAreRefused() {
        Offered o = connect().getFirst();
        long[] pfns = memory.take(8);
        int g = guest.gpadl(o.relid(), pfns);
        int other = guest.gpadl(2, memory.take(8));
        int[][] bad = {{1, 1, g + 77, 0, 4}, {1, 1, other, 0, 4}, {1, 1, g, 4, 4}, {1, 1, g, -1, 4}, {1, 1, g, 0, 0}, {1, 1, g, 0, 1},
            {1, 1, g, 0, 7}, {1, 1, g, 0, -4}, {0, 0, g, 0, 4}, {3, 3, g, 0, 4}, {2047, 0, g, 0, 4}, {2048, 0, g, 0, 4}, {-1, 0, g, 0, 4}};
        for (int[] words : bad) {
            guest.send(GuestClient.message(5, 148, words));
            GuestClient.Message m = guest.expect(6, 20);
            assertEquals(words[0], m.i32(8));
            assertEquals(words[1], m.i32(12));
            assertNotEquals(0, m.i32(16));
        }
        GuestRing ring = new GuestRing(guest.gpa(), pfns, 0, 4);
        ring.initialize();
        ring.field(4, 12);
        guest.send(GuestClient.message(5, 148, 1, 1, g, 0, 4));
        assertNotEquals(0, guest.expect(6, 20).i32(16), "an index that makes no sense");
        assertEquals(bad.length + 1, bus.counter(VmbusCounter.OPENS_REFUSED));
        assertEquals(0, disk.opened.get());
    }

    @Test
    void badGpadlsAreRefused() {
        connect();
        assertTrue(guest.gpadl(1, new long[] {0x100, 0x5000000}) < 0, "not RAM");
        assertTrue(guest.gpadl(1, new long[] {-1}) < 0, "not RAM");
        assertTrue(guest.gpadl(9, new long[] {0x100}) < 0, "no such channel");
        assertTrue(guest.gpadl(0, new long[] {0x100}) < 0, "no such channel");
        int[][] shapes = {{0, 1, 4096, 0}, {8, 1, 0, 0}, {16, 2, 4096, 0}, {16, 0, 4096, 0}, {16, 1, 8192, 0}, {16, 1, 4096, 8}, {16, 1, -1, 0},
            {0xFFFF, 1, 4096, 0}};
        for (int[] s : shapes) {
            ByteBuffer h = ByteBuffer.wrap(GuestClient.message(8, 36, 1, 99)).order(ByteOrder.LITTLE_ENDIAN);
            h.putShort(16, (short) s[0]).putShort(18, (short) s[1]).putInt(20, s[2]).putInt(24, s[3]).putLong(28, 0x100);
            guest.send(h.array());
            assertNotEquals(0, guest.expect(10, 20).i32(16));
        }
        int handle = guest.gpadl(1, new long[] {0x100});
        ByteBuffer h = ByteBuffer.wrap(GuestClient.message(8, 36, 1, handle)).order(ByteOrder.LITTLE_ENDIAN);
        h.putShort(16, (short) 16).putShort(18, (short) 1).putInt(20, 4096).putLong(28, 0x100);
        guest.send(h.array());
        assertNotEquals(0, guest.expect(10, 20).i32(16), "the handle is taken");
        guest.send(GuestClient.message(9, 24, 0, 0x777));
        guest.send(GuestClient.message(9, 24, 0, handle));
        guest.tearDown(1, handle);
        guest.tearDown(1, handle);
        assertEquals(3, bus.counter(VmbusCounter.MESSAGES_OUT_OF_PLACE), "bodies for nobody, teardown of nothing");
    }

    @Test
    void sharedMemoryIsBounded() {
        connect();
        long[] pfns = new long[8190];
        java.util.Arrays.fill(pfns, 0x100);
        int good = 0;
        while (guest.gpadl(1, pfns) > 0) {
            good++;
        }
        assertEquals((1 << 18) / 8190, good);
        guest.connect(0x50003);
        assertEquals(2, guest.offers().size());
        assertTrue(guest.gpadl(1, pfns) > 0, "a new connection starts with nothing");
    }

    @Test
    void gpadlsOfSeveralChannelsMayInterleave() {
        connect();
        int a = guest.sendGpadl(1, memory.take(60));
        int b = guest.sendGpadl(2, memory.take(100));
        assertEquals(a, guest.expect(10, 20).i32(12));
        assertEquals(b, guest.expect(10, 20).i32(12));
    }

    @Test
    void rescindWhileOpen() {
        Offered o = connect().getFirst();
        OpenChannel c = guest.open(o, 4, 0);
        echo(c, 1);
        diskOffer.rescind();
        assertEquals(1, guest.expect(2, 12).i32(8));
        assertEquals(1, disk.closed.get(), "the device is closed before the guest hears of it");
        EchoDevice second = new EchoDevice();
        bus.offer(Offer.of("scsi0", DeviceClass.SCSI, DISK), second);
        assertEquals(3, GuestClient.offered(guest.next()).relid(), "relid 1 is not free yet");
        c.close();
        guest.send(GuestClient.message(13, 12, 1));
        sync();
        bus.offer(Offer.of("mouse", DeviceClass.MOUSE, UUID.randomUUID()), new EchoDevice());
        assertEquals(1, GuestClient.offered(guest.next()).relid());
        diskOffer.rescind();
        sync();
        assertTrue(guest.noMessage(), "rescinding twice does nothing");
    }

    @Test
    void subChannelsGoWithTheirPrimary() {
        Offered o = connect().getFirst();
        OpenChannel primary = guest.open(o, 4, 0);
        EchoDevice sub = new EchoDevice();
        disk.channel.server().offer(disk.channel.offer().subChannel(1), sub);
        Offered s = GuestClient.offered(guest.next());
        assertEquals(1, s.index());
        assertEquals(DISK, s.instance());
        OpenChannel c = guest.open(s, 4, 3);
        echo(c, 5);
        c.close();
        guest.send(GuestClient.message(7, 12, 1));
        assertEquals(s.relid(), guest.expect(2, 12).i32(8), "closing the primary takes the sub-channel away");
        guest.tearDown(1, primary.gpadl);
        guest.send(GuestClient.message(13, 12, s.relid()));
        sync();
        echo(guest.open(o, 4, 0), 6);
        bus.offer(disk.channel.offer().subChannel(1), sub);
        assertEquals(s.relid(), GuestClient.offered(guest.next()).relid());
        guest.send(GuestClient.message(16, 8));
        guest.expect(17, 8);
        guest.connect(0x50003);
        assertEquals(2, guest.offers().size(), "a new connection has to ask for sub-channels again");
    }

    @Test
    void unloadStopsEverythingAndTheGuestMayComeBack() {
        Offered o = connect().getFirst();
        echo(guest.open(o, 4, 0), 1);
        guest.send(GuestClient.message(16, 8));
        guest.expect(17, 8);
        assertEquals(1, disk.closed.get());
        assertEquals(0, guest.connectedEvents());
        guest.send(GuestClient.message(16, 8));
        guest.expect(17, 8);
        guest.send(GuestClient.message(3, 8));
        sync();
        assertTrue(guest.noMessage(), "not connected");
        assertEquals(0x40001, guest.connect(0x40001));
        assertEquals(o, guest.offers().getFirst());
        echo(guest.open(o, 4, 1), 2);
        assertEquals(2, disk.opened.get());
    }

    @Test
    void kexecWithoutUnloadAndResetStartAnew() {
        Offered o = connect().getFirst();
        echo(guest.open(o, 4, 0), 1);
        assertEquals(0x50003, guest.connect(0x50003));
        assertEquals(1, disk.closed.get());
        assertEquals(2, guest.offers().size());
        echo(guest.open(o, 4, 0), 2);
        guest.reset();
        assertEquals(2, disk.closed.get());
        assertNull(bus.version());
        guest.connect(0x50003);
        assertEquals(2, guest.offers().size());
    }

    @Test
    void channelMovesToAnotherVp() {
        Offered o = connect().getFirst();
        OpenChannel c = guest.open(o, 4, 0);
        echo(c, 1);
        guest.send(GuestClient.message(22, 16, 1, 3));
        assertEquals(0, guest.expect(24, 16).i32(12));
        guest.events.clear();
        echo(c, 2);
        assertEquals(3, guest.events.peek().vp());
        guest.send(GuestClient.message(22, 16, 1, 4));
        assertNotEquals(0, guest.expect(24, 16).i32(12));
        guest.send(GuestClient.message(22, 16, 77, 0));
        assertNotEquals(0, guest.expect(24, 16).i32(12));
        guest.connect(0x40001);
        guest.offers();
        guest.open(o, 4, 0);
        guest.send(GuestClient.message(22, 16, 1, 3));
        sync();
        assertTrue(guest.noMessage(), "4.1 has no answer");
        assertEquals(3, disk.channel.targetVp());
    }

    @ParameterizedTest
    @EnumSource(ChannelMessage.class)
    void shortMessagesOfEachTypeFail(ChannelMessage type) {
        connect();
        long before = bus.counter(VmbusCounter.MESSAGES_MALFORMED);
        byte[] whole = GuestClient.message(type.type(), type.size(), 1, 1, 1, 1, 1);
        for (int size = 0; size < type.size(); size++) {
            assertEquals(HvStatus.INVALID_PARAMETER, guest.post(1, java.util.Arrays.copyOf(whole, size)));
        }
        assertEquals(before + type.size(), bus.counter(VmbusCounter.MESSAGES_MALFORMED));
        if (type.direction() == ChannelMessage.Direction.TO_GUEST) {
            assertEquals(HvStatus.INVALID_PARAMETER, guest.post(1, whole), "the host's own message");
        }
        assertEquals(HvStatus.INVALID_CONNECTION_ID, guest.post(2, whole));
    }

    @Test
    void messagesOfNoTypeFail() {
        for (int type : new int[] {0, 18, 19, 20, 25, 26, -1, Integer.MIN_VALUE, 1 << 16}) {
            assertEquals(HvStatus.INVALID_PARAMETER, guest.post(1, GuestClient.message(type, 240)), "type " + type);
        }
    }

    @Test
    void socketsAreRefused() {
        connect();
        guest.send(GuestClient.message(21, 40, 1, 2, 3, 4, 5, 6, 7, 8));
        GuestClient.Message m = guest.expect(23, 44);
        assertEquals(8, m.i32(36));
        assertNotEquals(0, m.i32(40));
    }

    @Test
    void tearingDownTheRingOfAnOpenChannelClosesIt() {
        Offered o = connect().getFirst();
        OpenChannel c = guest.open(o, 4, 0);
        guest.tearDown(1, c.gpadl);
        assertEquals(1, disk.closed.get());
        echo(guest.open(o, 4, 0), 1);
    }

    @Test
    void guestThatNeverReadsItsMessagesIsToldToWait() {
        connect();
        int status = 0;
        for (int i = 0; i < 5000 && status == 0; i++) {
            status = guest.post(1, GuestClient.message(11, 16, 1, i));
            if (i % 100 == 0) {
                sync();
            }
        }
        assertEquals(HvStatus.INSUFFICIENT_BUFFERS, status);
        guest.post(4, GuestClient.message(16, 8));
        while (guest.next().type() != 17) {
            continue;
        }
        assertTrue(guest.noMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "rescind", "unload", "pause", "reset"})
    void guestThatNeverCeasesToSendCannotKeepItsChannelOpen(String end) {
        EndlessDevice endless = new EndlessDevice();
        OfferedChannel offered = bus.offer(Offer.of("endless", DeviceClass.SCSI, UUID.randomUUID()), endless);
        Offered o = connect().getFirst();
        OpenChannel c = guest.open(o, 4, 0);
        // For each packet that the host takes, another one is there: a guest faster than any.
        endless.onPacket = () -> c.out.send(6, 0, 1, new byte[0], new byte[0]);
        c.send(1, new byte[0]);
        while (endless.taken.get() < 1000) {
            Thread.onSpinWait();
        }
        switch (end) {
            case "close" -> c.close();
            case "rescind" -> {
                offered.rescind();
                assertEquals(o.relid(), guest.expect(2, 12).i32(8));
            }
            case "unload" -> {
                guest.send(GuestClient.message(16, 8));
                guest.expect(17, 8);
            }
            case "reset" -> guest.reset();
            default -> {
                bus.pause();
                int taken = endless.taken.get();
                assertTrue(bus.save().channels().size() > 1);
                assertEquals(taken, endless.taken.get(), "it stands still");
                bus.resume();
                while (endless.taken.get() < taken + 1000) {
                    Thread.onSpinWait();
                }
            }
        }
        assertEquals(end.equals("pause") ? 0 : 1, endless.closed.get());
    }

    @Test
    void channelThatBreaksWhileTheBusPausesDoesNotHoldItUp() {
        Offered o = connect().getFirst();
        for (int i = 0; i < 200; i++) {
            OpenChannel c = guest.open(o, 2, 0);
            c.out.field(0, 4);
            guest.signal(o.connection());
            for (int spin = i * 50; spin > 0; spin--) {
                Thread.onSpinWait();
            }
            bus.pause();
            bus.resume();
            c.close();
        }
        assertEquals(200, disk.closed.get());
    }

    @Test
    void channelThatIsClosedCannotOfferSubChannels() {
        OpenChannel primary = guest.open(connect().getFirst(), 4, 0);
        Channel before = disk.channel;
        primary.close();
        assertThrows(IllegalStateException.class, () -> before.offerSubChannel(1, new EchoDevice()));
        guest.open(primary.offer, 4, 0);
        assertThrows(IllegalStateException.class, () -> before.offerSubChannel(1, new EchoDevice()), "nor for the one that came after it");
        sync();
        assertTrue(guest.noMessage());
        disk.channel.offerSubChannel(1, new EchoDevice());
        assertEquals(1, GuestClient.offered(guest.next()).index());
    }

    @Test
    void deviceThatThrowsIsRefusedOrClosedAndMayBeOpenedAgain() {
        List<Offered> offers = connect();
        disk.thrown = new AssertionError("on purpose");
        assertNotEquals(0, guest.open(offers.getFirst(), 4, 0).status);
        assertEquals(1, bus.counter(VmbusCounter.FAILURES));
        disk.thrown = null;
        OpenChannel c = guest.open(offers.getFirst(), 4, 0);
        echo(c, 1);
        disk.thrown = new AssertionError("on purpose");
        c.send(2, new byte[8]);
        while (disk.closed.get() == 0) {
            Thread.onSpinWait();
        }
        assertEquals(2, bus.counter(VmbusCounter.FAILURES));
        disk.thrown = null;
        c.close();
        echo(guest.open(offers.getFirst(), 4, 0), 3);
    }

    @Test
    void spoiltRingCostsTheChannelOnly() {
        List<Offered> offers = connect();
        OpenChannel c = guest.open(offers.get(0), 4, 0);
        OpenChannel k = guest.open(offers.get(1), 4, 0);
        echo(c, 1);
        c.out.field(0, 0x7FFFFFF8);
        guest.signal(c.offer.connection());
        for (int i = 0; disk.closed.get() == 0 && i < 10_000; i++) {
            Thread.yield();
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
        assertEquals(1, disk.closed.get());
        assertEquals(1, bus.counter(VmbusCounter.CHANNELS_BROKEN));
        echo(k, 2);
        c.close();
        assertEquals(1, disk.closed.get(), "closed once");
        echo(guest.open(offers.get(0), 4, 0), 3);
    }

    @Test
    void savedBusGoesOnOverTheSameMemory() {
        List<Offered> offers = connect();
        OpenChannel c = guest.open(offers.get(0), 4, 2);
        echo(c, 1);
        int half = guest.gpadl(1, memory.take(3));
        bus.pause();
        c.send(2, new byte[] {9});
        VmbusState state = bus.save();
        bus.close();

        bus = new VmbusServer(guest);
        EchoDevice restored = new EchoDevice();
        bus.offer(Offer.of("keyboard", DeviceClass.KEYBOARD, KEYBOARD), keyboard);
        bus.offer(Offer.of("scsi0", DeviceClass.SCSI, DISK), restored);
        bus.restore(state);
        assertEquals(VmbusVersion.V5_3, bus.version());
        assertEquals(2, c.receive().id(), "what was under way when it was saved");
        echo(c, 3);
        assertEquals(2, restored.channel.targetVp());
        guest.tearDown(1, half);
        c.close();
        assertEquals(1, restored.closed.get());
        assertThrows(IllegalStateException.class, bus::save);
    }

    @Test
    void randomMessagesNeverStopTheBus() {
        long seed = System.nanoTime();
        System.out.println("VmbusServerTest.randomMessagesNeverStopTheBus seed=" + seed);
        Random random = new Random(seed);
        connect();
        Set<Integer> statuses = new HashSet<>();
        for (int i = 0; i < 30_000; i++) {
            int type = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(26);
            byte[] b = new byte[random.nextInt(241)];
            for (int k = 0; k < b.length; k++) {
                b[k] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : k % 4 == 0 ? random.nextInt(4) : 0);
            }
            if (b.length >= 4) {
                ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putInt(0, type);
            }
            statuses.add(guest.post(random.nextBoolean() ? 1 : 4, b));
            while (!guest.noMessage()) {
                guest.next();
            }
        }
        assertTrue(Set.of(HvStatus.SUCCESS, HvStatus.INVALID_PARAMETER, HvStatus.INSUFFICIENT_BUFFERS).containsAll(statuses), "" + statuses);
        guest.post(4, GuestClient.message(16, 8));
        for (sync(); !guest.noMessage(); sync()) {
            while (!guest.noMessage()) {
                guest.next();
            }
        }
        assertEquals(0x50003, guest.connect(0x50003));
        Offered o = guest.offers().getFirst();
        echo(guest.open(o, 4, 0), 1);
    }

    @Test
    void randomRingContentsBreakNothingElse() {
        long seed = System.nanoTime();
        System.out.println("VmbusServerTest.randomRingContentsBreakNothingElse seed=" + seed);
        Random random = new Random(seed);
        List<Offered> offers = connect();
        OpenChannel k = guest.open(offers.get(1), 4, 0);
        for (int round = 0; round < 150; round++) {
            OpenChannel c = guest.open(offers.get(0), 3, 0);
            assertEquals(0, c.status, "round " + round);
            // Written while the host reads: torn values are part of it.
            for (int i = 0; i < 3000; i++) {
                int what = random.nextInt(100);
                if (what < 80) {
                    c.out.setByte(random.nextInt(c.out.size()), (byte) random.nextInt(random.nextBoolean() ? 256 : 12));
                } else if (what < 99) {
                    c.out.field(0, random.nextInt(1024) * 8);
                    guest.signal(offers.get(0).connection());
                } else {
                    c.in.field(random.nextInt(4) * 4, random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(1024) * 8);
                }
            }
            echo(k, round);
            c.close();
        }
        assertEquals(disk.opened.get(), disk.closed.get());
        assertEquals(0, keyboard.closed.get());
        echo(guest.open(offers.get(0), 4, 0), 1);
    }
}
