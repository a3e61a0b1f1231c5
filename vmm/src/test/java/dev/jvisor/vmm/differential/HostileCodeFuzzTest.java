package dev.jvisor.vmm.differential;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.SystemClock;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Garbage as code, in every mode, on one processor or two, with garbage for page and descriptor tables now and then: whatever a guest
 * executes, the engine answers as an engine, never fails itself, comes back when it is kicked, and keeps nothing when it is done.
 *
 * <p>Longer on demand: {@code ci/long-fuzz-code}, or {@code -Djvisor.fuzz.seconds=N -Djvisor.seed=N}.
 */
class HostileCodeFuzzTest {
    private static final long SIZE = 0x100000;
    private static final int INSTRUCTIONS = 20_000;
    /** More than one of these takes, with what prepares its operands. */
    private static final int MOST_CODE = 256;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final long KICK_NS = 8_000_000L;
    /** A VP that has not come back by then, having been kicked all the time, never will; a busy host may take seconds. */
    private static final long HANG_MS = 120_000;
    /** Bytes of heap that all guests together may leave behind: what the engine's classes and the test itself keep. */
    private static final long KEPT = 64 << 20;

    @Test
    void noCodeMakesTheEngineFail() throws InterruptedException {
        long seed = Long.getLong("jvisor.seed", System.nanoTime());
        long seconds = Long.getLong("jvisor.fuzz.seconds", 8L);
        System.out.println("HostileCodeFuzzTest seed=" + seed + " seconds=" + seconds);
        SplittableRandom random = new SplittableRandom(seed);
        SequenceGenerator generator = new SequenceGenerator(SoftwareBackend.opcodes(), seed);
        // Made once: it takes longer than to run them.
        byte[][] instructions = new byte[INSTRUCTIONS][];
        Arrays.setAll(instructions, k -> generator.next(1).code());
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        int runs = 0;
        long kept = heap();
        int[] exits = new int[VpExit.values().length];
        while (System.nanoTime() < end) {
            long state = random.nextLong();
            exits[run(new SplittableRandom(state), instructions, state).ordinal()]++;
            runs++;
        }
        System.out.println("HostileCodeFuzzTest: " + runs + " guests, exits " + Arrays.toString(VpExit.values()) + " " + Arrays.toString(exits));
        assertNotEquals(0, runs);
        long more = heap() - kept;
        assertTrue(more < KEPT, () -> more + " bytes of heap more than before");
    }

    private static long heap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static VpExit run(SplittableRandom r, byte[][] instructions, long id) throws InterruptedException {
        try (MappedMemory memory = MappedMemory.anonymous("fuzz", SIZE); SoftwareBackend backend = new SoftwareBackend()) {
            GpaSpace gpa = new GpaSpace(memory.segment());
            gpa.mapRam(0, SIZE);
            fill(gpa.host(), r, instructions);
            int processors = 1 + r.nextInt(4) / 3;
            try (BackendPartition partition = backend.createPartition(gpa,
                    new BackendConfig(processors, BackendConfig.Irqchip.USER, null, new SystemClock()))) {
                List<Runner> runners = new ArrayList<>();
                for (int k = 0; k < processors; k++) {
                    BackendVp vp = partition.createVp(k, VpInterrupts.NONE);
                    vp.setState(state(r));
                    runners.add(new Runner(vp));
                }
                runners.forEach(Thread::start);
                for (Runner runner : runners) {
                    runner.finish(id);
                }
                return runners.getFirst().exit;
            }
        }
    }

    /** Runs a VP until it leaves guest code, for which it is kicked. */
    private static final class Runner extends Thread {
        private final BackendVp vp;
        private volatile VpExit exit;

        Runner(BackendVp vp) {
            this.vp = vp;
            setDaemon(true);
        }

        @Override
        public void run() {
            exit = vp.run(HANDLER);
        }

        /** Waits for the end. @throws AssertionError with {@code id} when there is none, or the engine has failed */
        void finish(long id) throws InterruptedException {
            long begun = System.nanoTime();
            while (!join(Duration.ofNanos(KICK_NS))) {
                vp.kick();
                assertTrue(System.nanoTime() - begun < HANG_MS * 1_000_000L, () -> "id=" + id + " hangs: " + Arrays.toString(getStackTrace()));
            }
            assertNotEquals(VpExit.INTERNAL_ERROR, exit, () -> "id=" + id + "\n" + vp.explain());
            VpState after = new VpState();
            vp.getState(after);
            assertEquals(2, after.rflags & 2, "RFLAGS bit 1");
            assertFalse(vp.explain().isEmpty());
            vp.close();
        }
    }

    private static void fill(MemorySegment m, SplittableRandom r, byte[][] instructions) {
        byte[] page = new byte[4096];
        for (long at = 0; at < SIZE; at += 4096) {
            switch (r.nextInt(4)) {
                case 0 -> r.nextBytes(page);
                case 1 -> Arrays.fill(page, (byte) r.nextInt());
                default -> {
                    int n = 0;
                    while (n < page.length - MOST_CODE) {
                        byte[] code = instructions[r.nextInt(instructions.length)];
                        System.arraycopy(code, 0, page, n, code.length);
                        if (r.nextInt(8) == 0) {
                            page[n + r.nextInt(code.length)] ^= (byte) (1 << r.nextInt(8));
                        }
                        n += code.length;
                    }
                }
            }
            MemorySegment.copy(MemorySegment.ofArray(page), 0, m, at, 4096);
        }
        if (r.nextInt(4) != 0) {
            // Identity map by 2 MiB pages, with a few entries spoilt.
            m.set(LONG, 0x1000, 0x2007);
            m.set(LONG, 0x2000, 0x3007);
            m.set(LONG, 0x3000, 0x87);
            if (r.nextInt(4) == 0) {
                m.set(LONG, 0x1000 + r.nextInt(512) * 8L, r.nextLong() & 0xFFFFF | 7);
                m.set(LONG, 0x3000 + r.nextInt(512) * 8L, r.nextLong());
            }
        }
        if (r.nextInt(3) != 0) {
            for (int v = 0; v < 256; v++) {
                long at = 0x10000 + r.nextInt(0x8000);
                m.set(LONG, 0x8000 + v * 16L, at & 0xFFFF | 0x10L << 16 | (0x8E00L | r.nextInt(4) << 13) << 32);
                m.set(LONG, 0x8008 + v * 16L, 0);
            }
            m.set(LONG, 0x9010, 0x00AF9B000000FFFFL);
            m.set(LONG, 0x9018, 0x00CF93000000FFFFL);
            if (r.nextInt(3) == 0) {
                // Gates of every kind, and descriptors of every type, near the truth.
                for (int k = 0; k < 64; k++) {
                    m.set(LONG, 0x8004 + r.nextInt(256) * 16L, (r.nextInt(0x10000) | 0x8000L) & ~0x1000L);
                    m.set(LONG, 0x9020 + k * 8L, 0x0000_8000_0000_FFFFL | (long) r.nextInt(256) << 40 | (long) r.nextInt(16) << 52
                            | r.nextInt(0x100000) << 16);
                }
            }
        }
    }

    private static VpState state(SplittableRandom r) {
        VpState s = r.nextInt(3) == 0 ? new VpState() : UserSpace.state();
        if ((s.cr0 & 1) == 0) {
            s.seg[VpState.CS] = new SegmentState(0x1000, 0x10000, 0xFFFF, 0x9B);
            s.rip = r.nextInt(0x10000);
        } else {
            s.gdtLimit = 0xFFFF;
            if (r.nextBoolean()) {
                s.seg[VpState.CS] = new SegmentState(0x10, 0, -1, r.nextBoolean() ? 0xA09B : 0xC09B);
                s.seg[VpState.SS] = new SegmentState(0x18, 0, -1, 0xC093);
            }
            if (r.nextInt(4) == 0) {
                s.efer = 0;
                s.cr0 = r.nextBoolean() ? 0x11 : 0x80000011L;
                s.cr4 = r.nextBoolean() ? 0x600 : 0x620;
                s.seg[VpState.CS] = new SegmentState(0x10, 0, -1, r.nextBoolean() ? 0xC09B : 0x809B);
            }
            s.rip = r.nextInt(8) == 0 ? 0x10FF0 + r.nextInt(16) + (r.nextInt(15) << 12) : 0x10000 + r.nextInt(0x10000);
            s.tr = new SegmentState(0x40, 0xA000, r.nextInt(3) == 0 ? r.nextInt(0x10000) : 0x2067, s.efer != 0 || r.nextBoolean() ? 0x8B : 0x83);
            if (s.efer == 0) {
                more32(s, r);
            }
        }
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = r.nextInt(3) == 0 ? r.nextLong() : 0x20000 + r.nextInt(0x40000);
        }
        s.rflags = 2 | r.nextInt() & 0x3F7FD5;
        boolean virtual8086 = s.seg[VpState.CS].attributes() == 0xF3;
        s.rflags = virtual8086 ? s.rflags | 0x20000L : s.rflags & ~0x20000L;
        for (int i = 0; i < 8; i++) {
            s.x87Mantissa[i] = r.nextLong();
            s.x87Exponent[i] = r.nextInt(0x10000);
        }
        s.fcw = r.nextInt(0x10000) & 0x1F3F | 0x40;
        s.mxcsr = r.nextInt(0x10000);
        return s;
    }

    /** Protected mode as it is less often seen: PAE paging, CPL 3, virtual-8086. */
    private static void more32(VpState s, SplittableRandom r) {
        if (r.nextInt(3) == 0) {
            s.cr4 |= 0x20;
            s.cr3 = r.nextInt(0x80) * 0x20L;
        }
        switch (r.nextInt(3)) {
            case 0 -> {
                s.seg[VpState.CS] = new SegmentState(0x13, 0, -1, r.nextBoolean() ? 0xC0FB : 0x80FB);
                s.seg[VpState.SS] = new SegmentState(0x1B, 0, -1, 0xC0F3);
            }
            case 1 -> {
                for (int k = 0; k < 6; k++) {
                    s.seg[k] = new SegmentState(0x1000, 0x10000, 0xFFFF, 0xF3);
                }
                s.rip = r.nextInt(0x10000);
            }
            default -> { }
        }
    }

    private static final InterceptHandler HANDLER = new InterceptHandler() {
        @Override
        public int portRead(int vp, int port, int size) {
            return port * 0x01010101;
        }

        @Override
        public long mmioRead(int vp, long gpa, int size) {
            return gpa;
        }
    };
}
