package dev.jvisor.ci.crash;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiRequest;
import dev.jvisor.devices.scsi.ScsiRequest.Direction;
import dev.jvisor.devices.scsi.ScsiStatus;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.devices.scsi.Sense;
import dev.jvisor.guest.disk.SectorPattern;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.Semaphore;

/**
 * Keeps a disk busy with SCSI commands, as the storage VSP sends them on for a guest, until it is killed or its standard input ends: writes
 * with and without FUA, UNMAP, WRITE SAME, flushes, reads, and now and then another size; {@link #DEPTH} at once, overlapping now and then,
 * and most often where images are delicate: around the borders of blocks, at the end, where it has been lately. It says what it does as
 * {@link WriterLoad} has it: what begins before it begins, what is done after it is done.
 *
 * <p>Arguments: image, epoch (the upper part of all generations), seed.
 */
public final class CrashWriter {
    /** Commands under way at once. */
    public static final int DEPTH = 24;
    /** The error of a change of sectors that a resize has taken away. */
    static final String GONE = "0x%06x".formatted(Sense.LBA_OUT_OF_RANGE);

    /** The error of a change that the host has no room for. */
    static final String FULL = "0x%06x".formatted(Sense.SPACE_ALLOCATION_FAILED);

    private static final int SLOT_BYTES = 256 << 10;
    private static final int MAX_WRITE = 128 << 10;
    private static final int PIECE = 4096;
    private static final int WRITE_16 = 0x8A, READ_16 = 0x88, WRITE_SAME_16 = 0x93, UNMAP = 0x42, SYNCHRONIZE_CACHE_10 = 0x35;
    private static final int FUA = 8, NO_DATA = 1;
    private static final int EPOCH_SHIFT = 32;

    private final VirtualDisk disk;
    private final ScsiTarget target = new ScsiTarget();
    private final int sectorBytes;
    private final int minSectors;
    private final int maxSectors;
    private final Random random;
    private final MemorySegment memory = Arena.ofShared().allocate((long) DEPTH * SLOT_BYTES, PIECE);
    private final MemorySegment staging = Arena.ofShared().allocate(SLOT_BYTES, PIECE);
    private final Slot[] free = new Slot[DEPTH];
    private int freeCount;
    private final Semaphore ready = new Semaphore(0);
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private long generation;
    private int lately;
    private volatile boolean stop;

    private CrashWriter(VirtualDisk disk, int epoch, long seed) {
        this.disk = disk;
        sectorBytes = disk.logicalSectorSize();
        minSectors = (int) (CrashImage.BYTES / sectorBytes);
        maxSectors = (int) (CrashImage.MAX_BYTES / sectorBytes);
        random = new Random(seed);
        generation = (long) epoch << EPOCH_SHIFT;
        target.attach(0, new ScsiDisk(disk));
        for (int i = 0; i < DEPTH; i++) {
            free[freeCount++] = new Slot((long) i * SLOT_BYTES);
        }
        ready.release(DEPTH);
    }

    /** Writes until it is killed or told to stop. */
    public static void main(String[] args) throws IOException, InterruptedException {
        say(new FileOutputStream(FileDescriptor.out), "open");
        try (VirtualDisk disk = VirtualDisk.open(Path.of(args[0]), DiskOptions.writable())) {
            CrashWriter w = new CrashWriter(disk, Integer.parseInt(args[1]), Long.parseLong(args[2]));
            w.say("ready");
            Thread.ofPlatform().daemon().start(w::awaitEnd);
            w.run();
        }
        say(new FileOutputStream(FileDescriptor.out), "bye");
    }

    private void awaitEnd() {
        try {
            while (System.in.read() >= 0) {
                continue;
            }
        } catch (IOException e) {
            // Ended as well.
        }
        stop = true;
    }

    private void say(String line) {
        say(out, line);
    }

    private static void say(FileOutputStream to, String line) {
        try {
            // One call: a kill does not cut it.
            to.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void run() throws InterruptedException, IOException {
        // Most writers leave the size alone: a resize empties a log.
        Thread resizer = random.nextInt(3) == 0 ? Thread.ofPlatform().daemon().start(this::resize) : null;
        while (!stop) {
            ready.acquire();
            Slot s;
            synchronized (free) {
                s = free[--freeCount];
            }
            s.begin();
        }
        ready.acquire(DEPTH);
        if (resizer != null) {
            resizer.join();
        }
    }

    private void resize() {
        Random sizes = new Random(random.nextLong());
        try {
            while (!stop) {
                Thread.sleep(20 + sizes.nextInt(150));
                int old = (int) (disk.byteSize() / sectorBytes);
                int sectors = minSectors + sizes.nextInt(maxSectors - minSectors + 1);
                say("g " + sectors);
                long name = 0;
                if (sectors < old) {
                    name = nextGeneration();
                    say("i " + name + " z " + sectors + " " + (old - sectors));
                }
                disk.resize((long) sectors * sectorBytes, true);
                if (sectors < old) {
                    say("p " + name);
                }
                say("G " + sectors);
            }
        } catch (IOException e) {
            say("r " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized long nextGeneration() {
        return ++generation;
    }

    /** A place for so many sectors, on the disk as it is now. */
    private int place(int count) {
        int sectors = (int) (disk.byteSize() / sectorBytes);
        int block = (512 << 10) / sectorBytes;
        int near = random.nextInt(2 * count + 8) - count - 4;
        int first = switch (random.nextInt(8)) {
            case 0, 1, 2 -> random.nextInt(sectors);
            case 3, 4 -> random.nextInt(sectors / block + 1) * block + near;
            case 5 -> sectors - count - random.nextInt(8);
            default -> lately + near;
        };
        lately = Math.clamp(first, 0, sectors - count);
        return lately;
    }

    /** A command that is used again and again. */
    private final class Slot {
        private final long base;
        private final ScsiRequest request;
        private long name;
        private int opcode;
        private int first;
        private int count;
        private boolean durable;

        Slot(long base) {
            this.base = base;
            request = new ScsiRequest(memory, 2 * SLOT_BYTES / PIECE, r -> ended());
        }

        void begin() {
            int kind = random.nextInt(100);
            durable = false;
            name = nextGeneration();
            count = 1 + (random.nextInt(4) == 0 ? random.nextInt(MAX_WRITE / sectorBytes) : random.nextInt(8));
            if (kind < 65) {
                opcode = WRITE_16;
                durable = kind < 8;
                first = place(count);
                say("i " + name + " w " + first + " " + count);
            } else if (kind < 80) {
                opcode = kind < 75 ? UNMAP : WRITE_SAME_16;
                wholeBlocks();
                say("i " + name + " z " + first + " " + count);
            } else if (kind < 88) {
                opcode = SYNCHRONIZE_CACHE_10;
                say("f " + name);
            } else {
                opcode = READ_16;
                first = place(count);
            }
            send();
        }

        /** Some sectors, or some blocks and a little. */
        private void wholeBlocks() {
            if (random.nextInt(3) == 0) {
                int block = (512 << 10) / sectorBytes;
                count = block * (1 + random.nextInt(5)) + random.nextInt(9) - 4;
            }
            first = place(count);
            if (count > 100 && random.nextBoolean()) {
                first -= first % ((512 << 10) / sectorBytes);
            }
        }

        private void send() {
            request.begin(switch (opcode) {
                case WRITE_16, UNMAP -> Direction.OUT;
                case READ_16 -> Direction.IN;
                default -> Direction.NONE;
            });
            ByteBuffer cdb = ByteBuffer.wrap(request.cdb());
            cdb.put(0, (byte) opcode);
            switch (opcode) {
                case WRITE_16, READ_16 -> {
                    cdb.put(1, (byte) (durable ? FUA : 0)).putLong(2, first).putInt(10, count);
                    if (opcode == WRITE_16) {
                        for (int i = 0; i < count; i++) {
                            SectorPattern.fill(staging, (long) i * sectorBytes, sectorBytes, first + i, name);
                        }
                    }
                    scatter(count * sectorBytes);
                }
                case WRITE_SAME_16 -> cdb.put(1, (byte) NO_DATA).putLong(2, first).putInt(10, count);
                case UNMAP -> {
                    cdb.putShort(7, (short) 24);
                    byte[] list = ByteBuffer.allocate(24).putShort(0, (short) 22).putShort(2, (short) 16).putLong(8, first).putInt(16, count)
                            .array();
                    MemorySegment.copy(MemorySegment.ofArray(list), 0, memory, base, list.length);
                    request.addData(base, list.length);
                }
                default -> { }
            }
            target.execute(0, request);
        }

        /** Pieces of pages in another order, cut anywhere, as a guest's buffers are; what is staged goes into them. */
        private void scatter(int bytes) {
            int skip = 8 * random.nextInt(PIECE / 8);
            int page = random.nextInt(SLOT_BYTES / PIECE);
            for (int done = 0; done < bytes;) {
                int n = Math.min(bytes - done, PIECE - skip);
                long at = base + (long) page * PIECE + skip;
                if (opcode == WRITE_16) {
                    MemorySegment.copy(staging, done, memory, at, n);
                }
                if (!request.addData(at, n)) {
                    throw new IllegalStateException("too many pieces");
                }
                done += n;
                skip = 0;
                page = (page + 7) % (SLOT_BYTES / PIECE);
            }
        }

        private void ended() {
            boolean good = request.status() == ScsiStatus.GOOD;
            String sense = "0x%06x".formatted(request.sense());
            switch (opcode) {
                case SYNCHRONIZE_CACHE_10 -> say(good ? "s " + name : "F " + name + " " + sense);
                case READ_16 -> {
                    if (good) {
                        lookAt();
                    } else if (!sense.equals(GONE)) {
                        say("x an error, " + sense);
                    }
                }
                default -> say(good ? (durable ? "p " : "d ") + name : "e " + name + " " + sense);
            }
            synchronized (free) {
                free[freeCount++] = this;
            }
            ready.release();
        }

        /** Whatever was read, each sector is whole and in its place; but for one that was being written meanwhile. */
        private void lookAt() {
            MemorySegment whole = MemorySegment.ofArray(new byte[count * sectorBytes]);
            int done = 0;
            for (int i = 0; i < request.pieces(); i++) {
                MemorySegment.copy(memory, request.pieceOffset(i), whole, done, request.pieceLength(i));
                done += request.pieceLength(i);
            }
            for (int i = 0; i < count; i++) {
                long at = (long) i * sectorBytes;
                long seen = whole.get(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED, at);
                if (seen != 0 && seen != first + i) {
                    say("x sector " + (first + i) + " " + SectorPattern.describe(whole, at, sectorBytes));
                }
            }
        }
    }
}
