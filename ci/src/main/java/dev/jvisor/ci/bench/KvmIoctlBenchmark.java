package dev.jvisor.ci.bench;

import com.sun.jna.Library;
import com.sun.jna.Native;
import dev.jvisor.nativebindings.IoctlNumber;
import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.nativebindings.LibC;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does a cheap KVM ioctl ({@code KVM_GET_API_VERSION}) cost through FFM with errno captured, beside JNA, beside C? The C figure is
 * measured by a small program compiled with gcc during set-up and printed as a line of its own; without gcc it says so.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class KvmIoctlBenchmark {
    private static final long KVM_GET_API_VERSION = IoctlNumber.io(0xAE, 0);
    private static final Path GCC = Path.of("/usr/bin/gcc");
    private static final String C_PROGRAM = """
            #include <fcntl.h>
            #include <stdio.h>
            #include <sys/ioctl.h>
            #include <time.h>
            #include <linux/kvm.h>
            int main(void) {
                int fd = open("/dev/kvm", O_RDWR);
                long best = 0;
                for (int round = 0; round < 7; round++) {
                    struct timespec a, b;
                    clock_gettime(CLOCK_MONOTONIC, &a);
                    for (int i = 0; i < 500000; i++)
                        if (ioctl(fd, KVM_GET_API_VERSION, 0) != 12) return 1;
                    clock_gettime(CLOCK_MONOTONIC, &b);
                    long ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
                    if (round == 0 || ns < best) best = ns;
                }
                printf("%.1f", best / 500000.0);
                return 0;
            }
            """;

    /** JNA's interface mapping. */
    public interface CLibrary extends Library {
        /** ioctl(2). */
        int ioctl(int fd, long request, long argument);
    }

    /** JNA's direct mapping, its fast way. */
    public static final class DirectC {
        static {
            Native.register(DirectC.class, "c");
        }

        private DirectC() {
        }

        /** ioctl(2). */
        public static native int ioctl(int fd, long request, long argument);
    }

    private Kvm kvm;
    private int fd;
    private CLibrary jna;

    /** Opens KVM and measures C. */
    @Setup(Level.Trial)
    public void setUp() throws IOException, InterruptedException {
        kvm = Kvm.open();
        fd = kvm.fd();
        jna = Native.load("c", CLibrary.class);
        System.out.println("# C (gcc -O2, best of 7): " + measureC());
    }

    /** Closes KVM. */
    @TearDown(Level.Trial)
    public void tearDown() {
        kvm.close();
    }

    /** {@return the version, by FFM with errno captured: the way of the product} */
    @Benchmark
    public int ffm() {
        return LibC.ioctl(fd, KVM_GET_API_VERSION, 0L);
    }

    /** {@return the version, by JNA direct mapping} */
    @Benchmark
    public int jnaDirect() {
        return DirectC.ioctl(fd, KVM_GET_API_VERSION, 0L);
    }

    /** {@return the version, by JNA interface mapping} */
    @Benchmark
    public int jnaInterface() {
        return jna.ioctl(fd, KVM_GET_API_VERSION, 0L);
    }

    private static String measureC() throws IOException, InterruptedException {
        if (!Files.isExecutable(GCC)) {
            return "not measured, gcc is not installed";
        }
        Path dir = Files.createTempDirectory("kvm-ioctl");
        Path source = Files.writeString(dir.resolve("bench.c"), C_PROGRAM);
        Path program = dir.resolve("bench");
        try {
            String errors = run(GCC.toString(), "-O2", "-o", program.toString(), source.toString());
            return errors.isEmpty() ? run(program.toString()) + " ns/op" : "not measured: " + errors.lines().findFirst().orElse("");
        } finally {
            Files.deleteIfExists(program);
            Files.deleteIfExists(source);
            Files.deleteIfExists(dir);
        }
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes());
        process.waitFor();
        return out;
    }
}
