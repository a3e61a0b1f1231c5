package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.jvisor.devices.disk.DiskRequest.Op;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many requests at once, over a differencing chain: each slot of the disk has one request at a time, and reads what it wrote last. */
class DiskThreadsTest {
    private static final int SLOTS = 48;
    private static final int SLOT = 64 << 10;

    @TempDir
    Path dir;

    private final int[] value = new int[SLOTS];
    private final boolean[] reading = new boolean[SLOTS];
    private volatile String wrong;
    private int atOnce;

    @ParameterizedTest
    @EnumSource(names = {"VHD", "VHDX"})
    void requestsAtTheSameTimeDoNotDisturbEachOther(DiskFormat format) throws Exception {
        Path base = dir.resolve("base");
        Path child = dir.resolve("child");
        DiskImages.create(base, new DiskSpec(format, DiskType.DYNAMIC, 64 << 20, 1 << 20, 0, null, TestDisk.NOW));
        DiskImages.create(child, new DiskSpec(format, DiskType.DIFFERENCING, 0, 1 << 20, 0, base, TestDisk.NOW));
        Semaphore free = new Semaphore(0);
        boolean[] busy = new boolean[SLOTS];
        long seed = 77;
        Random random = new Random(seed);
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(child, DiskOptions.writable())) {
            MemorySegment memory = arena.allocate((long) SLOTS * SLOT, 4096);
            DiskRequest[] requests = new DiskRequest[SLOTS];
            for (int s = 0; s < SLOTS; s++) {
                int slot = s;
                requests[s] = new DiskRequest(memory, 2, r -> {
                    if (r.status() != DiskStatus.OK) {
                        wrong = "slot " + slot + " " + r.op() + " " + r.status();
                    } else if (reading[slot]) {
                        compare(memory, slot, seed);
                    }
                    synchronized (busy) {
                        busy[slot] = false;
                    }
                    free.release();
                });
            }
            free.release(SLOTS);
            for (int i = 0; i < 6000; i++) {
                free.acquire();
                int slot;
                synchronized (busy) {
                    do {
                        slot = random.nextInt(SLOTS);
                    } while (busy[slot]);
                    busy[slot] = true;
                }
                DiskRequest r = requests[slot];
                int kind = random.nextInt(20);
                reading[slot] = kind >= 10;
                // Slots lie across block borders.
                long at = 512 * 3 + (long) slot * (SLOT + 1024);
                if (kind == 0) {
                    r.begin(Op.FLUSH, 0, 0);
                } else if (kind <= 2) {
                    value[slot] = 0;
                    r.begin(kind == 1 ? Op.UNMAP : Op.WRITE_ZEROES, at, SLOT);
                } else {
                    if (kind < 10) {
                        value[slot] = random.nextInt(256);
                        memory.asSlice((long) slot * SLOT, SLOT).fill((byte) value[slot]);
                    }
                    r.begin(kind < 10 ? Op.WRITE : Op.READ, at, SLOT).fua(kind == 3);
                    r.add((long) slot * SLOT, SLOT / 4);
                    r.add((long) slot * SLOT + SLOT / 4, SLOT - SLOT / 4);
                }
                if (kind % 2 == 0 && disk.readNow(r)) {
                    compare(memory, slot, seed);
                    atOnce++;
                    synchronized (busy) {
                        busy[slot] = false;
                    }
                    free.release();
                } else {
                    disk.submit(r);
                }
            }
            free.acquire(SLOTS);
        }
        assertEquals(null, wrong);
        System.out.println("DiskThreadsTest: reads done at once: " + atOnce);
    }

    private void compare(MemorySegment memory, int slot, long seed) {
        for (long i = 0; i < SLOT; i += 512) {
            if (memory.get(ValueLayout.JAVA_BYTE, (long) slot * SLOT + i) != (byte) value[slot]) {
                wrong = "slot " + slot + " at " + i + " seed " + seed;
            }
        }
    }
}
