package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestClient.Offered;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.server.Offer;
import dev.jvisor.vmbus.server.VmbusServer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The storage VSP on the bus, with the guest double: channels, sub-channels, threads and interrupts as in a partition. */
class StorVspOnBusTest {
    private static final UUID INSTANCE = UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0001");
    private static final byte[] NONE = {};

    @TempDir
    Path dir;
    private final GuestMemory memory = new GuestMemory(2048, new Random(8));
    private final GuestClient client = new GuestClient(memory, 4, 64);
    private final VmbusServer bus = new VmbusServer(client);
    private VirtualDisk disk;
    private final ScsiTarget target = new ScsiTarget();
    private final StorVsp vsp = new StorVsp(target, 3);
    private long nextId = 1;

    @BeforeEach
    void offer() throws IOException {
        Path file = dir.resolve("disk.img");
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(16 << 20);
        }
        disk = VirtualDisk.open(file, DiskOptions.writable());
        target.attach(0, new ScsiDisk(disk));
        bus.offer(Offer.of("scsi0", DeviceClass.SCSI, INSTANCE), vsp.device());
        client.connect(0x50003);
    }

    @AfterEach
    void close() throws IOException {
        bus.close();
        disk.close();
        memory.close();
    }

    private static ByteBuffer control(int operation) {
        return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, operation).putInt(4, 1);
    }

    private ByteBuffer call(GuestClient.OpenChannel c, byte[] header, byte[] packet) {
        long id = nextId++;
        post(c, id, header, packet);
        GuestRing.Packet p = c.receive();
        assertEquals(id, p.id());
        return ByteBuffer.wrap(p.payload()).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void post(GuestClient.OpenChannel c, long id, byte[] header, byte[] packet) {
        GuestRing.Sent s = c.out.send(header.length == 0 ? 6 : 9, 1, id, header, packet);
        assertTrue(s != GuestRing.Sent.AGAIN);
        if (s == GuestRing.Sent.SIGNAL) {
            assertEquals(0, client.signal(c.offer.connection()));
        }
    }

    private GuestClient.OpenChannel openFirst() {
        List<Offered> offers = client.offers();
        assertEquals(1, offers.size());
        assertEquals("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f", offers.getFirst().type().toString());
        return start(client.open(offers.getFirst(), 33, 0));
    }

    private GuestClient.OpenChannel start(GuestClient.OpenChannel c) {
        assertEquals(0, c.status);
        assertEquals(0, call(c, NONE, control(7).array()).getInt(8));
        assertEquals(0, call(c, NONE, control(9).putShort(12, (short) 0x602).array()).getInt(8));
        ByteBuffer properties = call(c, NONE, control(10).array());
        assertEquals(3, properties.getShort(16));
        assertEquals(1, properties.getInt(20));
        assertEquals(0, call(c, NONE, control(8).array()).getInt(8));
        return c;
    }

    @Test
    void subChannelsCarryIoAndAnswerOnThemselves() {
        GuestClient.OpenChannel first = openFirst();
        assertEquals(0xC000000D, call(first, NONE, control(13).putShort(12, (short) 4).array()).getInt(8), "more than there are");
        assertEquals(0, call(first, NONE, control(13).putShort(12, (short) 2).array()).getInt(8));
        List<GuestClient.OpenChannel> all = new ArrayList<>(List.of(first));
        List<Offered> offers = List.of(GuestClient.offered(client.next()), GuestClient.offered(client.next()));
        for (int i = 1; i <= 2; i++) {
            Offered o = offers.get(i - 1);
            assertEquals(i, o.index());
            assertEquals(INSTANCE, o.instance());
            all.add(client.open(o, 33, i));
        }
        assertEquals(0xC0000184, call(first, NONE, control(13).putShort(12, (short) 1).array()).getInt(8), "only once");
        assertEquals(0xC0000010, call(all.get(1), NONE, control(7).array()).getInt(8), "sub-channels carry only I/O");

        int blocks = 64;
        long[] pfns = memory.take(8 * 24);
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 24; i++) {
                long[] part = java.util.Arrays.copyOfRange(pfns, 8 * i, 8 * i + 8);
                for (long p : part) {
                    memory.gpa().ram(p << 12, 4096).fill((byte) (round * 24 + i));
                }
                String cdb = "2a 00 %08x 00 %04x 00".formatted(i * blocks, blocks);
                post(all.get(i % 3), 1000 + i, StorGuest.range(0, blocks * 512, part), StorGuest.srb(0, 0, blocks * 512, cdb).array());
            }
            boolean[] seen = new boolean[24];
            for (int i = 0; i < 24; i++) {
                GuestRing.Packet p = all.get(i % 3).receive();
                int which = (int) p.id() - 1000;
                assertEquals(i % 3, which % 3, "answered where it was asked");
                assertEquals(1, p.payload()[14]);
                assertTrue(!seen[which]);
                seen[which] = true;
            }
        }
        byte[] expected = new byte[blocks * 512];
        for (int i = 0; i < 24; i++) {
            java.util.Arrays.fill(expected, (byte) (19 * 24 + i));
            long[] part = java.util.Arrays.copyOfRange(pfns, 0, 8);
            call(all.get((i + 1) % 3), StorGuest.range(0, blocks * 512, part),
                    StorGuest.srb(0, 1, blocks * 512, "28 00 %08x 00 %04x 00".formatted(i * blocks, blocks)).array());
            byte[] there = new byte[blocks * 512];
            for (int b = 0; b < there.length; b++) {
                there[b] = memory.gpa().ram(part[b / 4096] << 12, 4096).get(java.lang.foreign.ValueLayout.JAVA_BYTE, b % 4096);
            }
            assertArrayEquals(expected, there);
        }
        assertEquals(20 * 24, vsp.metrics().writes());
        assertEquals(0, vsp.underway());
    }

    @Test
    void driverThatIsUnloadedAndLoadedStartsAnew() {
        GuestClient.OpenChannel c = openFirst();
        for (int i = 0; i < 5; i++) {
            long[] pfns = memory.take(256);
            for (int n = 0; n < 8; n++) {
                post(c, 9000 + n, StorGuest.range(0, 1 << 20, pfns), StorGuest.srb(0, 1, 1 << 20, "28 00 00000000 00 0800 00").array());
            }
            c.close();
            assertEquals(0, vsp.underway(), "no I/O once the guest has its pages back");
            memory.give(pfns);
            c = start(client.open(c.offer, 33, 0));
        }
        assertEquals(1, call(c, NONE, StorGuest.srb(0, 2, 0, "35 00 00000000 00 0000 00").array()).get(14));
    }

    @Test
    void guestThatConnectsAnewFindsTheControllerAgain() {
        GuestClient.OpenChannel c = openFirst();
        assertEquals(0, call(c, NONE, control(13).putShort(12, (short) 1).array()).getInt(8));
        Offered sub = GuestClient.offered(client.next());
        client.open(sub, 33, 1);
        client.connect(0x50003);
        GuestClient.OpenChannel again = openFirst();
        assertEquals(0, call(again, NONE, control(13).putShort(12, (short) 3).array()).getInt(8));
        for (int i = 1; i <= 3; i++) {
            assertEquals(i, GuestClient.offered(client.next()).index());
        }
    }
}
