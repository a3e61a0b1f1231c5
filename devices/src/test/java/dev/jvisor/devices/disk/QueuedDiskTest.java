package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.HookedFile.Call;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What waits for what in a disk's queue, on a file that waits when the test wants it. */
@Timeout(60)
class QueuedDiskTest {
    private static final int SIZE = 1 << 20;
    private static final int THREADS = 4;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory = arena.allocate(SIZE, 4096);
    private final HookedFile file = new HookedFile(SIZE);
    private final VirtualDisk disk = disk();
    private final Semaphore done = new Semaphore(0);

    private VirtualDisk disk() {
        try {
            return new QueuedDisk(new RawImage(file, false), "test", THREADS);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void close() throws IOException {
        file.hook = (call, position, length) -> { };
        disk.close();
        arena.close();
    }

    private DiskRequest request() {
        return new DiskRequest(memory, 4, r -> done.release());
    }

    private DiskRequest transfer(Op op, long offset, int length) {
        DiskRequest r = request().begin(op, offset, length);
        assertTrue(r.add(offset, length));
        return r;
    }

    private DiskRequest submit(DiskRequest r) {
        disk.submit(r);
        return r;
    }

    private void await(int requests) throws InterruptedException {
        assertTrue(done.tryAcquire(requests, 30, TimeUnit.SECONDS), "no completion came");
    }

    private static void hold(Semaphore s) {
        s.acquireUninterruptibly();
    }

    @Test
    void flushesThatWaitBecomeOneAndNoneEndsBeforeAFlushThatBeganAfterIt() throws Exception {
        Semaphore go = new Semaphore(0);
        Semaphore begun = new Semaphore(0);
        AtomicInteger syncs = new AtomicInteger();
        file.hook = (call, position, length) -> {
            if (call == Call.SYNC) {
                syncs.incrementAndGet();
                begun.release();
                hold(go);
            }
        };
        DiskRequest first = submit(request().begin(Op.FLUSH, 0, 0));
        assertTrue(begun.tryAcquire(30, TimeUnit.SECONDS));
        DiskRequest[] later = new DiskRequest[20];
        for (int i = 0; i < later.length; i++) {
            later[i] = submit(i % 2 == 0 ? request().begin(Op.FLUSH, 0, 0) : transfer(Op.WRITE, i * 512L, 512).fua(true));
        }
        // What needs no flush goes on meanwhile.
        submit(transfer(Op.WRITE, 65536, 4096));
        submit(transfer(Op.READ, 65536, 4096));
        await(2);
        go.release();
        await(1);
        assertEquals(DiskStatus.OK, first.status());
        for (DiskRequest r : later) {
            assertEquals(DiskStatus.PENDING, r.status(), "it was submitted after the flush had begun");
        }
        assertTrue(begun.tryAcquire(30, TimeUnit.SECONDS));
        go.release(100);
        await(later.length);
        // The second flush takes all that were on the list when it began. The two plain requests may have been one worker's, so each of the
        // others but that of the first flush may have been held up before it put its request there, and that one needs another flush.
        assertTrue(syncs.get() <= 2 + (THREADS - 2), "syncs " + syncs.get());
    }

    @Test
    void aFlushThatFailsIsToldToAllWhoWaitedForIt() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        file.hook = (call, position, length) -> {
            if (call == Call.SYNC) {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                throw new IOException("no");
            }
        };
        DiskRequest[] all = new DiskRequest[8];
        for (int i = 0; i < all.length; i++) {
            all[i] = submit(i % 2 == 0 ? request().begin(Op.FLUSH, 0, 0) : transfer(Op.WRITE, i * 512L, 512).fua(true));
        }
        DiskRequest plain = submit(transfer(Op.WRITE, 65536, 4096));
        await(1);
        go.countDown();
        await(all.length);
        for (DiskRequest r : all) {
            assertEquals(DiskStatus.IO_ERROR, r.status());
        }
        assertEquals(DiskStatus.OK, plain.status());
    }

    @Test
    void readsThatWaitAreServedByAllThreadsAtOnce() throws Exception {
        CountDownLatch all = new CountDownLatch(THREADS);
        file.hook = (call, position, length) -> {
            if (call == Call.READ) {
                all.countDown();
                try {
                    assertTrue(all.await(30, TimeUnit.SECONDS), "the reads are not under way together");
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        };
        DiskRequest[] reads = new DiskRequest[THREADS];
        for (int i = 0; i < THREADS; i++) {
            reads[i] = submit(transfer(Op.READ, i * 4096L, 4096));
        }
        await(THREADS);
        for (DiskRequest r : reads) {
            assertEquals(DiskStatus.OK, r.status());
        }
    }

    @Test
    void aWriteThatTheHostHoldsUpDoesNotHoldUpTheRest() throws Exception {
        Semaphore go = new Semaphore(0);
        file.hook = (call, position, length) -> {
            if (call == Call.WRITE && position == 0) {
                hold(go);
            }
        };
        DiskRequest held = submit(transfer(Op.WRITE, 0, 4096));
        for (int i = 1; i <= 32; i++) {
            submit(switch (i % 4) {
                case 0 -> transfer(Op.READ, i * 4096L, 4096);
                case 1 -> request().begin(Op.UNMAP, i * 4096L, 4096);
                case 2 -> request().begin(Op.FLUSH, 0, 0);
                default -> transfer(Op.WRITE, i * 4096L, 4096);
            });
        }
        await(32);
        assertEquals(DiskStatus.PENDING, held.status());
        go.release();
        await(1);
    }

    @Test
    void aReadAtHandIsDoneOnTheCallersThread() throws Exception {
        Thread me = Thread.currentThread();
        file.hook = (call, position, length) -> assertTrue(call != Call.READ_NOW || Thread.currentThread() == me);
        memory.asSlice(0, 8192).fill((byte) 7);
        submit(transfer(Op.WRITE, 0, 8192));
        await(1);
        DiskRequest r = request().begin(Op.READ, 512, 4096);
        assertTrue(r.add(0x20000, 4000) && r.add(0x30000, 96));
        assertTrue(disk.readNow(r));
        assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 0x20000 + 3999));
        assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 0x30000 + 95));
        assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 0x30000 + 96));
        assertEquals(0, done.availablePermits(), "no completion");
        // The same request may go the other way, then or later.
        submit(r);
        await(1);
        assertEquals(DiskStatus.OK, r.status());
    }

    @Test
    void whatIsNotAtHandOrMakesNoSenseIsLeftToTheQueue() throws Exception {
        assertFalse(disk.readNow(transfer(Op.WRITE, 0, 512)), "not a read");
        assertFalse(disk.readNow(transfer(Op.READ, 0, SIZE)), "long");
        DiskRequest r = request().begin(Op.READ, SIZE, 512);
        r.add(0, 512);
        assertFalse(disk.readNow(r), "beyond the end");
        assertFalse(disk.readNow(request().begin(Op.READ, 0, 512)), "no memory");
        file.hook = (call, position, length) -> {
            throw new IOException("broken");
        };
        assertFalse(disk.readNow(transfer(Op.READ, 0, 512)), "an error is told by the queue");
        file.hook = (call, position, length) -> { };
        disk.close();
        assertFalse(disk.readNow(transfer(Op.READ, 0, 512)), "closed");
        assertThrows(IllegalStateException.class, () -> disk.submit(transfer(Op.READ, 0, 512)));
    }

    @Test
    void noReadOvertakesAnOrderedRequest() throws Exception {
        Semaphore go = new Semaphore(0);
        file.hook = (call, position, length) -> {
            if (call == Call.WRITE) {
                hold(go);
            }
        };
        submit(transfer(Op.WRITE, 0, 512));
        submit(transfer(Op.WRITE, 512, 512).ordered(true));
        assertFalse(disk.readNow(transfer(Op.READ, 512, 512)));
        DiskRequest read = submit(transfer(Op.READ, 512, 512));
        go.release();
        await(1);
        assertEquals(DiskStatus.PENDING, read.status());
        go.release();
        await(2);
        assertTrue(disk.readNow(transfer(Op.READ, 512, 512)));
    }

    @Test
    void closingWaitsForAReadOnAnotherThread() throws Exception {
        Semaphore inRead = new Semaphore(0);
        Semaphore go = new Semaphore(0);
        file.hook = (call, position, length) -> {
            if (call == Call.READ_NOW) {
                inRead.release();
                hold(go);
            }
        };
        DiskRequest r = transfer(Op.READ, 0, 512);
        Thread reader = Thread.ofPlatform().start(() -> assertTrue(disk.readNow(r)));
        assertTrue(inRead.tryAcquire(30, TimeUnit.SECONDS));
        AtomicInteger closed = new AtomicInteger();
        Thread closer = Thread.ofPlatform().start(() -> {
            try {
                disk.close();
                closed.set(1);
            } catch (IOException e) {
                closed.set(-1);
            }
        });
        closer.join(200);
        assertEquals(0, closed.get());
        go.release();
        closer.join();
        reader.join();
        assertEquals(1, closed.get());
    }

    @Test
    void closingFinishesAllThatIsQueued() throws Exception {
        AtomicInteger writes = new AtomicInteger();
        file.hook = (call, position, length) -> {
            if (call == Call.WRITE) {
                writes.incrementAndGet();
            }
        };
        for (int i = 0; i < 200; i++) {
            submit(transfer(Op.WRITE, i * 512L, 512).fua(i % 3 == 0).ordered(i % 7 == 0));
        }
        disk.close();
        assertEquals(200, writes.get());
        assertEquals(200, done.availablePermits());
    }
}
