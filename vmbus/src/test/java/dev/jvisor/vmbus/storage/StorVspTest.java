package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.storage.StorGuest.Answer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The storage VSP from a guest's end of the ring down to a file. */
class StorVspTest {
    private static final int DISK_BYTES = 8 << 20;
    private static final int WIN10 = 0x0602;
    private static final byte[] NONE = {};

    @TempDir
    Path dir;
    private Path file;
    private VirtualDisk disk;
    private GuestMemory memory;
    private final ScsiTarget target = new ScsiTarget();
    private StorVsp vsp;
    private StorGuest guest;

    @BeforeEach
    void open() throws IOException {
        file = dir.resolve("disk.img");
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(DISK_BYTES);
        }
        disk = VirtualDisk.open(file, DiskOptions.writable());
        target.attach(0, new ScsiDisk(disk));
        vsp = new StorVsp(target, 0);
        memory = new GuestMemory(1024, new Random(5));
        guest = new StorGuest(memory, vsp.queue(), 33);
    }

    @AfterEach
    void close() throws IOException {
        guest.close();
        disk.close();
        memory.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0x0501, 0x0600, 0x0602})
    void startsWithEachVersionThatLinuxProposes(int version) throws Exception {
        Answer properties = guest.start(version);
        assertEquals(1 << 20, properties.u32(24), "max transfer");
        assertEquals(0, properties.u32(20), "no sub-channels");
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void refusesVersionsItDoesNotKnowAndTakesTheNext() throws Exception {
        assertEquals(0, guest.operation(7).status());
        for (int v : new int[] {0x0700, 0x0402, 0x0200, 0, 0xFFFF}) {
            assertEquals(0xC0000059, guest.operation(9, v).status());
        }
        assertEquals(0, guest.operation(9, 0x0600).status());
    }

    @Test
    void stepsOutOfOrderAreRefusedAndChangeNothing() throws Exception {
        int invalidState = 0xC0000184;
        assertEquals(invalidState, guest.operation(9, WIN10).status());
        assertEquals(invalidState, guest.operation(10).status());
        assertEquals(invalidState, guest.operation(8).status());
        assertEquals(invalidState, guest.none("00 00 00 00 00 00").status(), "no SRB before the end of the start");
        assertEquals(invalidState, guest.operation(6).status());
        guest.start(WIN10);
        assertEquals(invalidState, guest.operation(7).status());
        assertEquals(invalidState, guest.operation(9, WIN10).status());
        assertEquals(invalidState, guest.operation(13, 1).status() == 0xC000000D ? invalidState : 0, "no sub-channels to be had");
        for (int op : new int[] {0, 1, 2, 11, 12, 14, -1}) {
            assertEquals(0xC0000010, guest.operation(op).status());
        }
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void writesReachTheFileAndReadsComeFromIt() throws Exception {
        guest.start(WIN10);
        byte[] data = StorGuest.random(100 * 512, 1);
        Answer w = guest.data(0, 0, data, "2a 00 00000100 00 0064 00");
        assertEquals(1, w.srbStatus());
        assertEquals(data.length, w.transferred());
        assertEquals(0x34, w.u16(12));
        assertEquals(1, guest.none("35 00 00000000 00 0000 00").srbStatus());
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "r")) {
            byte[] there = new byte[data.length];
            f.seek(256 * 512);
            f.readFully(there);
            assertArrayEquals(data, there);
        }
        byte[] back = new byte[data.length];
        Answer r = guest.data(0, 1, back, 8, "88 00 0000000000000100 00000064 00 00");
        assertEquals(data.length, r.transferred());
        assertArrayEquals(data, back);
        assertEquals(1, vsp.metrics().reads());
        assertEquals(data.length, vsp.metrics().writtenBytes());
    }

    @Test
    void largestTransferGoesInOnePiece() throws Exception {
        guest.start(WIN10);
        byte[] data = StorGuest.random(1 << 20, 2);
        assertEquals(1, guest.data(0, 0, data, 4095, "2a 00 00000000 00 0800 00").srbStatus());
        byte[] back = new byte[data.length];
        assertEquals(1, guest.data(0, 1, back, 1, "28 00 00000000 00 0800 00").srbStatus());
        assertArrayEquals(data, back);
        byte[] tooMuch = new byte[(1 << 20) + 512];
        assertEquals(6, guest.data(0, 1, tooMuch, 0, "28 00 00000000 00 0801 00").srbStatus());
    }

    @Test
    void unmapZeroes() throws Exception {
        guest.start(WIN10);
        byte[] data = new byte[64 * 1024];
        Arrays.fill(data, (byte) 7);
        guest.data(0, 0, data, "2a 00 00000000 00 0080 00");
        byte[] list = java.util.HexFormat.of().parseHex("0016001000000000" + "00000000000000400000002000000000");
        assertEquals(1, guest.data(0, 0, list, "42 00 00000000 00 0018 00").srbStatus());
        byte[] back = new byte[data.length];
        guest.data(0, 1, back, "28 00 00000000 00 0080 00");
        Arrays.fill(data, 0x40 * 512, 0x60 * 512, (byte) 0);
        assertArrayEquals(data, back);
    }

    @Test
    void errorsCarryTheirSenseData() throws Exception {
        guest.start(WIN10);
        byte[] b = new byte[1024];
        Answer a = guest.data(0, 1, b, "28 00 00003fff 00 0002 00");
        assertEquals(0x84, a.srbStatus(), "error, sense valid");
        assertEquals(2, a.scsiStatus());
        assertEquals(18, a.senseLength());
        assertEquals("5/21/00", a.sense());
        assertEquals(0, a.transferred());
        assertEquals("5/20/00", guest.none("5e 00 0000 0000000008 00").sense());
        ByteBuffer noRoom = StorGuest.srb(0, 2, 0, "ff 00 00 00 00 00").put(21, (byte) 0);
        guest.post(6, NONE, noRoom.array());
        a = guest.answer();
        assertEquals(4, a.srbStatus());
        assertEquals(0, a.senseLength());
    }

    @Test
    void absentUnitsAreToldFromPresentOnes() throws Exception {
        guest.start(WIN10);
        byte[] inquiry = new byte[36];
        assertEquals(1, guest.data(5, 1, inquiry, "12 00 00 00 24 00").srbStatus());
        assertEquals(0x7F, inquiry[0]);
        guest.post(6, NONE, StorGuest.srb(5, 2, 0, "00 00 00 00 00 00").array());
        assertEquals(0xA0, guest.answer().srbStatus(), "invalid LUN, sense valid");
        for (int where : new int[] {17, 18}) {
            long[] pfns = memory.take(1);
            ByteBuffer luns = StorGuest.srb(0, 1, 1024, "a0 00 00 000000 00000400 00 00").put(where, (byte) 1);
            guest.post(9, StorGuest.range(0, 1024, pfns), luns.array());
            Answer a = guest.answer();
            assertEquals(1, a.srbStatus());
            assertEquals(8, a.transferred(), "no units on other targets");
        }
    }

    @Test
    void dataBuffersThatMakeNoSenseAreRefused() throws Exception {
        guest.start(WIN10);
        String read = "28 00 00000000 00 0008 00";
        long[] p = memory.take(2);
        record Case(String what, byte[] header, ByteBuffer srb) { }
        Case[] cases = {
            new Case("page nowhere", StorGuest.range(0, 4096, 0x7777777), StorGuest.srb(0, 1, 4096, read)),
            new Case("page beyond all addresses", StorGuest.range(0, 4096, -1), StorGuest.srb(0, 1, 4096, read)),
            new Case("second page nowhere", StorGuest.range(0, 8192, p[0], 0), StorGuest.srb(0, 1, 8192, "28 00 00000000 00 0010 00")),
            new Case("range shorter than the transfer", StorGuest.range(0, 2048, p[0]), StorGuest.srb(0, 1, 4096, read)),
            new Case("transfer of 4 GiB", StorGuest.range(0, 4096, p[0]), StorGuest.srb(0, 1, -1, read)),
            new Case("no range", NONE, StorGuest.srb(0, 1, 4096, read)),
            new Case("command block too long", StorGuest.range(0, 4096, p[0]), StorGuest.srb(0, 1, 4096, read).put(20, (byte) 17)),
            new Case("no command block", StorGuest.range(0, 4096, p[0]), StorGuest.srb(0, 1, 4096, read).put(20, (byte) 0)),
            new Case("direction unknown", StorGuest.range(0, 4096, p[0]), StorGuest.srb(0, 3, 4096, read)),
        };
        for (Case c : cases) {
            long id = guest.post(c.header.length == 0 ? 6 : 9, c.header, c.srb.array());
            Answer a = guest.answer();
            assertEquals(id, a.id(), c.what);
            assertEquals(0, a.status(), c.what);
            assertEquals(6, a.srbStatus(), c.what);
            assertEquals(0, a.transferred(), c.what);
        }
        byte[] small = new byte[2048];
        Answer a = guest.data(0, 1, small, read);
        assertEquals("84 5/24/00", "%x %s".formatted(a.srbStatus(), a.sense()), "command wants more than the buffer");
        guest.post(9, StorGuest.range(5000, 4096, p), StorGuest.srb(0, 1, 4096, read).array());
        assertEquals(0xC000000D, guest.answer().status(), "offset beyond the first page");
        byte[] ok = new byte[4096];
        assertEquals(1, guest.data(0, 1, ok, read).srbStatus(), "and it goes on");
        assertEquals(10, vsp.metrics().invalid());
    }

    @Test
    void shortPacketsAndPacketsOfOtherTypesAreRefused() throws Exception {
        guest.start(WIN10);
        guest.post(6, NONE, new byte[8]);
        assertEquals(0xC0000206, guest.answer().status());
        guest.post(6, NONE, Arrays.copyOf(StorGuest.srb(0, 2, 0, "00 00 00 00 00 00").array(), 56));
        assertEquals(0xC0000206, guest.answer().status());
        guest.post(0xB, NONE, new byte[64]);
        assertEquals(0xC000000D, guest.answer().status());
        guest.post(99, NONE, new byte[64]);
        assertEquals(0xC000000D, guest.answer().status());
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void packetsThatWantNoAnswerGetNone() throws Exception {
        guest.start(WIN10);
        guest.out.send(6, 0, 4711, NONE, StorGuest.srb(0, 2, 0, "00 00 00 00 00 00").array());
        guest.signal();
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void unitsThatComeAreAnnounced() throws Exception {
        guest.start(WIN10);
        guest.none("00 00 00 00 00 00");
        target.attach(1, new ScsiDisk(disk));
        GuestRing.Packet p = guest.packet();
        assertEquals(6, p.type());
        assertEquals(0, p.id());
        assertEquals(11, p.payload()[0]);
        assertEquals(64, p.payload().length);
        assertEquals("6/3f/0e", guest.none("00 00 00 00 00 00").sense());
        target.detach(1);
        assertEquals(11, guest.packet().payload()[0]);
    }

    @Test
    void resetComesAfterAllThatWasOnItsWay() throws Exception {
        guest.start(WIN10);
        for (int op : new int[] {4, 5, 6}) {
            long[] pfns = memory.take(257);
            Set<Long> ids = new HashSet<>();
            for (int i = 0; i < 8; i++) {
                ids.add(guest.post(9, StorGuest.range(0, 1 << 20, pfns), StorGuest.srb(0, 0, 1 << 20, "2a 00 00000000 00 0800 00").array()));
            }
            ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, op).putInt(4, 1);
            long reset = guest.post(6, NONE, b.array());
            while (!ids.isEmpty()) {
                Answer a = guest.answer();
                assertEquals(1, a.srbStatus());
                assertTrue(ids.remove(a.id()), "reset answered before an SRB");
            }
            Answer a = guest.answer();
            assertEquals(reset, a.id());
            assertEquals(0, a.status());
            assertEquals("6/29/00", guest.none("00 00 00 00 00 00").sense());
            memory.give(pfns);
        }
        assertEquals(3, vsp.metrics().resets());
    }

    @Test
    void guestThatReadsNoAnswersStopsBeingReadAndLosesNothing() throws Exception {
        guest.close();
        guest = new StorGuest(memory, vsp.queue(), 2);
        guest.start(WIN10);
        int sent = 0;
        int got = 0;
        byte[] tur = StorGuest.srb(0, 2, 0, "00 00 00 00 00 00").array();
        while (sent < 3000) {
            GuestRing.Sent s = guest.out.send(6, 1, 1000 + sent, NONE, tur);
            if (s == GuestRing.Sent.AGAIN) {
                break;
            }
            if (s == GuestRing.Sent.SIGNAL) {
                guest.signal();
            }
            sent++;
        }
        assertTrue(sent >= StorQueue.SLOTS && sent < 1000, "bounded: sent=" + sent);
        assertEquals(StorQueue.SLOTS, vsp.underway());
        while (got < sent) {
            assertEquals(1000 + got, guest.answer().id(), "in order");
            got++;
        }
        assertEquals(0, vsp.underway());
        assertTrue(vsp.metrics().ringFull() > 0);
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void closingAndOpeningStartsAnew() throws Exception {
        guest.start(WIN10);
        long[] pfns = memory.take(256);
        for (int i = 0; i < 16; i++) {
            guest.post(9, StorGuest.range(0, 1 << 20, pfns), StorGuest.srb(0, 1, 1 << 20, "28 00 00000000 00 0800 00").array());
        }
        guest.close();
        assertEquals(0, vsp.underway(), "closing waits for the disk");
        guest = new StorGuest(memory, vsp.queue(), 33);
        assertEquals(0xC0000184, guest.none("00 00 00 00 00 00").status());
        guest.start(0x0600);
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus());
    }

    @Test
    void savedStateGoesOnElsewhere() throws Exception {
        guest.start(WIN10);
        byte[] noCache = java.util.HexFormat.of().parseHex("00000000" + "0812" + "00".repeat(18));
        assertEquals(1, guest.data(0, 0, noCache, "15 10 0000 18 00").srbStatus());
        StorVspState saved = vsp.save();
        ScsiTarget otherTarget = new ScsiTarget();
        otherTarget.attach(0, new ScsiDisk(disk));
        StorVsp other = new StorVsp(otherTarget, 0);
        other.restore(saved, memory.gpa());
        assertEquals(saved, other.save());
        guest.close();
        guest = new StorGuest(memory, other.queue(), 33);
        assertEquals(1, guest.none("00 00 00 00 00 00").srbStatus(), "started already");
        byte[] page = new byte[24];
        guest.data(0, 1, page, "1a 08 08 00 18 00");
        assertEquals(0, page[6], "write cache still off");
    }

    @Test
    void answersThatFoundNoRoomAreSavedToo() throws Exception {
        guest.close();
        guest = new StorGuest(memory, vsp.queue(), 2);
        guest.start(WIN10);
        for (int i = 0; i < 60; i++) {
            guest.out.send(6, 1, 1000 + i, NONE, StorGuest.srb(0, 2, 0, "00 00 00 00 00 00").array());
            guest.signal();
        }
        vsp.queue().paused();
        StorVspState saved = vsp.save();
        assertTrue(saved.answers().size() > 5);
        for (int i = 60 - saved.answers().size(); i > 0; i--) {
            guest.answer();
            if (vsp.save().answers().size() < saved.answers().size()) {
                break;
            }
        }
        StorVsp other = new StorVsp(target, 0);
        other.restore(saved, memory.gpa());
        StorGuest then = new StorGuest(memory, other.queue(), 33);
        then.signal();
        for (StorVspState.Answer a : saved.answers()) {
            assertEquals(a.transactionId(), then.answer().id());
        }
        assertEquals(0, other.underway());
        then.close();
    }

    @Test
    void randomPacketsAreAnsweredAndNothingEscapes() throws Exception {
        long seed = System.nanoTime();
        System.out.println("StorVspTest.randomPacketsAreAnswered seed=" + seed);
        Random random = new Random(seed);
        guest.start(WIN10);
        long[] pfns = memory.take(300);
        long end = System.currentTimeMillis() + 3000;
        int sent = 0;
        int[] opcodes = {0x00, 0x12, 0x1A, 0x25, 0x28, 0x2A, 0x35, 0x41, 0x42, 0x55, 0x88, 0x8A, 0x93, 0x9E, 0xA0};
        while (System.currentTimeMillis() < end) {
            int batch = 1 + random.nextInt(8);
            int posted = 0;
            for (int i = 0; i < batch; i++) {
                int pages = random.nextInt(random.nextInt(10) == 0 ? 258 : 4);
                long[] list = new long[pages];
                for (int p = 0; p < pages; p++) {
                    list[p] = random.nextInt(50) == 0 ? random.nextLong() : pfns[random.nextInt(pfns.length)];
                }
                int bytes = random.nextInt(20) == 0 ? random.nextInt() : Math.max(pages * 4096 - random.nextInt(4096), 0);
                ByteBuffer srb = StorGuest.srb(random.nextInt(3), random.nextInt(4), random.nextInt(3) == 0 ? random.nextInt(1 << 21) : bytes, "");
                for (int c = 0; c < 16; c++) {
                    srb.put(28 + c, (byte) (random.nextInt(3) == 0 ? random.nextInt() : 0));
                }
                srb.put(20, (byte) (random.nextInt(10) == 0 ? random.nextInt() : 16)).put(28, (byte) opcodes[random.nextInt(opcodes.length)]);
                if (random.nextInt(20) == 0) {
                    srb.putInt(0, random.nextInt(15));
                }
                byte[] header = StorGuest.range(random.nextInt(4096), bytes, list);
                if (random.nextInt(30) == 0) {
                    ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putInt(4, random.nextInt());
                }
                guest.post(random.nextInt(10) == 0 ? 6 : 9, header, srb.array());
                posted++;
            }
            for (int i = 0; i < posted; i++) {
                guest.packet();
            }
            sent += posted;
        }
        assertTrue(sent > 100);
        assertEquals(0, vsp.underway());
        guest.close();
        guest = new StorGuest(memory, vsp.queue(), 33);
        guest.start(WIN10);
        byte[] b = new byte[4096];
        int srbStatus = guest.data(0, 1, b, "28 00 00000000 00 0008 00").srbStatus();
        assertTrue(srbStatus == 1 || srbStatus == 0x84, "alive, perhaps after a unit attention");
        assertTrue(Files.size(file) == DISK_BYTES);
    }

    @Test
    void ringsOfGarbageEndTheChannelAndNothingElse() throws Exception {
        long seed = System.nanoTime();
        System.out.println("StorVspTest.ringsOfGarbage seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            guest.start(WIN10);
            byte[] junk = new byte[8 * (1 + random.nextInt(200))];
            random.nextBytes(junk);
            ByteBuffer j = ByteBuffer.wrap(junk).order(ByteOrder.LITTLE_ENDIAN);
            if (random.nextBoolean()) {
                j.putShort(0, (short) (random.nextBoolean() ? 6 : 9)).putShort(2, (short) random.nextInt(6)).putShort(4, (short) random.nextInt(junk.length / 8 + 1));
            }
            guest.out.sendRaw(junk);
            if (random.nextInt(4) == 0) {
                guest.in.field(4, random.nextInt());
            }
            guest.signal();
            guest.signal();
            guest.close();
            assertEquals(0, vsp.underway());
            guest = new StorGuest(memory, vsp.queue(), 3);
        }
    }

    @Test
    void packetsThatChangeWhileTheyAreReadDoNoHarm() throws Exception {
        long seed = System.nanoTime();
        System.out.println("StorVspTest.packetsThatChange seed=" + seed);
        long[] pfns = memory.take(64);
        byte[] header = StorGuest.range(100, 60 * 4096, pfns);
        byte[] srb = StorGuest.srb(0, 1, 60 * 4096, "28 00 00000000 00 01e0 00").array();
        long end = System.currentTimeMillis() + 1500;
        while (System.currentTimeMillis() < end) {
            guest.start(WIN10);
            GuestRing ring = guest.out;
            int from = ring.writeIndex();
            Thread torn = Thread.ofPlatform().start(() -> {
                Random r = new Random(seed);
                for (int i = 0; i < 20_000; i++) {
                    ring.setByte(from + r.nextInt(8192), (byte) r.nextInt());
                }
            });
            for (int i = 0; i < 12 && ring.send(9, 1, i, header, srb) != GuestRing.Sent.AGAIN; i++) {
                guest.signal();
                while (guest.in.receive() != null) {
                    continue;
                }
            }
            torn.join();
            guest.close();
            assertEquals(0, vsp.underway());
            guest = new StorGuest(memory, vsp.queue(), 33);
        }
        guest.start(WIN10);
        byte[] b = new byte[512];
        guest.data(0, 1, b, "28 00 00000000 00 0001 00"); // may tell of a reset
        assertEquals(1, guest.data(0, 1, b, "28 00 00000000 00 0001 00").srbStatus());
    }
}
