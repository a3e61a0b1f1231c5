package dev.jvisor.vmm.differential;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

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
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Garbage as code, in every mode, with garbage for page and descriptor tables now and then: whatever a guest executes, the engine answers
 * as an engine and never fails itself.
 *
 * <p>Longer on demand: {@code -Djvisor.fuzz.seconds=N -Djvisor.seed=N}.
 */
class HostileCodeFuzzTest {
    private static final long SIZE = 0x100000;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    @Test
    void noCodeMakesTheEngineFail() throws InterruptedException {
        long seed = Long.getLong("jvisor.seed", System.nanoTime());
        long seconds = Long.getLong("jvisor.fuzz.seconds", 8L);
        System.out.println("HostileCodeFuzzTest seed=" + seed + " seconds=" + seconds);
        SplittableRandom random = new SplittableRandom(seed);
        SequenceGenerator generator = new SequenceGenerator(SoftwareBackend.opcodes(), seed);
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        int runs = 0;
        int[] exits = new int[VpExit.values().length];
        while (System.nanoTime() < end) {
            long state = random.nextLong();
            exits[run(new SplittableRandom(state), generator, state).ordinal()]++;
            runs++;
        }
        System.out.println("HostileCodeFuzzTest: " + runs + " guests, exits " + Arrays.toString(VpExit.values()) + " " + Arrays.toString(exits));
        assertNotEquals(0, runs);
    }

    private static VpExit run(SplittableRandom r, SequenceGenerator generator, long id) throws InterruptedException {
        try (MappedMemory memory = MappedMemory.anonymous("fuzz", SIZE); SoftwareBackend backend = new SoftwareBackend()) {
            GpaSpace gpa = new GpaSpace(memory.segment());
            gpa.mapRam(0, SIZE);
            fill(gpa.host(), r, generator);
            try (BackendPartition partition = backend.createPartition(gpa,
                            new BackendConfig(1, BackendConfig.Irqchip.USER, null, new SystemClock()));
                    BackendVp vp = partition.createVp(0, VpInterrupts.NONE)) {
                vp.setState(state(r));
                Thread kicker = Thread.ofPlatform().daemon().start(() -> {
                    for (int k = 0; k < 2000 && !Thread.interrupted(); k++) {
                        LockSupport.parkNanos(8_000_000L);
                        vp.kick();
                    }
                });
                VpExit exit = vp.run(HANDLER);
                kicker.interrupt();
                kicker.join();
                assertNotEquals(VpExit.INTERNAL_ERROR, exit, () -> "id=" + id + "\n" + vp.explain());
                VpState after = new VpState();
                vp.getState(after);
                assertEquals(2, after.rflags & 2, "RFLAGS bit 1");
                return exit;
            }
        }
    }

    private static void fill(MemorySegment m, SplittableRandom r, SequenceGenerator generator) {
        byte[] page = new byte[4096];
        for (long at = 0; at < SIZE; at += 4096) {
            switch (r.nextInt(4)) {
                case 0 -> r.nextBytes(page);
                case 1 -> Arrays.fill(page, (byte) r.nextInt());
                default -> {
                    int n = 0;
                    while (n < 4000) {
                        byte[] code = generator.next(1).code();
                        if (r.nextInt(8) == 0) {
                            code[r.nextInt(code.length)] ^= (byte) (1 << r.nextInt(8));
                        }
                        System.arraycopy(code, 0, page, n, code.length);
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
        }
    }

    private static VpState state(SplittableRandom r) {
        VpState s = r.nextInt(3) == 0 ? new VpState() : UserMachine.userState();
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
            s.rip = 0x10000 + r.nextInt(0x10000);
        }
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = r.nextInt(3) == 0 ? r.nextLong() : 0x20000 + r.nextInt(0x40000);
        }
        s.rflags = 2 | r.nextInt() & 0x3F7FD5;
        s.rflags &= (s.efer & 0x400) != 0 ? ~0x20000L : -1L;
        for (int i = 0; i < 8; i++) {
            s.x87Mantissa[i] = r.nextLong();
            s.x87Exponent[i] = r.nextInt(0x10000);
        }
        s.fcw = r.nextInt(0x10000) & 0x1F3F | 0x40;
        s.mxcsr = r.nextInt(0x10000);
        return s;
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
