package dev.jvisor.ci.bench;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.nativebindings.FileIo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does a virtual disk's queue cost? 4 KiB at random places of a raw image that is in the host's page cache, with 1 and with 32 requests
 * on their way, beside the same calls in a plain loop of one thread. The submitter sleeps until a quarter of its requests have come back,
 * as a guest does that is interrupted now and then, and sends them off together. {@code cpuNs} over {@code requests} is what a request costs
 * the host in processor time, on all threads; it is the steadier number on a busy host. Run it with {@code -prof gc}: nothing is allocated.
 *
 * <p>{@code -p work=DURABLE_WRITE} shows what sharing flushes is worth; it is left out by default since it takes the disk's time.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class DiskQueueBenchmark {
    private static final int ROUND = 1024;
    private static final int BLOCK = 4096;
    private static final long BYTES = 64L << 20;

    /** What is done at each place. */
    public enum Work {
        /** A read. */
        READ,
        /** A write that may stay in the page cache. */
        WRITE,
        /** A write that is durable when it is done: only as good as the host's disk, and as how many share a flush. */
        DURABLE_WRITE
    }

    /** A file in the page cache, and an endless row of places in it. */
    @State(Scope.Thread)
    public static class CachedFile {
        /** What is done at each place. */
        @Param({"READ", "WRITE"})
        public Work work;

        final SplittableRandom random = new SplittableRandom(7);
        Path path;
        Arena arena;
        MemorySegment memory;

        /** Writes all of it once. */
        @Setup(Level.Trial)
        public void fill() throws IOException {
            arena = Arena.ofShared();
            memory = arena.allocate(64 * BLOCK, BLOCK);
            path = Files.createTempDirectory("jvisor-bench").resolve("disk.img");
            try (FileIo file = FileIo.create(path.toString())) {
                for (long at = 0; at < BYTES; at += memory.byteSize()) {
                    file.write(memory, 0, memory.byteSize(), at);
                }
            }
        }

        /** Deletes it. */
        @TearDown(Level.Trial)
        public void delete() throws IOException {
            Files.delete(path);
            Files.delete(path.getParent());
            arena.close();
        }

        long place() {
            return random.nextLong(BYTES / BLOCK) * BLOCK;
        }
    }

    /** The host's own calls. */
    @State(Scope.Thread)
    public static class Host {
        FileIo file;

        /** Opens the file. */
        @Setup(Level.Trial)
        public void open(CachedFile cached) {
            file = FileIo.open(cached.path.toString(), true);
        }

        /** Closes it. */
        @TearDown(Level.Trial)
        public void close() {
            file.close();
        }
    }

    /** A virtual disk and its submitter's requests. */
    @State(Scope.Thread)
    public static class Queue {
        /** Requests on their way. */
        @Param({"1", "32"})
        public int depth;

        private int enough;
        private VirtualDisk disk;
        private DiskRequest[] requests;
        private final AtomicLong idle = new AtomicLong();
        private volatile Thread sleeper;

        /** Opens the disk. */
        @Setup(Level.Trial)
        public void open(CachedFile cached) throws IOException {
            disk = VirtualDisk.open(cached.path, DiskOptions.writable());
            requests = new DiskRequest[depth];
            enough = (depth + 3) / 4;
            for (int i = 0; i < depth; i++) {
                long bit = 1L << i;
                requests[i] = new DiskRequest(cached.memory, 1, r -> back(bit));
                idle.getAndAdd(bit);
            }
        }

        private void back(long bit) {
            long bits = idle.addAndGet(bit);
            Thread s = sleeper;
            if (s != null && Long.bitCount(bits) >= enough) {
                sleeper = null;
                LockSupport.unpark(s);
            }
        }

        /** {@return the requests that have come back, a bit each; sleeps until there are some} */
        long take() {
            while (Long.bitCount(idle.get()) < enough) {
                sleeper = Thread.currentThread();
                if (Long.bitCount(idle.get()) < enough) {
                    LockSupport.park(this);
                }
                sleeper = null;
            }
            return idle.getAndSet(0);
        }

        /** Closes the disk. */
        @TearDown(Level.Trial)
        public void close() throws IOException {
            disk.close();
        }
    }

    /** Processor time beside the wall's. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Processor {
        private static final com.sun.management.OperatingSystemMXBean SYSTEM =
                (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        /** Requests that were done. */
        public long requests;
        /** Nanoseconds of all threads together. */
        public long cpuNs;
        private long began;

        /** Begins to count. */
        @Setup(Level.Iteration)
        public void begin() {
            began = SYSTEM.getProcessCpuTime();
        }

        /** Ends. */
        @TearDown(Level.Iteration)
        public void end() {
            cpuNs = SYSTEM.getProcessCpuTime() - began;
        }
    }

    /** The baseline: one thread, one call after the other. */
    @Benchmark
    @OperationsPerInvocation(ROUND)
    public void host(CachedFile cached, Host host, Processor processor) {
        for (int i = 0; i < ROUND; i++) {
            if (cached.work == Work.READ) {
                host.file.read(cached.memory, 0, BLOCK, cached.place());
            } else {
                host.file.write(cached.memory, 0, BLOCK, cached.place());
            }
            if (cached.work == Work.DURABLE_WRITE) {
                host.file.sync();
            }
        }
        processor.requests += ROUND;
    }

    /** Through the queue. */
    @Benchmark
    @OperationsPerInvocation(ROUND)
    public void queued(CachedFile cached, Queue queue, Processor processor) {
        int left = ROUND;
        while (left > 0) {
            for (long bits = queue.take(); bits != 0; bits &= bits - 1) {
                int i = Long.numberOfTrailingZeros(bits);
                DiskRequest r = queue.requests[i].begin(cached.work == Work.READ ? Op.READ : Op.WRITE, cached.place(), BLOCK);
                r.fua(cached.work == Work.DURABLE_WRITE).add((long) i * BLOCK, BLOCK);
                // As the storage VSP does.
                if (r.op() == Op.READ && queue.disk.readNow(r)) {
                    queue.back(1L << i);
                } else {
                    queue.disk.submit(r);
                }
                left--;
            }
        }
        processor.requests += ROUND;
    }
}
