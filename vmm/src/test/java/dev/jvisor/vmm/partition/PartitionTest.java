package dev.jvisor.vmm.partition;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.VirtualClock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PartitionTest {
    private static final PartitionConfig CONFIG = PartitionConfig.of("test", 2 << 20);

    private static StopReason run(PartitionConfig config, FakeBackend.Guest guest) throws Exception {
        try (Partition p = Partition.create(new FakeBackend(guest), config, new VirtualClock())) {
            p.start();
            return p.awaitStop(Duration.ofSeconds(30));
        }
    }

    @Test
    void aDeviceCanStopThePartitionFromInsideAnIntercept() throws Exception {
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> {
            h.portWrite(0, 0xF4, 1, 0x21);
            return VpExit.KICKED;
        }), CONFIG, new VirtualClock())) {
            p.ports().register(0xF4, 1, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return 0;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    p.requestStop(StopReason.debugExit(value));
                }
            });
            assertEquals(PartitionState.OFF, p.state());
            p.start();
            assertEquals(StopReason.debugExit(0x21), p.awaitStop(Duration.ofSeconds(30)));
            assertEquals(PartitionState.STOPPED, p.state());
            assertEquals(1, p.counters().portWrites);
        }
    }

    @Test
    void tripleFaultAndBackendFailureAreSaidAsSuch() throws Exception {
        StopReason fault = run(CONFIG, (vp, h) -> VpExit.SHUTDOWN);
        assertEquals(StopReason.Kind.TRIPLE_FAULT, fault.kind());
        assertTrue(fault.text().contains("dummy vp-0"), fault.text());
        assertEquals(StopReason.Kind.INTERNAL_ERROR, run(CONFIG, (vp, h) -> VpExit.INTERNAL_ERROR).kind());
        StopReason thrown = run(CONFIG, (vp, h) -> {
            throw new IllegalStateException("a bug");
        });
        assertTrue(thrown.kind() == StopReason.Kind.INTERNAL_ERROR && thrown.text().contains("a bug"));
    }

    @Test
    void haltingWithInterruptsOffEndsIt() throws Exception {
        assertEquals(StopReason.HALTED_FOREVER, run(CONFIG.withProcessors(2), (vp, h) -> {
            vp.state.activity = VpState.Activity.HALTED;
            return VpExit.HALT;
        }));
    }

    @Test
    void aSleepingPartitionWakesWithItsMemoryAtTheVectorInRealMode() throws Exception {
        AtomicInteger resets = new AtomicInteger();
        AtomicInteger restarts = new AtomicInteger();
        AtomicReference<VpState> woken = new AtomicReference<>();
        FakeBackend backend = new FakeBackend((vp, h) -> {
            if (vp.state.rip != 4) {
                h.portWrite(0, 0x604, 2, 1);
                return VpExit.KICKED;
            }
            woken.set(vp.state);
            return VpExit.SHUTDOWN;
        });
        try (Partition p = Partition.create(backend, CONFIG, new VirtualClock())) {
            p.onReset(() -> resets.addAndGet(p.waking() ? 1 : 100));
            p.onRestart(restarts::incrementAndGet);
            p.ports().register(0x604, 2, 2, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return 0;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    p.sleep();
                }
            });
            p.gpa().write(0x1000, new byte[] {42});
            p.wake(0x1234);
            p.start();
            p.awaitPaused();
            p.resume();
            assertEquals(PartitionState.PAUSED, p.state(), "only waking ends sleep");
            p.wake(0x12344);
            assertEquals(StopReason.Kind.TRIPLE_FAULT, p.awaitStop(Duration.ofSeconds(30)).kind());
            assertEquals(0x12340, woken.get().seg[VpState.CS].base());
            assertEquals(0, woken.get().cr0 & 1);
            assertEquals(42, p.gpa().read8(0x1000));
            assertEquals(1, resets.get());
            assertEquals(0, restarts.get());
        }
    }

    @Test
    void localApicRegistersMoveWithTheirBase() {
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> VpExit.HALT), CONFIG.withProcessors(2), new VirtualClock())) {
            GpaSpace gpa = p.gpa();
            MsrDevice base = p.msrs().find(0x1B);
            long version = gpa.find(0xFEE00030L).device().mmioRead(1, 0x30, 4);
            assertTrue(base.msrWrite(1, 0x1B, 0xFED40800L));
            assertEquals(version, gpa.find(0xFED40030L).device().mmioRead(1, 0x30, 4));
            assertEquals(-1, gpa.find(0xFED40030L).device().mmioRead(0, 0x30, 4), "VP 0 has its own elsewhere");
            assertEquals(-1, gpa.find(0xFEE00030L).device().mmioRead(1, 0x30, 4), "and left where they were");
            assertEquals(version, gpa.find(0xFEE00030L).device().mmioRead(0, 0x30, 4));
            assertTrue(base.msrWrite(0, 0x1B, 0xFED40900L));
            assertNull(gpa.find(0xFEE00030L), "nobody has them here any more");
            assertTrue(base.msrWrite(1, 0x1B, 0x100800L));
            assertEquals(GpaRegion.Kind.RAM, gpa.find(0x100030L).kind(), "RAM stays");
            p.interrupts().reset();
            assertNull(gpa.find(0xFED40030L));
            assertEquals(version, gpa.find(0xFEE00030L).device().mmioRead(1, 0x30, 4));
        }
    }

    @Test
    void aHaltedProcessorSleepsUntilItsInterrupt() throws Exception {
        CountDownLatch halted = new CountDownLatch(1);
        FakeBackend backend = new FakeBackend((vp, h) -> {
            if (vp.interrupts.pendingVector() >= 0) {
                h.portWrite(0, 1, 1, vp.interrupts.acknowledge());
                return VpExit.SHUTDOWN;
            }
            vp.state.rflags = 0x202;
            vp.state.activity = VpState.Activity.HALTED;
            halted.countDown();
            return VpExit.HALT;
        });
        try (Partition p = Partition.create(backend, CONFIG, new VirtualClock())) {
            p.start();
            p.softwareInterrupts().localApic(0).mmioWrite(0xF0, 4, 0x1FF);
            assertTrue(halted.await(30, TimeUnit.SECONDS));
            assertNull(p.awaitStop(Duration.ofMillis(150)));
            assertEquals(1, backend.vps.get(0).runs, "no busy loop");
            p.interrupts().signalMsi(0xFEE00000L, 0x44);
            assertEquals(StopReason.Kind.TRIPLE_FAULT, p.awaitStop(Duration.ofSeconds(30)).kind());
        }
    }

    @Test
    void anApplicationProcessorStartsWhereItsStartupIpiSays() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        FakeBackend backend = new FakeBackend((vp, h) -> {
            if (vp.index() == 0 && vp.runs == 1) {
                h.mmioWrite(0, 0xFEE000F0L, 4, 0x1FF);
                h.mmioWrite(0, 0xFEE00310L, 4, 1 << 24);
                h.mmioWrite(0, 0xFEE00300L, 4, 0x4500);
                h.mmioWrite(0, 0xFEE00300L, 4, 0x4600 | 0x9A);
            }
            if (vp.index() == 1) {
                seen.add(Long.toHexString(vp.state.seg[VpState.CS].base() + vp.state.rip));
                h.portWrite(1, 0xF4, 1, 0);
            }
            vp.state.activity = VpState.Activity.HALTED;
            vp.state.rflags = 0x202;
            return VpExit.HALT;
        });
        try (Partition p = Partition.create(backend, CONFIG.withProcessors(2), new VirtualClock())) {
            p.ports().register(0xF4, 1, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return 0;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    p.requestStop(StopReason.POWER_OFF);
                }
            });
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(30)));
            assertEquals(List.of("9a000"), seen);
        }
    }

    @Test
    void pauseStandsStillAndResumeGoesOn() throws Exception {
        AtomicInteger spins = new AtomicInteger();
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> {
            spins.incrementAndGet();
            Thread.onSpinWait();
            return VpExit.KICKED;
        }), CONFIG.withProcessors(2), new VirtualClock())) {
            p.start();
            p.pause();
            assertEquals(PartitionState.PAUSED, p.state());
            int at = spins.get();
            assertNull(p.awaitStop(Duration.ofMillis(30)));
            assertEquals(at, spins.get());
            p.resume();
            while (spins.get() == at) {
                Thread.onSpinWait();
            }
            p.pause();
            p.requestStop(StopReason.KILLED);
            assertEquals(StopReason.KILLED, p.awaitStop(Duration.ofSeconds(30)));
            p.requestStop(StopReason.POWER_OFF);
            assertEquals(StopReason.KILLED, p.stopReason(), "the first reason stays");
        }
    }

    @Test
    void aBreakpointTellsTheListenerAndPausesEverybody() throws Exception {
        CountDownLatch stopped = new CountDownLatch(1);
        AtomicInteger after = new AtomicInteger();
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> {
            if (vp.index() == 0 && vp.runs == 1) {
                return VpExit.DEBUG;
            }
            after.incrementAndGet();
            return VpExit.SHUTDOWN;
        }), CONFIG, new VirtualClock())) {
            p.debugListener(vp -> stopped.countDown());
            p.start();
            assertTrue(stopped.await(30, TimeUnit.SECONDS));
            p.awaitPaused();
            assertEquals(PartitionState.PAUSED, p.state());
            assertEquals(0, after.get());
            p.resume();
            assertEquals(StopReason.Kind.TRIPLE_FAULT, p.awaitStop(Duration.ofSeconds(30)).kind());
        }
    }

    @Test
    void resetRestartsWhenAskedTo() throws Exception {
        AtomicInteger boots = new AtomicInteger();
        FakeBackend backend = new FakeBackend((vp, h) -> {
            if (vp.state.rip == 0x1234) {
                vp.state.rip = 0;
                h.portWrite(0, 0x64, 1, 0xFE);
                h.portWrite(0, 0x64, 1, 0);
            }
            return VpExit.KICKED;
        });
        try (Partition p = Partition.create(backend, CONFIG.withRestartOnReset(true), new VirtualClock())) {
            p.ports().register(0x64, 1, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return 0;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    p.requestStop(value == 0xFE && boots.incrementAndGet() == 3 ? StopReason.POWER_OFF : StopReason.RESET);
                }
            });
            VpState boot = new VpState();
            boot.rip = 0x1234;
            p.setBootState(boot);
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(30)));
            assertEquals(3, boots.get());
        }
    }

    @Test
    void unknownMmioAndMsrsAreAnsweredAndCountedAndTraced() throws Exception {
        List<String> trace = new CopyOnWriteArrayList<>();
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> {
            assertEquals(0xFFFF, h.mmioRead(0, 0xE0000000L, 2));
            h.mmioWrite(0, 0xB8000, 2, 7);
            assertFalse(h.msrWrite(0, 0xC0010055, 1));
            h.portRead(0, 0x80, 1);
            h.remark(0, "odd", 0x1000);
            return VpExit.SHUTDOWN;
        }), CONFIG, new VirtualClock())) {
            p.trace(new InterceptTrace() {
                @Override
                public void mmio(int vp, boolean write, long gpa, int size, long value, boolean known) {
                    trace.add((write ? "w " : "r ") + Long.toHexString(gpa) + " " + known);
                }

                @Override
                public void msr(int vp, boolean write, int index, long value, boolean ok) {
                    trace.add("msr " + Integer.toHexString(index) + " " + ok);
                }

                @Override
                public void remark(int vp, String what, long rip) {
                    trace.add(what);
                }
            });
            p.start();
            assertEquals(StopReason.Kind.TRIPLE_FAULT, p.awaitStop(Duration.ofSeconds(30)).kind());
            assertEquals(List.of("r e0000000 false", "w b8000 false", "msr c0010055 false", "odd"), trace);
            VpCounters c = p.counters();
            assertEquals(2, c.unknownMmio);
            assertEquals(1, c.unknownMsrs);
            assertEquals(1, c.unknownPorts);
        }
    }

    @Test
    void memoryLeavesTheVgaHoleAndGoesOnAboveFourGigabytes() {
        try (Partition p = Partition.create(new FakeBackend((vp, h) -> VpExit.HALT), CONFIG, new VirtualClock())) {
            assertNotNull(p.gpa().ram(0x9F000, 0x1000));
            assertNull(p.gpa().find(0xA0000));
            assertNotNull(p.gpa().ram(0xC0000, 0x40000));
            assertNotNull(p.gpa().ram(0x100000, 0x100000));
            assertNull(p.gpa().find(0x200000));
        }
        assertEquals(3L << 30, MemoryLayout.lowBytes(5L << 30));
        assertEquals(2L << 30, MemoryLayout.highBytes(5L << 30));
    }
}
