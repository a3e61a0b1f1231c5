package dev.jvisor.tools.bench;

import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import dev.jvisor.nativebindings.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * The host's own rate for a workload: threads that call {@code pread}, {@code pwrite} and {@code fdatasync} on a raw file. One for each
 * transfer at once, but no more than processors: more would only take turns.
 */
final class HostDisk {
    private final DiskWorkload w;
    private final FileIo file;
    private final AtomicInteger next = new AtomicInteger();
    private final LongAdder done = new LongAdder();
    private volatile boolean stop;

    private HostDisk(DiskWorkload w, FileIo file) {
        this.w = w;
        this.file = file;
    }

    /** {@return transfers a second} */
    static double rate(DiskWorkload w, Path raw, double warmUp, double seconds) throws InterruptedException {
        try (FileIo file = FileIo.open(raw.toString(), true)) {
            return new HostDisk(w, file).measure(warmUp, seconds);
        }
    }

    private double measure(double warmUp, double seconds) throws InterruptedException {
        int threads = Math.min(w.depth(), Runtime.getRuntime().availableProcessors());
        CountDownLatch started = new CountDownLatch(threads);
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int seed = i;
            all.add(Thread.ofPlatform().name("host-disk-" + i).start(() -> work(seed, threads, started)));
        }
        started.await();
        Thread.sleep((long) (warmUp * 1e3));
        long count = done.sum();
        long ns = System.nanoTime();
        Thread.sleep((long) (seconds * 1e3));
        count = done.sum() - count;
        ns = System.nanoTime() - ns;
        stop = true;
        for (Thread t : all) {
            t.join();
        }
        return count / (ns / 1e9);
    }

    private void work(int seed, int threads, CountDownLatch started) {
        SplittableRandom random = new SplittableRandom(seed);
        try (Arena arena = Arena.ofConfined()) {
            // As many buffers as there are transfers at once: one alone would stay in the processor's cache.
            int buffers = Math.max(1, w.depth() / threads);
            MemorySegment buffer = arena.allocate((long) w.blockBytes() * buffers, 4096).fill((byte) seed);
            started.countDown();
            for (int n = 1; !stop; n++) {
                if (w.flushEvery() > 0 && n % w.flushEvery() == 0) {
                    file.sync();
                    continue;
                }
                long block = w.random() ? random.nextInt(w.blocks()) : Integer.remainderUnsigned(next.getAndIncrement(), w.blocks());
                long at = n % buffers * (long) w.blockBytes();
                if (w.operation() == Operation.READ) {
                    file.read(buffer, at, w.blockBytes(), block * w.blockBytes());
                } else {
                    file.write(buffer, at, w.blockBytes(), block * w.blockBytes());
                }
                done.increment();
            }
        }
    }
}
