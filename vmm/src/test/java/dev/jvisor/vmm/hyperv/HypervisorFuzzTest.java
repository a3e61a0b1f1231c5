package dev.jvisor.vmm.hyperv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.hostility.HostileRun;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.MmioDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A hostile guest against the hypervisor interface: hypercalls of random numbers, overlay pages anywhere, message slots written over while
 * messages come. Nothing throws, each call ends with a status of the TLFS, nothing but RAM is read or written, queues stay bounded, and
 * after a reset the interface works. Seeds and longer runs: {@link HostileRun}.
 */
@Timeout(300)
class HypervisorFuzzTest {
    private static final int QUEUE = 8;
    private static final long ROM = 0xFFF0_0000L, MMIO = 0xD000_0000L;
    private static final int ROM_BYTES = 0x10000;
    private static final Set<Integer> STATUSES = Set.of(HvStatus.SUCCESS, HvStatus.INVALID_HYPERCALL_CODE, HvStatus.INVALID_HYPERCALL_INPUT,
            HvStatus.INVALID_ALIGNMENT, HvStatus.INVALID_PARAMETER, HvStatus.ACCESS_DENIED, HvStatus.INVALID_CONNECTION_ID,
            HvStatus.INSUFFICIENT_BUFFERS);
    /** Each a place where something may go wrong: the ends of regions, ROM, a device, beyond all, and pages that are used for something. */
    private static final long[] PLACES = {0, 0x9F000, 0x9FFF8, 0xA0000, 0xBF000, 0xC0000, 0xFF000, 0x100000, 0x3FF000, 0x3FFFF8, 0x400000, ROM, MMIO,
        0xFEC00000L, 0xFEE00000L, 0xFFFF_F000L, 1L << 32, 1L << 40, 1L << 51, 1L << 52, 1L << 63, -4096, -8, GuestSide.HYPERCALL_PAGE,
        GuestSide.INPUT, GuestSide.TSC_PAGE, 0x20000, 0x21000, 0x22000, 0x23000};
    private static final int[] MSRS = {SyntheticMsrs.GUEST_OS_ID, SyntheticMsrs.HYPERCALL, SyntheticMsrs.VP_INDEX, SyntheticMsrs.REFERENCE_TSC,
        SyntheticMsrs.VP_ASSIST_PAGE, SyntheticMsrs.SCONTROL, SyntheticMsrs.SIEFP, SyntheticMsrs.SIEFP, SyntheticMsrs.SIMP, SyntheticMsrs.SIMP,
        SyntheticMsrs.EOM, SyntheticMsrs.EOM, SyntheticMsrs.SINT0 + 2, SyntheticMsrs.SINT0 + 3, SyntheticMsrs.STIMER0_CONFIG,
        SyntheticMsrs.STIMER0_CONFIG + 1, SyntheticMsrs.STIMER0_CONFIG + 2, SyntheticMsrs.STIMER0_CONFIG + 3, SyntheticMsrs.CRASH_P0 + 3,
        SyntheticMsrs.CRASH_P0 + 4, SyntheticMsrs.CRASH_CTL, SyntheticMsrs.TSC_INVARIANT_CONTROL};

    private final GuestSide g = new GuestSide(2, HypervisorConfig.defaults().withSyntheticTimers(true).withMessageQueue(QUEUE));
    private final AtomicInteger deviceAccesses = new AtomicInteger();
    private final GpaRegion rom = g.gpa.mapRom(ROM, ROM_BYTES);
    private final MemorySegment shadow = Arena.ofAuto().allocate(g.gpa.host().byteSize());

    HypervisorFuzzTest() {
        g.gpa.mapMmio(MMIO, 4096, new MmioDevice() {
            @Override
            public long mmioRead(int vp, long offset, int size) {
                return deviceAccesses.incrementAndGet();
            }

            @Override
            public void mmioWrite(int vp, long offset, int size, long value) {
                deviceAccesses.incrementAndGet();
            }
        });
    }

    @AfterEach
    void close() {
        g.close();
    }

    private static long place(Random random) {
        long p = PLACES[random.nextInt(PLACES.length)];
        return random.nextInt(3) == 0 ? p + random.nextInt(4096) : p;
    }

    // ---- hypercalls

    @Test
    void aMillionHypercallsOfRandomNumbersAreAnsweredByAStatus() {
        AtomicInteger posted = new AtomicInteger();
        AtomicInteger signalled = new AtomicInteger();
        g.hypervisor.connectMessages(1, (vp, type, message, size) -> {
            assertTrue(size >= 0 && size <= 240 && type > 0 && vp < 2 && message.byteSize() == 240 && message.isReadOnly());
            return posted.incrementAndGet() % 3 == 0 ? HvStatus.INSUFFICIENT_BUFFERS : HvStatus.SUCCESS;
        });
        g.hypervisor.connectEvents(0x2001, flag -> {
            assertTrue(flag >= 0 && flag < 2048);
            signalled.incrementAndGet();
        });
        g.enableHypercalls();
        HostileRun.run("hypercalls", 50, random -> {
            for (int i = 0; i < 100; i++) {
                g.gpa.ram(place(random.nextBoolean()), 4096).set(Layouts.LE64, random.nextInt(512) * 8L, number(random));
            }
            MemorySegment.copy(g.gpa.host(), 0, shadow, 0, shadow.byteSize());
            for (int i = 0; i < 10_000; i++) {
                call(random);
            }
            assertEquals(-1, g.gpa.host().mismatch(shadow), "no call has written to memory");
        });
        // The rounds from fixed seeds alone, which are a million calls, let some 560 and 3,200 through.
        assertTrue(posted.get() > 300 && signalled.get() > 1000, posted + " messages, " + signalled + " signals got through");
        assertEquals(0, deviceAccesses.get(), "input is never taken from a device");
        assertNull(g.partition.stopReason());
    }

    private static long place(boolean input) {
        return input ? GuestSide.INPUT : 0x9F000;
    }

    private static long number(Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> 1;
            case 2 -> 1L | 16L << 32;
            case 3 -> 0x2001;
            default -> random.nextInt(256);
        };
    }

    private void call(Random random) {
        int[] served = {0x5C, 0x5D, 0x08, 0x0B, 0x15};
        long code = random.nextInt(4) == 0 ? random.nextInt(0x10000) : served[random.nextInt(served.length)];
        long control = code | (long) random.nextInt(2) << 16;
        switch (random.nextInt(6)) {
            case 0 -> control |= random.nextLong() << 17;
            case 1 -> control |= (long) random.nextInt(4096) << 32 | (long) random.nextInt(4096) << 48;
            case 2 -> control |= (long) random.nextInt(4) << 17;
            default -> { }
        }
        long in = random.nextInt(3) == 0 ? number(random) : place(random) & -8;
        String what = "control 0x" + Long.toHexString(control) + ", input 0x" + Long.toHexString(in);
        long result = g.hypercall(random.nextInt(2), control, in, random.nextInt(3) == 0 ? random.nextLong() : place(random));
        int status = (int) result & 0xFFFF;
        assertTrue(STATUSES.contains(status), what);
        assertEquals(0, result >>> 16, what + ": no call that is served has elements to count");
    }

    // ---- registers and overlay pages

    @Test
    void overlayPagesMayLieAnywhereAndOverEachOther() {
        byte[] romContents = new byte[ROM_BYTES];
        new Random(7).nextBytes(romContents);
        g.gpa.write(ROM, romContents);
        List<CrashReport> crashes = new ArrayList<>();
        g.hypervisor.onCrash(crashes::add);
        HostileRun.run("overlay pages", 300, random -> {
            for (int i = 0; i < 300; i++) {
                int vp = random.nextInt(2);
                int msr = random.nextInt(4) == 0 ? SyntheticMsrs.FIRST + random.nextInt(0x200) : MSRS[random.nextInt(MSRS.length)];
                if (msr != SyntheticMsrs.RESET && msr != SyntheticMsrs.GUEST_IDLE) {
                    // Bit 1 of HYPERCALL would lock it for good.
                    g.tryWrite(vp, msr, register(random, msr) & (msr == SyntheticMsrs.HYPERCALL ? ~2L : -1L));
                    g.canRead(vp, msr);
                }
                g.hypervisor.postMessage(vp, random.nextInt(16), 1, 0, GuestSide.payload(i), random.nextInt(16));
                g.hypervisor.signalEvent(vp, random.nextInt(16), random.nextInt(2048));
                if (random.nextInt(10) == 0) {
                    g.clock.advance(random.nextInt(2_000_000));
                }
                if (random.nextInt(20) == 0) {
                    scribble(random);
                }
            }
            crashes.clear();
            assertEquals(-1, g.gpa.host().asSlice(rom.hostOffset(), ROM_BYTES).mismatch(MemorySegment.ofArray(romContents)), "ROM is ROM");
            assertEquals(0, deviceAccesses.get());
            g.hypervisor.initialize(0);
            g.hypervisor.initialize(1);
            works();
        });
    }

    private static long register(Random random, int msr) {
        if (msr >= SyntheticMsrs.SINT0 && msr < SyntheticMsrs.SINT0 + 16) {
            return random.nextInt(256) | random.nextInt(8) << 16;
        }
        if (msr >= SyntheticMsrs.STIMER0_CONFIG && msr < SyntheticMsrs.STIMER0_CONFIG + 8) {
            return random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(1 << 20);
        }
        return random.nextInt(8) == 0 ? random.nextLong() : place(random) | 1;
    }

    /** The guest writes over pages that are overlays now, or were, or will be. */
    private void scribble(Random random) {
        byte[] junk = new byte[64];
        random.nextBytes(junk);
        g.gpa.write(0x20000 + random.nextInt(0x4000 - 64), junk);
    }

    /** All is as after the start of the guest. */
    private void works() {
        for (int vp = 0; vp < 2; vp++) {
            for (long page : new long[] {g.simpPage(vp), g.siefpPage(vp)}) {
                g.gpa.ram(page, 4096).fill((byte) 0);
            }
            while (g.takeInterrupt(vp) >= 0) {
                continue;
            }
            g.enableSynic(vp);
            for (int i = 0; i < 3; i++) {
                assertTrue(g.post(vp, 100 + i));
                assertEquals(100 + i, g.slotValue(vp));
                assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(vp));
                g.consume(vp);
            }
            g.hypervisor.signalEvent(vp, 2, 99);
            assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(vp));
        }
        g.write(0, SyntheticMsrs.GUEST_OS_ID, 0);
        g.enableHypercalls();
        assertEquals(HvStatus.INVALID_CONNECTION_ID, g.hypercall(0, 0x1005D, 0x777, 0));
    }

    // ---- messages

    @Test
    void messagesThatAreNeverTakenStayBoundedAndKeepTheirOrder() {
        HostileRun.run("message flood", 100, random -> {
            g.hypervisor.initialize(0);
            g.gpa.ram(g.simpPage(0), 4096).fill((byte) 0);
            g.enableSynic(0);
            long sent = 0;
            long next = 0;
            for (int i = 0; i < 2000; i++) {
                if (random.nextInt(3) != 0) {
                    sent += g.post(0, sent) ? 1 : 0;
                } else if (g.slotType(0) != 0 && random.nextInt(3) == 0) {
                    assertEquals(next++, g.slotValue(0));
                    g.consume(0);
                } else {
                    // EOM without having emptied the slot, page off and on: neither may lose a message or hand one out twice.
                    g.write(0, random.nextBoolean() ? SyntheticMsrs.EOM : SyntheticMsrs.SCONTROL, 1);
                    if (random.nextInt(8) == 0) {
                        g.write(0, SyntheticMsrs.SIMP, g.simpPage(0));
                        g.write(0, SyntheticMsrs.SIMP, g.simpPage(0) | 1);
                    }
                }
                assertTrue(sent - next <= QUEUE + 1, "queue and slot: sent=" + sent + ", taken=" + next);
            }
        });
    }

    @Test
    void slotsWrittenOverWhileMessagesComeDoNoHarm() throws Exception {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        HostileRun.run("slots written over", 3, random -> {
            long seed = random.nextLong();
            g.enableSynic(0);
            Thread guest = Thread.ofPlatform().start(() -> {
                Random r = new Random(seed);
                try {
                    for (int i = 0; i < 20_000; i++) {
                        g.gpa.host().set(Layouts.LE32, g.gpa.hostOffset(g.simpPage(0)) + 4L * r.nextInt(1024), r.nextInt(3) == 0 ? r.nextInt() : 0);
                        switch (r.nextInt(20)) {
                            case 0 -> g.write(0, SyntheticMsrs.EOM, 0);
                            case 1 -> g.write(0, SyntheticMsrs.SIMP, PLACES[r.nextInt(PLACES.length)] & -4096 | 1);
                            case 2, 3 -> g.write(0, SyntheticMsrs.SIMP, g.simpPage(0) | 1);
                            case 4 -> g.write(0, SyntheticMsrs.SIEFP, (r.nextBoolean() ? g.simpPage(0) : g.siefpPage(0)) | 1);
                            default -> { }
                        }
                    }
                } catch (Throwable t) {
                    thrown.set(t);
                }
            });
            while (guest.isAlive()) {
                g.post(0, random.nextLong());
                g.hypervisor.signalEvent(0, random.nextInt(16), random.nextInt(2048));
            }
            guest.join();
            assertNull(thrown.get());
            g.hypervisor.initialize(0);
            g.hypervisor.initialize(1);
            works();
        });
    }
}
