package dev.jvisor.ci.bench;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;
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
 * What does a message of 64 bytes cost, one way from thread to thread through a VMBus ring, beside Agrona's one-to-one ring buffer? Both
 * have 128 KiB. The VMBus ring copies each packet out (the peer is hostile) and obeys the signalling rules. Run it with
 * {@code -prof gc}: it allocates nothing. Whoever finds the ring full or empty yields, so that a busy host measures the rings and not its
 * scheduler.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED"})
public class RingBenchmark {
    private static final int MESSAGE = 64;
    private static final int DATA = 128 << 10;
    private static final int ROUND = 256;

    /** What carries the messages. */
    public enum Carrier {
        /** Ours, each packet published. */
        VMBUS,
        /** Ours, sixteen packets published at once, as a VSP completes what has piled up. */
        VMBUS_BATCH_16,
        /** Ours over pages in random order, sixteen packets published at once. */
        VMBUS_SHUFFLED_BATCH_16,
        /** Agrona's. */
        AGRONA
    }

    /** Both ends of a ring. Has no set-up of its own: JMH would call an inherited one as well, in no certain order. */
    @State(Scope.Thread)
    public abstract static class BothEnds {
        /** What carries the messages. */
        @Param({"VMBUS", "VMBUS_BATCH_16", "VMBUS_SHUFFLED_BATCH_16", "AGRONA"})
        public Carrier carrier;

        long sum;
        final IncomingPacket packet = new IncomingPacket(4096);
        final MessageHandler handler = (type, buffer, index, length) -> sum += buffer.getLong(index);
        Arena arena;
        MemorySegment message;
        RingWriter writer;
        RingReader reader;
        UnsafeBuffer source;
        OneToOneRingBuffer agrona;
        int batch;
        int unpublished;
        long signals;

        final void makeRing() {
            arena = Arena.ofShared();
            message = arena.allocate(MESSAGE, 8).fill((byte) 7);
            if (carrier == Carrier.AGRONA) {
                source = new UnsafeBuffer(ByteBuffer.allocateDirect(MESSAGE));
                agrona = new OneToOneRingBuffer(new UnsafeBuffer(ByteBuffer.allocateDirect(DATA + RingBufferDescriptor.TRAILER_LENGTH)));
            } else {
                batch = carrier == Carrier.VMBUS ? 1 : 16;
                GuestPages ring = ring(carrier == Carrier.VMBUS_SHUFFLED_BATCH_16);
                writer = new RingWriter(ring);
                reader = new RingReader(ring);
                reader.mask();
            }
        }

        private GuestPages ring(boolean shuffled) {
            int pages = (DATA + RingLayout.HEADER_SIZE) / GpaSpace.PAGE_SIZE;
            GpaSpace gpa = new GpaSpace(arena.allocate((long) pages * GpaSpace.PAGE_SIZE, GpaSpace.PAGE_SIZE));
            gpa.mapRam(0, (long) pages * GpaSpace.PAGE_SIZE);
            long[] pfns = new long[pages];
            RandomGenerator random = RandomGenerator.of("L64X128MixRandom");
            for (int i = 0; i < pages; i++) {
                int j = shuffled ? random.nextInt(i + 1) : i;
                pfns[i] = pfns[j];
                pfns[j] = i;
            }
            return GuestPages.of(gpa, pfns, pages);
        }

        void send() {
            if (carrier == Carrier.AGRONA) {
                while (!agrona.write(1, source, 0, MESSAGE)) {
                    Thread.yield();
                }
                return;
            }
            while (writer.write(PacketLayout.TYPE_INBAND, 0, unpublished, message, 0, MESSAGE) != RingWriter.WRITTEN) {
                publish();
                Thread.yield();
            }
            if (++unpublished >= batch) {
                publish();
            }
        }

        private void publish() {
            unpublished = 0;
            if (writer.publish()) {
                signals++;
            }
        }

        int receive() {
            if (carrier == Carrier.AGRONA) {
                return agrona.read(handler, ROUND);
            }
            int n = 0;
            while (n < ROUND && reader.read(packet) == RingReader.PACKET) {
                sum += packet.i64(0);
                n++;
            }
            reader.release();
            return n;
        }
    }

    /** A ring that the sender itself reads from. */
    @State(Scope.Thread)
    public static class Rings extends BothEnds {
        /** Makes the ring. */
        @Setup(Level.Trial)
        public void setUp() {
            makeRing();
        }

        /** Frees it. */
        @TearDown(Level.Trial)
        public void tearDown() {
            arena.close();
        }
    }

    /** A ring that another thread reads from. */
    @State(Scope.Thread)
    public static class ReadRings extends BothEnds {
        private volatile boolean stopping;
        private Thread thread;

        /** Makes the ring, then starts the reader. */
        @Setup(Level.Trial)
        public void startReader() {
            makeRing();
            stopping = false;
            thread = Thread.ofPlatform().daemon().name("reader").start(() -> {
                while (!stopping) {
                    if (receive() == 0) {
                        Thread.yield();
                    }
                }
            });
        }

        /** Stops it. */
        @TearDown(Level.Trial)
        public void stopReader() throws InterruptedException {
            stopping = true;
            thread.join();
            arena.close();
            if (sum == 0 && carrier != Carrier.AGRONA) {
                throw new IllegalStateException("nothing was received");
            }
        }
    }

    /** One message to another thread, waiting for space if there is none. */
    @Benchmark
    public void oneWay(ReadRings rings) {
        rings.send();
    }

    /** One message written and read by the same thread, 256 at a time: what the code costs, without a second processor. {@return a sum} */
    @Benchmark
    @OperationsPerInvocation(ROUND)
    public long sendAndReceive(Rings rings) {
        for (int i = 0; i < ROUND; i++) {
            rings.send();
        }
        // Agrona's stops at the end of its buffer.
        for (int got = 0; got < ROUND;) {
            got += rings.receive();
        }
        return rings.sum;
    }
}
