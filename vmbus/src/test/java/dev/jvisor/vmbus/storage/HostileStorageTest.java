package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestClient.Message;
import dev.jvisor.vmbus.guest.GuestClient.Offered;
import dev.jvisor.vmbus.guest.GuestClient.OpenChannel;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.server.Offer;
import dev.jvisor.vmbus.server.OfferedChannel;
import dev.jvisor.vmbus.server.VmbusCounter;
import dev.jvisor.vmbus.server.VmbusServer;
import dev.jvisor.vmm.hostility.HostileRun;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A hostile driver on one storage controller beside an honest one on another of the same bus. The hostile one sends SRBs of wrong sizes,
 * with command blocks and data buffers of random numbers, steps of the start in any order, resets in the middle of I/O; it writes over its
 * rings while the host reads them, takes few of its answers, closes, tears down and unloads while I/O is on its way, and the host takes
 * units and the controller away and brings them back. The honest one reads and writes all the while and finds what it wrote. Afterwards the
 * hostile one's disk works for whoever opens it anew, nothing is under way, and no exception has come out of anything. Seeds and longer
 * runs: {@link HostileRun}; the order in which threads come to act is not part of a seed.
 */
@Timeout(300)
class HostileStorageTest {
    private static final byte[] NONE = {};
    private static final int DISK_BYTES = 4 << 20;
    private static final int BLOCKS = DISK_BYTES / 4096;
    private static final int SUB_CHANNELS = 2;
    private static final int RING_PAGES = 5;
    private static final int STEPS = 400;
    private static final UUID HOSTILE = UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0001");
    private static final UUID HONEST = UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0002");
    private static final int[] OPCODES = {0x00, 0x03, 0x12, 0x15, 0x1A, 0x1B, 0x25, 0x28, 0x28, 0x2A, 0x2A, 0x35, 0x41, 0x42, 0x55, 0x5A, 0x88, 0x8A,
        0x93, 0x9E, 0xA0};

    @TempDir
    Path dir;
    private final GuestMemory memory = new GuestMemory(2048, new Random(8));
    private final GuestClient client = new GuestClient(memory, 4, 64);
    private final VmbusServer bus = new VmbusServer(client);
    private VirtualDisk hostileDisk;
    private VirtualDisk honestDisk;
    private final ScsiTarget hostileTarget = new ScsiTarget();
    private final StorVsp hostileVsp = new StorVsp(hostileTarget, SUB_CHANNELS);
    private OfferedChannel hostileOffer;
    private final long[] pool = memory.take(64);
    private final long[] dataPages = memory.take(2);

    // The hostile guest
    private Offered offered;
    private final List<Offered> subOffers = new ArrayList<>();
    private final List<OpenChannel> open = new ArrayList<>();
    private final Object tearing = new Object();
    /** Guarded by {@link #tearing}. */
    private OpenChannel torn;
    private volatile boolean tearingOver;

    // The honest one
    private final long[] honestPages = memory.take(2);
    private final long[] honestDiskHolds = new long[BLOCKS];
    private Offered honestOffered;
    private OpenChannel honestChannel;
    private Thread honestThread;
    private volatile boolean honestOver;
    private volatile Throwable honestFailed;
    private volatile int honestBlocks;

    @BeforeEach
    void offer() throws IOException {
        hostileDisk = disk("hostile.img");
        honestDisk = disk("honest.img");
        hostileTarget.attach(0, new ScsiDisk(hostileDisk));
        ScsiTarget honest = new ScsiTarget();
        honest.attach(0, new ScsiDisk(honestDisk));
        bus.offer(Offer.of("honest", DeviceClass.SCSI, HONEST), new StorVsp(honest, 0).device());
        hostileOffer = bus.offer(Offer.of("hostile", DeviceClass.SCSI, HOSTILE), hostileVsp.device());
        client.others = this::message;
    }

    private VirtualDisk disk(String name) throws IOException {
        Path file = dir.resolve(name);
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(DISK_BYTES);
        }
        return VirtualDisk.open(file, DiskOptions.writable());
    }

    @AfterEach
    void close() throws Exception {
        stopHonest();
        bus.close();
        hostileDisk.close();
        honestDisk.close();
        memory.close();
        assertEquals(0, hostileVsp.underway());
        assertEquals(0, bus.counter(VmbusCounter.FAILURES), "an exception came out of a device or the bus");
    }

    // ---- the honest driver

    private void startHonest() {
        honestChannel = client.open(honestOffered, RING_PAGES, 0);
        StorDriver driver = new StorDriver(client, memory, honestChannel, honestPages).start();
        honestOver = false;
        honestThread = Thread.ofPlatform().start(() -> {
            Random random = new Random(1);
            try {
                while (!honestOver) {
                    int block = random.nextInt(BLOCKS);
                    honestDiskHolds[block] = random.nextLong();
                    driver.write(block, honestDiskHolds[block]);
                    int other = random.nextInt(BLOCKS);
                    driver.verify(other, honestDiskHolds[other]);
                    honestBlocks++;
                }
            } catch (Throwable t) {
                honestFailed = t;
            }
        });
    }

    private void stopHonest() throws InterruptedException {
        honestOver = true;
        if (honestThread != null) {
            honestThread.join();
            honestThread = null;
        }
        if (honestFailed != null) {
            throw new AssertionError("the honest driver has suffered", honestFailed);
        }
    }

    // ---- the hostile guest's side of the bus

    private void message(Message m) {
        switch (m.type()) {
            case 1 -> {
                Offered o = GuestClient.offered(m);
                if (o.instance().equals(HOSTILE)) {
                    if (o.index() == 0) {
                        offered = o;
                    } else {
                        subOffers.add(o);
                    }
                }
            }
            case 2 -> {
                int relid = m.i32(8);
                subOffers.removeIf(o -> o.relid() == relid);
                if (offered != null && offered.relid() == relid) {
                    offered = null;
                }
                List<OpenChannel> gone = open.stream().filter(c -> c.offer.relid() == relid).toList();
                open.removeAll(gone);
                gone.forEach(this::giveBack);
                client.send(GuestClient.message(13, 12, relid));
            }
            default -> { } // answers to what was sent blindly
        }
    }

    private void takeMessages() {
        while (!client.noMessage()) {
            message(client.next());
        }
    }

    private void openOne(Random random) {
        if (offered == null || memoryIsShort()) {
            return;
        }
        boolean first = open.stream().noneMatch(c -> c.offer.relid() == offered.relid());
        List<Offered> closed = subOffers.stream().filter(o -> open.stream().noneMatch(c -> c.offer.relid() == o.relid())).toList();
        Offered which = first ? offered : closed.isEmpty() ? null : closed.get(random.nextInt(closed.size()));
        if (which == null) {
            return;
        }
        OpenChannel c = client.open(which, RING_PAGES, random.nextInt(4));
        if (c.status != 0) {
            // It was taken away meanwhile.
            giveBack(c);
            return;
        }
        open.add(c);
        if (first && random.nextInt(8) != 0) {
            for (int operation : new int[] {7, 9, 10, 8}) {
                post(c, 6, NONE, StorDriver.control(operation).putShort(12, (short) 0x602).array());
            }
            if (random.nextBoolean()) {
                post(c, 6, NONE, StorDriver.control(13).putShort(12, (short) (1 + random.nextInt(SUB_CHANNELS))).array());
            }
        }
    }

    private boolean memoryIsShort() {
        return open.size() > SUB_CHANNELS;
    }

    private void closeOne(OpenChannel c, Random random) {
        open.remove(c);
        if (random.nextBoolean()) {
            client.send(GuestClient.message(7, 12, c.offer.relid()));
        }
        // Without the CLOSE before it the channel loses its rings under way.
        client.tearDown(c.offer.relid(), c.gpadl);
        giveBack(c);
    }

    private void giveBack(OpenChannel c) {
        synchronized (tearing) {
            torn = torn == c ? null : torn;
        }
        memory.give(c.pfns);
    }

    private void post(OpenChannel c, int type, byte[] header, byte[] packet) {
        if (c.out.send(type, 1, 7, header, packet) == GuestRing.Sent.SIGNAL) {
            client.signal(c.offer.connection());
        }
    }

    private byte[] srb(Random random, int transfer) {
        ByteBuffer b = StorGuest.srb(random.nextInt(4) == 0 ? random.nextInt(3) : 0, random.nextInt(5) == 0 ? random.nextInt(5) : random.nextInt(2),
                transfer, "");
        for (int i = 1; i < 16; i++) {
            b.put(28 + i, (byte) (random.nextInt(4) == 0 ? random.nextInt() : 0));
        }
        b.put(28, (byte) (random.nextInt(10) == 0 ? random.nextInt() : OPCODES[random.nextInt(OPCODES.length)]));
        b.put(20, (byte) (random.nextInt(20) == 0 ? random.nextInt() : 16));
        if (random.nextInt(12) == 0) {
            b.putInt(0, random.nextInt(15)); // a reset, a step of the start, nonsense
        }
        byte[] packet = b.array();
        return random.nextInt(20) == 0 ? Arrays.copyOf(packet, random.nextInt(200)) : packet;
    }

    private void sendSomething(OpenChannel c, Random random) {
        int pages = random.nextInt(12) == 0 ? random.nextInt(60) : 1 + random.nextInt(4);
        long[] list = new long[pages];
        for (int i = 0; i < pages; i++) {
            // Its own rings may be the data buffer, and the same page again and again.
            list[i] = random.nextInt(60) == 0 ? random.nextLong() : random.nextInt(40) == 0 ? c.pfns[random.nextInt(c.pfns.length)]
                    : pool[random.nextInt(pool.length)];
        }
        int offset = random.nextInt(3) == 0 ? random.nextInt(4096) : 0;
        int bytes = Math.max(0, pages * 4096 - offset);
        byte[] header = StorGuest.range(offset, random.nextInt(30) == 0 ? random.nextInt() : bytes, list);
        if (random.nextInt(20) == 0) {
            header[random.nextInt(header.length)] = (byte) random.nextInt();
        }
        int transfer = random.nextInt(10) == 0 ? random.nextInt() >>> random.nextInt(32) : random.nextInt(3) == 0 ? bytes & -512 : bytes;
        post(c, random.nextInt(20) == 0 ? random.nextInt(16) : random.nextInt(10) == 0 ? 6 : 9, header, srb(random, transfer));
    }

    private static void writeOverRing(OpenChannel c, Random random, boolean indices) {
        if (indices) {
            GuestRing r = random.nextBoolean() ? c.out : c.in;
            r.field(4 * random.nextInt(4), random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(r.size() / 8) * 8);
        } else {
            c.out.setByte(random.nextInt(c.out.size()), (byte) random.nextInt(random.nextBoolean() ? 256 : 16));
        }
    }

    private void hostActs(Random random) {
        switch (random.nextInt(5)) {
            case 0 -> {
                if (hostileTarget.unit(1) == null) {
                    hostileTarget.attach(1, new ScsiDisk(hostileDisk));
                } else {
                    hostileTarget.detach(1);
                }
            }
            case 1 -> hostileTarget.resized(0);
            case 2 -> {
                hostileOffer.rescind();
                hostileOffer = bus.offer(Offer.of("hostile", DeviceClass.SCSI, HOSTILE), hostileVsp.device());
            }
            case 3 -> {
                bus.pause();
                hostileVsp.save();
                bus.resume();
            }
            default -> hostileTarget.reset(0);
        }
    }

    private void step(Random random) {
        OpenChannel c = open.isEmpty() ? null : open.get(random.nextInt(open.size()));
        int what = random.nextInt(60);
        if (c == null || what == 0) {
            openOne(random);
        } else if (what == 1) {
            closeOne(c, random);
        } else if (what == 2) {
            hostActs(random);
        } else if (what == 3) {
            writeOverRing(c, random, true);
            client.signal(c.offer.connection());
        } else if (what < 8) {
            writeOverRing(c, random, false);
        } else if (what < 10) {
            synchronized (tearing) {
                torn = torn == c ? null : c;
            }
        } else if (what < 30) {
            // Its own reading of garbage is its own affair.
            try {
                c.poll();
            } catch (RuntimeException | AssertionError e) {
                c.in.field(4, c.in.field(0));
            }
        } else {
            sendSomething(c, random);
        }
        takeMessages();
    }

    /** Ends what the round has begun, in one of the ways there are. */
    private void end(Random random) throws Exception {
        if (random.nextInt(4) == 0) {
            stopHonest();
            client.send(GuestClient.message(16, 8));
            client.expect(17, 8);
            open.forEach(this::giveBack);
            open.clear();
            memory.give(honestChannel.pfns);
            connect();
            startHonest();
        } else {
            while (!open.isEmpty()) {
                closeOne(open.getLast(), random);
                takeMessages();
            }
        }
        assertEquals(0, hostileVsp.underway(), "no I/O once the guest has its pages back");
    }

    private void connect() {
        offered = null;
        subOffers.clear();
        client.connect(0x50003);
        client.offers().forEach(o -> {
            if (o.instance().equals(HONEST)) {
                honestOffered = o;
            } else {
                offered = o;
            }
        });
    }

    private void diskWorks(Random random) throws IOException {
        bus.resume(); // all the host wanted is done, and its offers are on their way
        takeMessages();
        OpenChannel c = client.open(offered, RING_PAGES, 0);
        StorDriver driver = new StorDriver(client, memory, c, dataPages).start();
        int block = random.nextInt(BLOCKS);
        long seed = random.nextLong();
        driver.write(block, seed);
        driver.verify(block, seed);
        driver.flush();
        try (RandomAccessFile f = new RandomAccessFile(dir.resolve("hostile.img").toFile(), "r")) {
            byte[] there = new byte[4096];
            f.seek(block * 4096L);
            f.readFully(there);
            assertArrayEquals(StorDriver.contents(seed), there);
        }
        c.close();
        takeMessages();
    }

    /** Writes over the ring that is in {@link #torn}, while the host reads it. */
    private void tear() {
        Random random = new Random(3);
        while (!tearingOver) {
            synchronized (tearing) {
                for (int i = 0; torn != null && i < 50; i++) {
                    writeOverRing(torn, random, random.nextInt(5000) == 0);
                }
            }
            Thread.yield();
        }
    }

    @Test
    void hostileDriverCostsNobodyButItself() throws Exception {
        connect();
        startHonest();
        Thread tearer = Thread.ofPlatform().start(this::tear);
        try {
            HostileRun.run("storage", 10, random -> {
                for (int i = 0; i < STEPS; i++) {
                    step(random);
                }
                end(random);
                diskWorks(random);
                assertEquals(0, bus.counter(VmbusCounter.FAILURES));
                if (honestFailed != null) {
                    throw new AssertionError("the honest driver has suffered", honestFailed);
                }
            });
        } finally {
            tearingOver = true;
            tearer.join();
        }
        StorVspMetrics m = hostileVsp.metrics();
        String what = "%d reads, %d writes, %d failed, %d invalid, %d resets, %d broken, honest blocks %d".formatted(m.reads(), m.writes(),
                m.failed(), m.invalid(), m.resets(), bus.counter(VmbusCounter.CHANNELS_BROKEN), honestBlocks);
        assertTrue(m.reads() > 50 && m.writes() > 50 && m.failed() > 50 && m.invalid() > 50 && m.resets() > 5 && honestBlocks > 50
                && bus.counter(VmbusCounter.CHANNELS_BROKEN) > 5, what);
    }
}
