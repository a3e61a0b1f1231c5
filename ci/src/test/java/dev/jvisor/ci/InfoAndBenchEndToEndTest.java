package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The verbs that tell and measure: that they work and what form their results have, not how large the numbers are. */
@Tag("e2e")
class InfoAndBenchEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(180);

    @TempDir
    Path dir;

    @Test
    void infoNamesBackendsAndTheKindOfHost() throws Exception {
        Jvisor.Result r = Jvisor.run(LIMIT, null, "info");
        assertEquals(0, r.exit(), r::toString);
        for (String line : new String[] {"backend software", "backend kvm", "backend auto", "label"}) {
            assertTrue(r.out().lines().anyMatch(l -> l.startsWith(line)), r::toString);
        }
        assertTrue(r.out().contains(Jvisor.hasKvm() ? "kvm.supervisor" : "NO-KVM"), r::toString);
    }

    private void bench(String what, String backend, String... more) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        Path json = dir.resolve("out.json");
        String[] args = new String[more.length + 8];
        System.arraycopy(new String[] {"bench", what, "--backend", backend, "--runs", "1", "--json", json.toString()}, 0, args, 0, 8);
        System.arraycopy(more, 0, args, 8, more.length);
        Jvisor.Result r = Jvisor.run(LIMIT, null, args);
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains(backend), r::toString);
        String text = Files.readString(json);
        for (String field : new String[] {"benchmark", "host", "rows", "name", "value", "unit", "baseline", "baselineValue", "ratio"}) {
            assertTrue(text.contains("\"" + field + "\""), text);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void cpu(String backend) throws Exception {
        bench("cpu", backend, "--iterations", "100000");
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void disk(String backend) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        Path json = dir.resolve("out.json");
        Path plot = dir.resolve("out.svg");
        Jvisor.Result r = Jvisor.run(LIMIT, null, "bench", "disk", "--backend", backend, "--pattern", "randread,flushwrite", "--block", "4K",
                "--depth", "4", "--size", "8M", "--seconds", "0.1", "--format", "vhdx", "--directory", dir.toString(), "--json", json.toString(),
                "--plot", plot.toString());
        assertEquals(0, r.exit(), r::toString);
        for (String path : new String[] {"synthetic", "ide-dma", "ide-pio"}) {
            assertEquals(2, r.out().lines().filter(l -> l.startsWith(path + "  ")).count(), r::toString);
        }
        String text = Files.readString(json);
        for (String row : new String[] {"synthetic randread 4K qd4: IOPS", "ide-pio flushwrite 4K qd1: latency p99", "intercepts per operation",
            "interrupts per operation", "CPU per operation", "host file"}) {
            assertTrue(text.contains(row), text);
        }
        javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(plot.toFile());
        try (Stream<Path> left = Files.list(dir)) {
            assertEquals(2, left.count(), "the image is gone");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void exits(String backend) throws Exception {
        bench("exit", backend, "--count", "500");
    }

    @Test
    void imageListAlwaysAnswers() throws Exception {
        Jvisor.Result r = Jvisor.run(LIMIT, null, "image", "list");
        assertEquals(0, r.exit(), r::toString);
        Jvisor.Result other = Jvisor.run(LIMIT, null, "image", "build", "windows");
        assertEquals(2, other.exit(), other::toString);
        assertEquals(1, other.errors().size(), other::toString);
    }
}
