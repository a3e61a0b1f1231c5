package dev.jvisor.ci.bench;

import static dev.jvisor.guest.asm.Gpr.AL;
import static dev.jvisor.guest.asm.Gpr.RDI;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.baremetal.UserComputeGuest;
import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.loader.LoaderException;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.time.SystemClock;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a round of the compute loop and what a port intercept cost on the software CPU; the same loop written in Java is the baseline of
 * the same run. With {@code -prof gc} both must show 0 bytes an operation.
 */
@State(Scope.Thread)
@BenchmarkMode(org.openjdk.jmh.annotations.Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class SoftwareCpuBenchmark {
    private static final int ROUNDS = 100_000;
    private static final int DONE_PORT = 0x80;
    private static final int COUNT_PORT = 0x81;
    private static final long MEMORY = 16 << 20;
    private static final long LOAD = 0x100000;

    /** Ends a run at each write to {@link #DONE_PORT}. */
    private final class Handler implements InterceptHandler {
        @Override
        public void portWrite(int index, int port, int size, int value) {
            if (port == DONE_PORT) {
                vp.kick();
            }
        }
    }

    /** Which guest: the compute loop, or a loop of OUTs. */
    @Param({"compute", "out"})
    public String guest;

    private MappedMemory memory;
    private SoftwareBackend backend;
    private BackendPartition partition;
    private BackendVp vp;
    private final Handler handler = new Handler();

    /** Loads the guest. */
    @Setup
    public void load() throws LoaderException {
        memory = MappedMemory.anonymous("bench", MEMORY);
        GpaSpace gpa = new GpaSpace(memory.segment());
        MemoryLayout.mapRam(gpa, MEMORY);
        backend = new SoftwareBackend();
        partition = backend.createPartition(gpa, new BackendConfig(1, BackendConfig.Irqchip.BACKEND, null, new SystemClock()));
        vp = partition.createVp(0, VpInterrupts.NONE);
        vp.setState(new FlatLoader(guest.equals("compute") ? compute() : outs(), LOAD, FlatLoader.Mode.LONG64).load(gpa, BootOptions.of(MEMORY)));
    }

    private static byte[] compute() {
        Assembler a = new Assembler(LOAD, Mode.BITS64);
        Label again = a.label("again");
        Label loop = a.label("loop");
        a.bind(again);
        a.mov(RDI, ROUNDS);
        a.call(loop);
        a.out(DONE_PORT, AL);
        a.jmp(again);
        a.bind(loop);
        a.bytes(UserComputeGuest.loopCode());
        return a.assemble();
    }

    private static byte[] outs() {
        Assembler a = new Assembler(LOAD, Mode.BITS64);
        Label again = a.label("again");
        Label next = a.label("next");
        a.bind(again);
        a.mov(RDI, ROUNDS);
        a.bind(next);
        a.out(COUNT_PORT, AL);
        a.dec(RDI);
        a.j(Cond.NE, next);
        a.out(DONE_PORT, AL);
        a.jmp(again);
        return a.assemble();
    }

    /** Frees everything. */
    @TearDown
    public void close() {
        vp.close();
        partition.close();
        backend.close();
        memory.close();
    }

    /** One round of the guest's loop. {@return the exit, so that it is used} */
    @Benchmark
    @OperationsPerInvocation(ROUNDS)
    public Object guestRound() {
        return vp.run(handler);
    }

    /** One round of the compute loop in Java, whatever the guest. {@return the checksum} */
    @Benchmark
    @OperationsPerInvocation(ROUNDS)
    public long javaRound() {
        return UserComputeGuest.checksum(ROUNDS);
    }
}
