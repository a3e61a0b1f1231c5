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
import org.agrona.BufferUtil;
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
 * What does a message of 64 bytes cost, one way through a VMBus ring, beside Agrona's one-to-one ring buffer?
 *
 * <p>Both rings have 128 KiB and do the same work for a message: the sender copies 64 bytes in, the receiver copies 64 bytes out into memory
 * of its own and looks at the first eight. Agrona hands its receiver the bytes in place; ours must not, since the peer is hostile, so
 * Agrona's receiver copies too. Both receivers take up to 256 messages and then give their space back at once. Agrona's sender shows each
 * message by one store; ours by a store, a full fence and a look at the reader, since it has to know whether to signal. A VSP shows what
 * has piled up at once: that is the carrier with sixteen.
 *
 * <p>Run it with {@code -prof gc}: nothing is allocated. Whoever finds the ring full or empty yields, so that a busy host measures the rings
 * and not its scheduler.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED"})
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

    /** One end of a ring: the sender's or the receiver's, each on its own thread and its own cache lines. */
    private abstract static class End {
        // Two ends lie side by side in the heap; a line that both write would be what is measured.
        @SuppressWarnings("unused")
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
    }

    /** Where messages go in. */
    private abstract static class Sender extends End {
        abstract void send();
    }

    /** Where messages come out. */
    private abstract static class Receiver extends End {
        long sum;

        /** Takes up to {@link #ROUND} messages. {@return how many} */
        abstract int receive();
    }

    private static final class VmbusSender extends Sender {
        private final RingWriter writer;
        private final MemorySegment message;
        private final int batch;
        private int unpublished;
        private long signals;

        VmbusSender(GuestPages ring, MemorySegment message, int batch) {
            this.writer = new RingWriter(ring);
            this.message = message;
            this.batch = batch;
        }

        @Override
        void send() {
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
    }

    private static final class VmbusReceiver extends Receiver {
        private final RingReader reader;
        private final IncomingPacket packet = new IncomingPacket(4096);

        VmbusReceiver(GuestPages ring) {
            reader = new RingReader(ring);
            reader.mask();
        }

        @Override
        int receive() {
            int n = 0;
            while (n < ROUND && reader.read(packet) == RingReader.PACKET) {
                sum += packet.i64(0);
                n++;
            }
            reader.release();
            return n;
        }
    }

    private static final class AgronaSender extends Sender {
        private final OneToOneRingBuffer ring;
        private final UnsafeBuffer message;

        AgronaSender(OneToOneRingBuffer ring, UnsafeBuffer message) {
            this.ring = ring;
            this.message = message;
        }

        @Override
        void send() {
            while (!ring.write(1, message, 0, MESSAGE)) {
                Thread.yield();
            }
        }
    }

    private static final class AgronaReceiver extends Receiver {
        private final OneToOneRingBuffer ring;
        private final UnsafeBuffer copy = new UnsafeBuffer(BufferUtil.allocateDirectAligned(4096, 64));
        private final MessageHandler handler = (type, buffer, index, length) -> {
            copy.putBytes(0, buffer, index, length);
            sum += copy.getLong(0);
        };

        AgronaReceiver(OneToOneRingBuffer ring) {
            this.ring = ring;
        }

        @Override
        int receive() {
            return ring.read(handler, ROUND);
        }
    }

    /** Both ends of a ring. Has no set-up of its own: JMH would call an inherited one as well, in no certain order. */
    @State(Scope.Thread)
    public abstract static class BothEnds {
        /** What carries the messages. */
        @Param({"VMBUS", "VMBUS_BATCH_16", "VMBUS_SHUFFLED_BATCH_16", "AGRONA"})
        public Carrier carrier;

        Arena arena;
        Sender sender;
        Receiver receiver;

        final void makeRing() {
            arena = Arena.ofShared();
            if (carrier == Carrier.AGRONA) {
                ByteBuffer buffer = BufferUtil.allocateDirectAligned(DATA + RingBufferDescriptor.TRAILER_LENGTH, GpaSpace.PAGE_SIZE);
                OneToOneRingBuffer ring = new OneToOneRingBuffer(new UnsafeBuffer(buffer));
                UnsafeBuffer message = new UnsafeBuffer(BufferUtil.allocateDirectAligned(MESSAGE, 64));
                message.setMemory(0, MESSAGE, (byte) 7);
                sender = new AgronaSender(ring, message);
                receiver = new AgronaReceiver(ring);
            } else {
                GuestPages ring = ring(carrier == Carrier.VMBUS_SHUFFLED_BATCH_16);
                MemorySegment message = arena.allocate(MESSAGE, 64).fill((byte) 7);
                sender = new VmbusSender(ring, message, carrier == Carrier.VMBUS ? 1 : 16);
                receiver = new VmbusReceiver(ring);
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
                    if (receiver.receive() == 0) {
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
            if (receiver.sum == 0) {
                throw new IllegalStateException("nothing was received");
            }
        }
    }

    /** One message to another thread, waiting for space if there is none. */
    @Benchmark
    public void oneWay(ReadRings rings) {
        rings.sender.send();
    }

    /** One message written and read by the same thread, 256 at a time: what the code costs, without a second processor. {@return a sum} */
    @Benchmark
    @OperationsPerInvocation(ROUND)
    public long sendAndReceive(Rings rings) {
        for (int i = 0; i < ROUND; i++) {
            rings.sender.send();
        }
        // Agrona's stops at the end of its buffer.
        for (int got = 0; got < ROUND;) {
            got += rings.receiver.receive();
        }
        return rings.receiver.sum;
    }
}
