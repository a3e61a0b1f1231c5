package dev.jvisor.devices.scsi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.scsi.ScsiRequest.Direction;
import dev.jvisor.vmm.hostility.HostileRun;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Commands of random bytes with data buffers of random shape, to disks and to a DVD drive: each is complete exactly once, moves no more than
 * its buffer holds, writes nowhere else, and nothing throws. Seeds and longer runs: {@link HostileRun}.
 */
@Timeout(300)
class ScsiFuzzTest {
    private static final int MEMORY = 64 << 10;
    private static final int[] OPCODES = {0x00, 0x03, 0x08, 0x0A, 0x12, 0x15, 0x1A, 0x1B, 0x1D, 0x1E, 0x23, 0x25, 0x28, 0x2A, 0x2B, 0x2F, 0x35,
        0x41, 0x42, 0x43, 0x46, 0x4A, 0x51, 0x52, 0x55, 0x5A, 0x88, 0x8A, 0x8F, 0x91, 0x93, 0x9E, 0xA0, 0xA8, 0xAA, 0xAD, 0xAF, 0xBB, 0xBD};

    private int completed;
    private final MemoryDisk small = new MemoryDisk(1 << 20, 512, 4096);
    private final MemoryDisk large = new MemoryDisk(1 << 20, 4096, 4096);
    private final MemoryDisk readOnly = new MemoryDisk(32 << 10, 512, 512);
    private final MemoryDisk disc = new MemoryDisk(1 << 20, 2048, 2048);
    private final MemoryDisk[] disks = {small, large, readOnly, disc};
    private final ScsiTarget target = new ScsiTarget();
    private final ScsiDvd dvd = new ScsiDvd("fuzz");
    private final MemorySegment memory = Arena.ofAuto().allocate(MEMORY);
    private final MemorySegment shadow = Arena.ofAuto().allocate(MEMORY);
    private final MemorySegment blank = Arena.ofAuto().allocate(32 << 10);
    private final ScsiRequest request = new ScsiRequest(memory, 20, r -> completed++);

    @Test
    void commandsOfRandomBytesEndOnceAndWriteNowhereElse() {
        readOnly.readOnly = true;
        target.attach(0, new ScsiDisk(small));
        target.attach(1, new ScsiDisk(large));
        target.attach(2, new ScsiDisk(readOnly));
        dvd.insert(disc);
        target.attach(3, dvd);
        HostileRun.run("SCSI commands", 50_000, this::command);
    }

    private void command(Random random) {
        Direction direction = Direction.values()[random.nextInt(3)];
        request.begin(direction);
        random.nextBytes(request.cdb());
        byte[] cdb = request.cdb();
        for (int i = 1; i < cdb.length; i++) {
            // Small numbers pass more checks than large ones.
            cdb[i] = (byte) (random.nextInt(3) == 0 ? cdb[i] : random.nextInt(4) == 0 ? cdb[i] & 15 : 0);
        }
        if (random.nextInt(10) > 0) {
            cdb[0] = (byte) OPCODES[random.nextInt(OPCODES.length)];
        }
        int data = 0;
        for (int i = direction == Direction.NONE ? 0 : random.nextInt(8); i > 0; i--) {
            int length = random.nextInt(4) == 0 ? 1 + random.nextInt(9000) : 512 * (1 + random.nextInt(9));
            if (request.addData(random.nextInt(MEMORY - length + 1), length)) {
                data += length;
            }
        }
        if (direction == Direction.OUT) {
            parameters(random);
        }
        MemorySegment.copy(memory, 0, shadow, 0, MEMORY);
        for (MemoryDisk d : disks) {
            d.failWith = random.nextInt(200) == 0 ? DiskStatus.IO_ERROR : null;
        }
        if (random.nextInt(50) == 0) {
            request.abandon();
        }
        completed = 0;
        target.execute(random.nextInt(6), request);
        for (MemoryDisk d : disks) {
            d.run();
            d.log.clear();
        }
        if (random.nextInt(500) == 0) {
            target.reset();
        }
        check(direction, data);
    }

    /** Parameter lists, UNMAP's descriptors for example, are taken from what the guest's memory says. */
    private void parameters(Random random) {
        for (int piece = 0; piece < request.pieces(); piece++) {
            for (int i = 0; i < Math.min(64, request.pieceLength(piece)); i++) {
                int b = random.nextInt(3) == 0 ? random.nextInt(256) : i == 1 || i == 3 ? random.nextInt(80) : 0;
                memory.set(ValueLayout.JAVA_BYTE, request.pieceOffset(piece) + i, (byte) b);
            }
        }
    }

    private void check(Direction direction, int data) {
        assertEquals(1, completed, "complete exactly once");
        assertTrue(request.transferred() >= 0 && request.transferred() <= data, "moved " + request.transferred() + " of " + data);
        if (request.status() == ScsiStatus.GOOD) {
            assertEquals(Sense.NONE, request.sense());
        } else {
            assertEquals(ScsiStatus.CHECK_CONDITION, request.status());
            assertNotEquals(0, Sense.key(request.sense()));
        }
        for (int i = 0; direction == Direction.IN && i < request.pieces(); i++) {
            MemorySegment.copy(memory, request.pieceOffset(i), shadow, request.pieceOffset(i), request.pieceLength(i));
        }
        assertEquals(-1, memory.mismatch(shadow), "only the data buffer of a command that reads may change");
        assertEquals(-1, readOnly.content.mismatch(blank), "a disk that is read-only is never written");
    }
}
