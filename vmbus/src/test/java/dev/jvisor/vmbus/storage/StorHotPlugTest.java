package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.server.Offer;
import dev.jvisor.vmbus.server.VmbusServer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks that come, go, are reset and get another size while a guest's I/O is on its way, on the bus with all its threads. */
@Timeout(120)
class StorHotPlugTest {
    private static final int DEPTH = 24;
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 4096;
    private static final int SUCCESS = 1, ERROR = 4, INVALID_LUN = 0x20, SENSE_VALID = 0x80;

    @TempDir
    Path dir;
    private final GuestMemory memory = new GuestMemory(1024, new Random(9));
    private final GuestClient client = new GuestClient(memory, 2, 64);
    private final VmbusServer bus = new VmbusServer(client);
    private final ScsiTarget target = new ScsiTarget();
    private final StorVsp vsp = new StorVsp(target, 0);
    private final long[] pages = memory.take(DEPTH);
    private GuestClient.OpenChannel channel;

    // What the guest knows
    private final boolean[] busy = new boolean[DEPTH];
    private final int[] lunOf = new int[DEPTH];
    private final int[] blockOf = new int[DEPTH];
    private final boolean[] writing = new boolean[DEPTH];
    private final Map<Integer, List<Integer>> written = new HashMap<>();
    private final Map<String, Integer> outcomes = new HashMap<>();
    private final int[] nextBlock = new int[64];
    private int underway;
    private int enumerations;

    @BeforeEach
    void connect() {
        bus.offer(Offer.of("scsi0", DeviceClass.SCSI, UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0001")), vsp.device());
        client.connect(0x50003);
        channel = client.open(client.offers().getFirst(), 33, 0);
        for (int operation : new int[] {7, 9, 10, 8}) {
            ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, operation).putInt(4, 1);
            if (operation == 9) {
                b.putShort(12, (short) 0x602);
            }
            send(0, new byte[0], b.array());
            assertEquals(0, ByteBuffer.wrap(channel.receive().payload()).order(ByteOrder.LITTLE_ENDIAN).getInt(8));
        }
    }

    @AfterEach
    void close() {
        bus.close();
        memory.close();
    }

    private VirtualDisk disk(String name) throws IOException {
        Path file = dir.resolve(name);
        if (Files.notExists(file)) {
            DiskImages.create(file, new DiskSpec(DiskFormat.VHDX, dev.jvisor.devices.disk.DiskType.DYNAMIC, (long) BLOCKS * BLOCK, 1 << 20, 0, null,
                    Instant.EPOCH));
        }
        return VirtualDisk.open(file, DiskOptions.writable());
    }

    private void send(long id, byte[] header, byte[] packet) {
        GuestRing.Sent s = channel.out.send(header.length == 0 ? 6 : 9, 1, id, header, packet);
        assertTrue(s != GuestRing.Sent.AGAIN, "no room in the ring");
        if (s == GuestRing.Sent.SIGNAL) {
            assertEquals(0, client.signal(channel.offer.connection()));
        }
    }

    /** Sends a read or a write of one block; each write goes to a block of its own, and says which. */
    private void post(int slot, int lun, boolean write) {
        busy[slot] = true;
        lunOf[slot] = lun;
        writing[slot] = write;
        blockOf[slot] = write ? nextBlock[lun]++ % BLOCKS : ThreadLocalRandom.current().nextInt(BLOCKS);
        if (write) {
            memory.gpa().ram(pages[slot] << 12, BLOCK).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN).putInt(0, lun).putInt(4, blockOf[slot] + 1)
                    .putInt(BLOCK - 4, blockOf[slot] + 1);
        }
        String cdb = (write ? "2a" : "28") + " 00 %08x 00 0008 00".formatted(blockOf[slot] * 8);
        send(100 + slot, StorGuest.range(0, BLOCK, pages[slot]), StorGuest.srb(lun, write ? 0 : 1, BLOCK, cdb).array());
        underway++;
    }

    /** Takes what has come back. {@return whether there was anything} */
    private boolean take() {
        GuestRing.Packet p = channel.poll();
        if (p != null) {
            taken(p);
        }
        return p != null;
    }

    private void taken(GuestRing.Packet p) {
        if (p.type() == 6) {
            assertEquals(11, p.payload()[0], "ENUMERATE_BUS");
            enumerations++;
            return;
        }
        int slot = (int) p.id() - 100;
        assertTrue(slot >= 0 && slot < DEPTH && busy[slot], "an answer that nobody waits for: " + p.id());
        busy[slot] = false;
        underway--;
        int status = p.payload()[14] & 0xFF;
        String sense = "%x/%02x/%02x".formatted(p.payload()[30] & 0xF, p.payload()[40], p.payload()[41]);
        outcomes.merge(lunOf[slot] + " " + (status == SUCCESS ? "good" : sense), 1, Integer::sum);
        if (status == SUCCESS) {
            if (writing[slot]) {
                written.computeIfAbsent(lunOf[slot], l -> new ArrayList<>()).add(blockOf[slot]);
            } else {
                int says = memory.gpa().ram(pages[slot] << 12, BLOCK).get(ValueLayout.JAVA_INT, 4);
                assertTrue(says == 0 || says == blockOf[slot] + 1, "block " + blockOf[slot] + " says " + (says - 1));
            }
        } else {
            boolean gone = status == (INVALID_LUN | SENSE_VALID) && sense.equals("5/25/00");
            boolean attention = status == (ERROR | SENSE_VALID) && sense.startsWith("6/");
            // Begun before the unit went, and the host has closed the disk since.
            boolean closed = status == (ERROR | SENSE_VALID) && (sense.equals("3/0c/00") || sense.equals("3/11/00"));
            assertTrue(attention || lunOf[slot] != 0 && (gone || closed), "lun " + lunOf[slot] + " status " + status + " sense " + sense);
        }
    }

    /** Keeps all slots in use while a thread is alive, and takes what is left then. */
    private void keepBusy(Thread plug, int luns) {
        Random random = new Random(4);
        while (plug.isAlive() || underway > 0) {
            for (int slot = 0; slot < DEPTH && plug.isAlive(); slot++) {
                if (!busy[slot]) {
                    post(slot, random.nextInt(luns), random.nextInt(3) > 0);
                }
            }
            if (!take()) {
                Thread.onSpinWait();
            }
        }
    }

    private static Thread plug(Plug work) {
        return Thread.ofPlatform().start(() -> {
            try {
                work.run();
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }

    /** What the host does meanwhile. */
    private interface Plug {
        void run() throws IOException, InterruptedException;
    }

    private int count(String outcome) {
        return outcomes.getOrDefault(outcome, 0);
    }

    /** Each write that was answered with success is on one of the disks that were at its LUN. */
    private void expectAllThere(int lun, List<String> names) throws IOException {
        Map<Integer, Boolean> there = new HashMap<>();
        for (String name : names) {
            Path raw = dir.resolve(name + ".raw");
            DiskImages.convert(dir.resolve(name), null, raw, DiskSpec.of(DiskFormat.RAW, 0, Instant.EPOCH));
            ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(raw)).order(ByteOrder.LITTLE_ENDIAN);
            for (int block = 0; block < BLOCKS; block++) {
                int says = all.getInt(block * BLOCK + 4);
                assertTrue(says == 0 || says == block + 1 && all.getInt(block * BLOCK) == lun && all.getInt(block * BLOCK + BLOCK - 4) == block + 1,
                        name + " block " + block);
                there.merge(block, says != 0, Boolean::logicalOr);
            }
        }
        for (int block : written.getOrDefault(lun, List.of())) {
            assertTrue(there.get(block), "lun " + lun + " block " + block + " was written with success and is nowhere");
        }
    }

    @Test
    void disksComeAndGoWhileOthersWorkOn() throws Exception {
        VirtualDisk first = disk("first");
        target.attach(0, new ScsiDisk(first));
        List<String> names = List.of("a", "b", "c");
        Thread plug = plug(() -> {
            for (int i = 0; i < 60; i++) {
                VirtualDisk d = disk(names.get(i % 3));
                target.attach(1, new ScsiDisk(d));
                Thread.sleep(i % 5);
                target.detach(1);
                // At once, with commands still on their way to it.
                d.close();
            }
        });
        keepBusy(plug, 2);
        first.close();
        assertEquals(0, vsp.underway());
        assertTrue(count("0 good") > 100 && count("1 good") > 10 && count("1 5/25/00") > 10, outcomes::toString);
        assertTrue(count("0 6/3f/0e") > 0 && enumerations > 0, "the guest is told: " + outcomes + ", enumerations " + enumerations);
        expectAllThere(0, List.of("first"));
        expectAllThere(1, names);
    }

    @Test
    void aDiskThatGrowsAndShrinksIsToldOfAndLosesNothing() throws Exception {
        VirtualDisk first = disk("first");
        target.attach(0, new ScsiDisk(first));
        long bytes = (long) BLOCKS * BLOCK;
        Thread plug = plug(() -> {
            for (int i = 0; i < 40; i++) {
                first.resize(bytes + (i % 2 == 0 ? 1 << 20 : 512), true);
                target.resized(0);
                Thread.sleep(i % 4);
            }
        });
        keepBusy(plug, 1);
        assertTrue(count("0 6/2a/09") > 0 && count("0 good") > 100 && enumerations > 0, outcomes + ", enumerations " + enumerations);
        // The new size, and the new part is there.
        while (take()) {
            continue;
        }
        target.resized(0);
        send(100, StorGuest.range(0, 8, pages[0]), StorGuest.srb(0, 1, 8, "25 00 00000000 0000 00 00").array());
        GuestRing.Packet p = channel.receive();
        while (p.type() == 6) {
            p = channel.receive();
        }
        assertEquals("2a/09", "%02x/%02x".formatted(p.payload()[40], p.payload()[41]));
        send(100, StorGuest.range(0, 8, pages[0]), StorGuest.srb(0, 1, 8, "25 00 00000000 0000 00 00").array());
        p = channel.receive();
        while (p.type() == 6) {
            p = channel.receive();
        }
        assertEquals(SUCCESS, p.payload()[14]);
        ByteBuffer capacity = memory.gpa().ram(pages[0] << 12, 8).asByteBuffer().order(ByteOrder.BIG_ENDIAN);
        assertEquals((bytes + 512) / 512 - 1, capacity.getInt(0));
        first.close();
        expectAllThere(0, List.of("first"));
    }

    @Test
    void aResetAmongThemIsAnsweredEachTime() throws Exception {
        VirtualDisk first = disk("first");
        VirtualDisk second = disk("a");
        target.attach(0, new ScsiDisk(first));
        target.attach(1, new ScsiDisk(second));
        Random random = new Random(5);
        int resets = 0;
        for (int round = 0; round < 60; round++) {
            for (int slot = 1; slot < DEPTH; slot++) {
                if (!busy[slot]) {
                    post(slot, random.nextInt(2), random.nextInt(3) > 0);
                }
            }
            if (round % 3 == 0) {
                ScsiDisk unit = (ScsiDisk) target.detach(1);
                target.attach(1, unit);
            }
            int operation = 4 + random.nextInt(3);
            send(1, new byte[0], ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, operation).putInt(4, 1).put(19, (byte) 1).array());
            for (boolean answered = false; !answered;) {
                GuestRing.Packet p = channel.in.receive();
                if (p == null) {
                    Thread.onSpinWait();
                } else if (p.id() == 1 && p.type() == 0xB) {
                    assertEquals(0, ByteBuffer.wrap(p.payload()).order(ByteOrder.LITTLE_ENDIAN).getInt(8));
                    answered = true;
                    resets++;
                } else {
                    taken(p);
                }
                if (channel.in.hostWaits()) {
                    client.signal(channel.offer.connection());
                }
            }
        }
        while (underway > 0) {
            take();
        }
        assertEquals(60, resets);
        assertTrue(count("1 6/29/00") > 0, outcomes::toString);
        first.close();
        second.close();
        expectAllThere(0, List.of("first"));
        expectAllThere(1, List.of("a"));
    }
}
