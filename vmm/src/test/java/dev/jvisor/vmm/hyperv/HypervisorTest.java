package dev.jvisor.vmm.hyperv;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.partition.StopReason;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The interface, seen by a guest whose moves the test makes, on virtual time. */
@Timeout(60)
class HypervisorTest {
    private final GuestSide g = new GuestSide(2);

    @org.junit.jupiter.api.AfterEach
    void close() {
        g.close();
    }

    // ---- CPUID

    @Test
    void leavesNameTheInterfaceAndNoOtherHypervisorRemains() {
        CpuidTable t = g.partition.cpuid();
        assertEquals(new CpuidTable.Entry(0x40000000, -1, 0x40000006, 0x7263694D, 0x666F736F, 0x76482074), t.find(0x40000000, 0));
        assertNull(t.find(0x40000100, 0), "the largest leaf base wins: KVM's would");
        assertEquals(1 << 31, t.find(1, 0).ecx());
        CpuidTable.Entry rights = t.find(0x40000003, 0);
        assertEquals(0x0A6E, rights.eax() & 0x0A6E, "Linux wants these");
        assertEquals(0x30, rights.ebx(), "no right of the root's, or Linux takes itself for it");
        assertEquals(0x500, rights.edx() & 0x500);
        assertEquals(0x220, t.find(0x40000004, 0).eax(), "no automatic EOI");
        assertEquals(2, t.find(0x40000005, 0).eax());
    }

    // ---- MSRs

    @Test
    void registersReadBackWhatWasWritten() {
        int[] each = {0x73, 0x80, 0x82, 0x83, 0x90, 0x92, 0x9F};
        for (int low : each) {
            long value = low >= 0x90 ? 0x20FF3L : 0x30ABCL;
            g.write(1, 0x40000000 + low, value);
            assertEquals(value, g.read(1, 0x40000000 + low), Integer.toHexString(low));
            assertNotEquals(value, g.read(0, 0x40000000 + low), "it is the other VP's: " + Integer.toHexString(low));
        }
        assertEquals(1, g.read(1, SyntheticMsrs.VP_INDEX));
        assertEquals(1, g.read(0, SyntheticMsrs.SVERSION));
        assertEquals(1_000_000_000L, g.read(0, SyntheticMsrs.TSC_FREQUENCY));
        assertEquals(3L << 62, g.read(0, SyntheticMsrs.CRASH_CTL));
        g.write(0, SyntheticMsrs.TSC_INVARIANT_CONTROL, 1);
        assertEquals(1, g.read(1, SyntheticMsrs.TSC_INVARIANT_CONTROL));
    }

    @Test
    void whatIsNotThereRaisesGeneralProtection() {
        for (int msr : new int[] {0x40000004, 0x40000010, 0x40000024, 0x40000070, 0x40000085, 0x400000A0, 0x400000B8, 0x40000106, 0x40000119}) {
            assertFalse(g.canRead(0, msr), Integer.toHexString(msr));
            assertFalse(g.tryWrite(0, msr, 0), Integer.toHexString(msr));
        }
        for (int readOnly : new int[] {0x40000002, 0x40000020, 0x40000022, 0x40000023, 0x40000081}) {
            assertFalse(g.tryWrite(0, readOnly, 1), Integer.toHexString(readOnly));
        }
        assertFalse(g.tryWrite(0, SyntheticMsrs.SINT0, 0x0F), "vectors below 16 are the processor's");
        assertTrue(g.tryWrite(0, SyntheticMsrs.SINT0, 0x1000F), "but a masked SINT may have any");
        assertFalse(g.tryWrite(0, SyntheticMsrs.TSC_INVARIANT_CONTROL, 2));
        try (GuestSide plain = new GuestSide(1, HypervisorConfig.defaults())) {
            assertFalse(plain.canRead(0, SyntheticMsrs.STIMER0_CONFIG), "timers that are not offered");
        }
    }

    @Test
    void hypercallPageAppearsOnlyForAGuestThatHasSaidWhoItIs() {
        g.write(0, SyntheticMsrs.HYPERCALL, GuestSide.HYPERCALL_PAGE | 1);
        assertEquals(0, g.read(0, SyntheticMsrs.HYPERCALL));
        g.enableHypercalls();
        byte[] code = new byte[19];
        MemorySegment.copy(g.gpa.ram(GuestSide.HYPERCALL_PAGE, 19), 0, MemorySegment.ofArray(code), 0, 19);
        assertEquals("f30f1efa50483b0424587503e7bcc3e7bdc3cc", java.util.HexFormat.of().formatHex(code));
        assertFalse(g.tryWrite(0, SyntheticMsrs.HYPERCALL, 1L << 40 | 1), "no RAM there");
        g.write(0, SyntheticMsrs.GUEST_OS_ID, 0);
        assertEquals(0, g.read(0, SyntheticMsrs.HYPERCALL) & 1);
        assertEquals(0x1234, g.hypercall(0, 0x1005D, 0, 0), "the port is dead now");
        g.enableHypercalls();
        g.write(0, SyntheticMsrs.HYPERCALL, GuestSide.HYPERCALL_PAGE | 3);
        g.write(0, SyntheticMsrs.HYPERCALL, 0);
        assertEquals(GuestSide.HYPERCALL_PAGE | 3, g.read(0, SyntheticMsrs.HYPERCALL), "locked");
    }

    @Test
    void resetRegisterResets() throws Exception {
        g.write(0, SyntheticMsrs.RESET, 0);
        assertNull(g.partition.stopReason());
        g.write(0, SyntheticMsrs.RESET, 1);
        assertEquals(StopReason.RESET, g.partition.awaitStop(Duration.ofSeconds(30)));
    }

    // ---- time

    @Test
    void pageAndCounterAreOneClock() {
        g.clock.advance(1_234_567_800);
        long before = g.read(0, SyntheticMsrs.TIME_REF_COUNT);
        assertEquals(12_345_678, before, 1);
        g.write(0, SyntheticMsrs.REFERENCE_TSC, GuestSide.TSC_PAGE | 1);
        assertNotEquals(0, g.gpa.read32(GuestSide.TSC_PAGE));
        long scale = g.gpa.read64(GuestSide.TSC_PAGE + 8);
        long offset = g.gpa.read64(GuestSide.TSC_PAGE + 16);
        for (int i = 0; i < 100; i++) {
            g.clock.advance(77_777_777);
            long tsc = g.clock.nowNs();
            assertEquals(Math.unsignedMultiplyHigh(tsc, scale) + offset, g.read(i & 1, SyntheticMsrs.TIME_REF_COUNT));
        }
    }

    // ---- hypercalls

    @ParameterizedTest
    @EnumSource
    void callsWithoutTheRightAreDenied(HypercallCode code) {
        g.enableHypercalls();
        boolean granted = code.privilege() == Privilege.NONE || code.privilege() == Privilege.POST_MESSAGES
                || code.privilege() == Privilege.SIGNAL_EVENTS;
        for (long form : new long[] {0, 1L << 16, 1L << 32}) {
            long result = g.hypercall(0, code.code() | form, GuestSide.INPUT, 0);
            if (granted) {
                assertNotEquals(HvStatus.ACCESS_DENIED, result);
            } else {
                assertEquals(HvStatus.ACCESS_DENIED, result, "whatever the input, the caller may not");
            }
        }
    }

    @Test
    void everyCallOfTheRootsIsInTheTable() {
        List<Integer> named = List.of(0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F);
        List<Integer> codes = java.util.Arrays.stream(HypercallCode.values()).map(HypercallCode::code).toList();
        assertTrue(codes.containsAll(named));
        assertEquals(codes.size(), codes.stream().distinct().count());
        assertEquals(0x40, HypercallCode.CREATE_PARTITION.code());
        assertEquals(Privilege.CREATE_PARTITIONS, HypercallCode.CREATE_PARTITION.privilege());
    }

    @Test
    void controlWordAndInputAreChecked() {
        g.enableHypercalls();
        assertEquals(HvStatus.INVALID_HYPERCALL_CODE, g.hypercall(0, 0x3FFF, 0, 0));
        assertEquals(HvStatus.INVALID_HYPERCALL_CODE, g.hypercall(0, 0xFFFF, 0, 0));
        assertEquals(HvStatus.INVALID_HYPERCALL_CODE, g.hypercall(0, 0x0002, 0, 0), "TLB flushes are not recommended, nor served");
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, g.hypercall(0, 0x1005D | 1L << 32, 0, 0), "a count on a simple call");
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, g.hypercall(0, 0x1005D | 1L << 31, 0, 0));
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, g.hypercall(0, 0x1005D | 1L << 17, 0, 0), "a variable header where there is none");
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, g.hypercall(0, 0x1005C, 0, 0), "a message does not fit into registers");
        assertEquals(HvStatus.INVALID_ALIGNMENT, g.hypercall(0, 0x5C, GuestSide.INPUT + 4, 0));
        assertEquals(HvStatus.INVALID_ALIGNMENT, g.hypercall(0, 0x5C, GuestSide.INPUT + 0xF80, 0), "crosses a page");
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x5C, 0x7FFF_FFFF_F000L, 0), "not in RAM");
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x5C, -4096, 0), "not in RAM");
        assertEquals(HvStatus.INVALID_CONNECTION_ID, g.hypercall(0, 0x1005D, 0x1000A, 0));
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x1005D, 0x0100_0000, 0));
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x1005D, 0x0800_0000_0001L, 0), "flag 2048");
    }

    @Test
    void repCallsReportHowFarTheyCame() {
        Hypercalls calls = new Hypercalls(g.partition, Privilege.ACCESS_VP_REGISTERS.mask(), GuestSide.PORT);
        List<Long> seen = new ArrayList<>();
        calls.serve(HypercallCode.GET_VP_REGISTERS, new Hypercall.Form(8, 0, 8, false, call -> {
            for (int left = 2; left > 0 && call.repsDone < call.repCount; left--) {
                seen.add(call.u64(8 + 8 * call.repsDone));
                call.repsDone++;
            }
            return call.repsDone < call.repCount ? HvStatus.INSUFFICIENT_MEMORY : HvStatus.SUCCESS;
        }));
        for (int i = 0; i < 4; i++) {
            g.gpa.ram(GuestSide.INPUT, 4096).set(Layouts.LE64, i * 8, 100 + i);
        }
        Hypercall call = calls.call(0);
        assertEquals(HvStatus.INSUFFICIENT_MEMORY | 2L << 32, calls.dispatch(call, 0x50 | 3L << 32, GuestSide.INPUT, 0));
        assertEquals(3L << 32, calls.dispatch(call, 0x50 | 3L << 32 | 2L << 48, GuestSide.INPUT, 0));
        assertEquals(List.of(101L, 102L, 103L), seen);
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, (int) calls.dispatch(call, 0x50 | 3L << 32 | 3L << 48, GuestSide.INPUT, 0));
        assertEquals(HvStatus.INVALID_ALIGNMENT, (int) calls.dispatch(call, 0x50 | 0xFFFL << 32, GuestSide.INPUT, 0), "beyond the page");
    }

    @Test
    void postedMessagesReachThePortAsACopy() {
        g.enableHypercalls();
        MemorySegment in = g.gpa.ram(GuestSide.INPUT, 256);
        in.set(Layouts.LE32, 0, 4);
        in.set(Layouts.LE32, 8, 1);
        in.set(Layouts.LE32, 12, 16);
        in.set(Layouts.LE64, 16, 0x1122334455667788L);
        assertEquals(HvStatus.INVALID_CONNECTION_ID, g.hypercall(0, 0x5C, GuestSide.INPUT, 0));
        List<String> got = new ArrayList<>();
        g.hypervisor.connectMessages(4, (vp, type, message, size) -> {
            in.set(Layouts.LE64, 16, -1);
            got.add(vp + " " + type + " " + size + " " + Long.toHexString(message.get(Layouts.LE64, 0)));
            return HvStatus.INSUFFICIENT_BUFFERS;
        });
        assertEquals(HvStatus.INSUFFICIENT_BUFFERS, g.hypercall(1, 0x5C, GuestSide.INPUT, 0));
        assertEquals(List.of("1 1 16 1122334455667788"), got);
        in.set(Layouts.LE32, 12, 241);
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x5C, GuestSide.INPUT, 0));
        in.set(Layouts.LE32, 12, -1);
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x5C, GuestSide.INPUT, 0));
        g.hypervisor.disconnectMessages(4);
        in.set(Layouts.LE32, 12, 0);
        assertEquals(HvStatus.INVALID_CONNECTION_ID, g.hypercall(0, 0x5C, GuestSide.INPUT, 0));
    }

    @Test
    void signalsReachTheirConnectionFastAndSlow() {
        g.enableHypercalls();
        List<String> got = new ArrayList<>();
        for (int id = 1; id < 300; id++) {
            int n = id;
            g.hypervisor.connectEvents(0x10000 + id, flag -> got.add(n + ":" + flag));
        }
        assertEquals(0, g.hypercall(0, 0x1005D, 0x10007, -1));
        assertEquals(0, g.hypercall(0, 0x1005D, 0x1012B | 5L << 32, 0));
        g.gpa.ram(GuestSide.INPUT, 8).set(Layouts.LE64, 0, 0x10020);
        assertEquals(0, g.hypercall(0, 0x5D, GuestSide.INPUT, 0));
        g.hypervisor.disconnectEvents(0x10007);
        assertEquals(HvStatus.INVALID_CONNECTION_ID, g.hypercall(0, 0x1005D, 0x10007, 0));
        assertEquals(0, g.hypercall(0, 0x1005D, 0x10008, 0));
        assertEquals(List.of("7:0", "299:5", "32:0", "8:0"), got);
    }

    @Test
    void callersIn32BitCodeHaveTheirArgumentsInPairs() {
        g.enableHypercalls();
        List<Integer> flags = new ArrayList<>();
        g.hypervisor.connectEvents(0x12, flags::add);
        long[] r = g.backend.registers[1];
        java.util.Arrays.fill(r, 0xDEADBEEF_00000000L);
        r[0] = 0x1005D;                          // EDX:EAX control, EBX:ECX input, EDI:ESI output
        r[1] = 0x12;
        r[3] = 7;
        g.partition.ports().find(GuestSide.PORT + 1).portWrite(1, GuestSide.PORT + 1, 4, 0);
        assertEquals(List.of(7), flags);
        assertEquals(0, r[0]);
        assertEquals(0, r[2]);
        r[0] = 0x1005D;
        r[2] = 0x10_0000;                        // a start of repetition, which this call has none of
        g.partition.ports().find(GuestSide.PORT + 1).portWrite(1, GuestSide.PORT + 1, 4, 0);
        assertEquals(HvStatus.INVALID_HYPERCALL_INPUT, r[0]);
    }

    @Test
    void clusterIpiInterruptsThoseNamed() {
        g.enableHypercalls();
        assertEquals(0, g.hypercall(0, 0x1000B, 0x55, 2));
        assertEquals(-1, g.takeInterrupt(0));
        assertEquals(0x55, g.takeInterrupt(1));
        assertEquals(HvStatus.INVALID_PARAMETER, g.hypercall(0, 0x1000B, 5, 2));
    }

    // ---- messages

    @Test
    void messagesComeInOrderThroughOneSlot() {
        g.enableSynic(0);
        for (int i = 0; i < 5; i++) {
            assertTrue(g.post(0, 100 + i));
        }
        assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(0));
        assertEquals(1, g.slotType(0));
        assertEquals(8, g.gpa.read8(g.simpPage(0) + GuestSide.SLOT + 4));
        assertEquals(77, g.gpa.read64(g.simpPage(0) + GuestSide.SLOT + 8));
        for (int i = 0; i < 5; i++) {
            assertEquals(100 + i, g.slotValue(0));
            assertEquals(i < 4, g.slotPending(0));
            assertEquals(i == 0 ? -1 : GuestSide.SINT_VECTOR, i == 0 ? -1 : g.takeInterrupt(0));
            g.consume(0);
        }
        assertEquals(0, g.slotType(0));
        assertEquals(-1, g.takeInterrupt(0));
    }

    @Test
    void queueIsBoundedAndTellsWhenItHasRoom() {
        g.enableSynic(0);
        int[] told = {0};
        g.hypervisor.onMessageSpace(() -> told[0]++);
        int posted = 0;
        while (g.post(0, posted)) {
            posted++;
        }
        assertEquals(9, posted, "eight wait, one is in the slot");
        for (int i = 0; i < posted; i++) {
            assertEquals(i, g.slotValue(0));
            assertEquals(i < 8 ? 0 : 1, told[0]);
            g.consume(0);
        }
        assertTrue(g.post(0, 1000));
        assertEquals(1, told[0]);
    }

    @Test
    void messagesWaitForWhatTheyNeed() {
        assertTrue(g.post(1, 5));
        g.write(1, SyntheticMsrs.SCONTROL, 0);
        g.write(1, SyntheticMsrs.SIMP, g.simpPage(1) | 1);
        assertEquals(0, g.slotType(1));
        g.write(1, SyntheticMsrs.SINT0 + 2, GuestSide.SINT_VECTOR);
        assertEquals(0, g.slotType(1));
        g.write(1, SyntheticMsrs.SCONTROL, 1);
        assertEquals(5, g.slotValue(1));
        assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(1));
    }

    @Test
    void contentsOfAPageMoveWithIt() {
        g.enableSynic(0);
        assertTrue(g.post(0, 6));
        g.write(0, SyntheticMsrs.SIMP, 0);
        g.write(0, SyntheticMsrs.SIMP, 0x30001);
        assertEquals(6, g.gpa.read64(0x30000 + GuestSide.SLOT + 16));
    }

    @Test
    void pollingSintsGetNoInterrupt() {
        g.enableSynic(0);
        g.write(0, SyntheticMsrs.SINT0 + 2, GuestSide.SINT_VECTOR | 1 << 18);
        assertTrue(g.post(0, 6));
        assertEquals(6, g.slotValue(0));
        assertEquals(-1, g.takeInterrupt(0));
    }

    @Test
    void sintsWithAutomaticEoiDoNotStayInService() {
        g.enableSynic(0);
        g.write(0, SyntheticMsrs.SINT0 + 2, GuestSide.SINT_VECTOR | 1 << 17);
        g.hypervisor.raiseSint(0, 2);
        assertEquals(GuestSide.SINT_VECTOR, g.apic(0).pendingVector());
        g.apic(0).acknowledge();
        g.hypervisor.raiseSint(0, 2);
        assertEquals(GuestSide.SINT_VECTOR, g.apic(0).pendingVector(), "the next one comes without an EOI");
        g.apic(0).acknowledge();
        g.write(0, SyntheticMsrs.SINT0 + 2, GuestSide.SINT_VECTOR);
        g.hypervisor.raiseSint(0, 2);
        g.apic(0).acknowledge();
        g.hypervisor.raiseSint(0, 2);
        assertEquals(-1, g.apic(0).pendingVector(), "and without the bit it waits for one");
    }

    @Test
    void maskedSintsAreNotRaised() {
        g.enableSynic(0);
        g.write(0, SyntheticMsrs.SINT0 + 2, GuestSide.SINT_VECTOR | 1 << 16);
        g.hypervisor.raiseSint(0, 2);
        assertEquals(-1, g.takeInterrupt(0));
    }

    @Test
    void noMessageIsLostOrOvertakenUnderConcurrency() throws Exception {
        g.enableSynic(0);
        int senders = 3;
        int each = 4000;
        CountDownLatch go = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int s = 0; s < senders; s++) {
            long base = (long) s << 32;
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int i = 0; i < each; i++) {
                    while (!g.post(0, base | i)) {
                        Thread.yield();
                    }
                }
            }));
        }
        go.countDown();
        int[] next = new int[senders];
        for (int got = 0; got < senders * each;) {
            long at = g.gpa.hostOffset(g.simpPage(0) + GuestSide.SLOT);
            if ((int) Layouts.INT.getVolatile(g.gpa.host(), at) == 0) {
                Thread.yield();
                continue;
            }
            long v = g.slotValue(0);
            assertEquals(next[(int) (v >>> 32)]++, (int) v);
            got++;
            g.consume(0);
        }
        for (Thread t : threads) {
            t.join();
        }
        assertEquals(0, g.slotType(0));
    }

    // ---- event flags

    @Test
    void eventFlagsInterruptOnce() {
        g.hypervisor.signalEvent(1, 2, 7);
        g.enableSynic(1);
        assertEquals(-1, g.takeInterrupt(1), "nothing was enabled yet");
        g.hypervisor.signalEvent(1, 2, 7);
        g.hypervisor.signalEvent(1, 2, 7);
        assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(1));
        assertEquals(-1, g.takeInterrupt(1));
        assertEquals(0x80, g.gpa.read8(g.siefpPage(1) + 2 * 256));
        g.hypervisor.signalEvent(1, 2, 2047);
        assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(1));
        assertEquals(0x80, g.gpa.read8(g.siefpPage(1) + 2 * 256 + 255));
        assertEquals(0, g.gpa.read8(g.siefpPage(1) + 3 * 256), "the next SINT's are its own");
        assertEquals(-1, g.takeInterrupt(0));
    }

    // ---- timers

    @Test
    void oneShotTimerSendsItsMessageOnce() {
        g.enableSynic(0);
        g.write(0, SyntheticMsrs.STIMER0_CONFIG, 2 << 16 | 1 << 3);
        g.write(0, SyntheticMsrs.STIMER0_CONFIG + 1, 50_000);
        assertEquals(1, g.read(0, SyntheticMsrs.STIMER0_CONFIG) & 1, "the count has enabled it");
        g.clock.advance(4_999_000);
        assertEquals(0, g.slotType(0));
        g.clock.advance(2_000);
        assertEquals(0x80000010, g.slotType(0));
        assertEquals(0, g.gpa.read32(g.simpPage(0) + GuestSide.SLOT + 16));
        assertEquals(50_000, g.gpa.read64(g.simpPage(0) + GuestSide.SLOT + 24));
        assertEquals(50_000, g.gpa.read64(g.simpPage(0) + GuestSide.SLOT + 32), 20);
        assertEquals(GuestSide.SINT_VECTOR, g.takeInterrupt(0));
        assertEquals(0, g.read(0, SyntheticMsrs.STIMER0_CONFIG) & 1);
        g.consume(0);
        g.clock.advance(1_000_000_000);
        assertEquals(0, g.slotType(0));
        g.write(0, SyntheticMsrs.STIMER0_CONFIG + 1, 1);
        g.clock.advance(0);
        assertEquals(0x80000010, g.slotType(0), "the past is now");
    }

    @Test
    void timerMessageWaitsBehindAnotherInTheSlot() {
        g.enableSynic(0);
        assertTrue(g.post(0, 1));
        g.write(0, SyntheticMsrs.STIMER0_CONFIG, 2 << 16 | 1 << 3);
        g.write(0, SyntheticMsrs.STIMER0_CONFIG + 1, 10);
        g.clock.advance(10_000);
        assertEquals(1, g.slotType(0));
        assertTrue(g.slotPending(0));
        g.consume(0);
        assertEquals(0x80000010, g.slotType(0));
    }

    @Test
    void periodicTimerInDirectModeInterruptsEachPeriod() {
        g.write(1, SyntheticMsrs.STIMER0_CONFIG + 2, 0xED << 4 | 1 << 12 | 1 << 1 | 1);
        g.write(1, SyntheticMsrs.STIMER0_CONFIG + 3, 10_000);
        for (int i = 0; i < 5; i++) {
            g.clock.advance(999_000);
            assertEquals(-1, g.takeInterrupt(1));
            g.clock.advance(1_000);
            assertEquals(0xED, g.takeInterrupt(1), "period " + i);
        }
        g.write(1, SyntheticMsrs.STIMER0_CONFIG + 3, 0);
        g.clock.advance(10_000_000);
        assertEquals(-1, g.takeInterrupt(1));
    }

    @Test
    void timerWithNowhereToSendCannotBeEnabled() {
        g.write(0, SyntheticMsrs.STIMER0_CONFIG, 1);
        assertEquals(0, g.read(0, SyntheticMsrs.STIMER0_CONFIG));
    }

    // ---- crash

    @Test
    void crashTextReachesTheListener() {
        List<CrashReport> reports = new ArrayList<>();
        g.hypervisor.onCrash(reports::add);
        byte[] text = ("Kernel panic - not syncing: \u001B[31mtest\n" + "x".repeat(200)).getBytes(StandardCharsets.US_ASCII);
        g.gpa.write(0x40F00, text);
        g.write(1, SyntheticMsrs.CRASH_P0 + 3, 0x40F00);
        g.write(1, SyntheticMsrs.CRASH_P0 + 4, text.length);
        g.write(1, SyntheticMsrs.CRASH_CTL, 3L << 62);
        assertEquals(1, reports.size());
        assertTrue(reports.getFirst().text().startsWith("Kernel panic - not syncing: .[31mtest\nxxx"), reports.toString());
        assertTrue(reports.getFirst().text().endsWith("x"));
        g.write(0, SyntheticMsrs.CRASH_P0 + 3, -1);
        g.write(0, SyntheticMsrs.CRASH_P0 + 4, Long.MAX_VALUE);
        g.write(0, SyntheticMsrs.CRASH_CTL, 3L << 62);
        assertEquals("", reports.getLast().text(), "a text that is nowhere");
        assertTrue(reports.getLast().describe().contains("P3=ffffffffffffffff"));
    }

    // ---- reset and state

    @Test
    void initResetsOneVpOnly() {
        g.enableSynic(0);
        g.enableSynic(1);
        g.write(1, SyntheticMsrs.VP_ASSIST_PAGE, 0x50001);
        assertTrue(g.post(1, 3));
        assertTrue(g.post(1, 4));
        g.hypervisor.initialize(1);
        assertEquals(0, g.read(1, SyntheticMsrs.SIMP));
        assertEquals(0x10000, g.read(1, SyntheticMsrs.SINT0 + 2));
        assertEquals(0, g.read(1, SyntheticMsrs.VP_ASSIST_PAGE));
        assertEquals(g.simpPage(0) | 1, g.read(0, SyntheticMsrs.SIMP));
    }

    @Test
    void stateMovesToAnotherPartition() {
        g.enableHypercalls();
        g.enableSynic(0);
        g.clock.advance(5_000_000_000L);
        g.write(0, SyntheticMsrs.REFERENCE_TSC, GuestSide.TSC_PAGE | 1);
        g.write(0, SyntheticMsrs.STIMER0_CONFIG, 2 << 16 | 1 << 3);
        g.write(0, SyntheticMsrs.STIMER0_CONFIG + 1, 60_000_000);
        for (int i = 0; i < 3; i++) {
            assertTrue(g.post(0, i));
        }
        long time = g.read(0, SyntheticMsrs.TIME_REF_COUNT);
        HypervisorState saved = g.hypervisor.save();
        try (GuestSide other = new GuestSide(2)) {
            MemorySegment.copy(g.gpa.host(), 0, other.gpa.host(), 0, g.gpa.host().byteSize());
            other.gpa.write(GuestSide.HYPERCALL_PAGE, new byte[16]);
            other.hypervisor.restore(saved);
            assertEquals(0, other.gpa.read64(GuestSide.HYPERCALL_PAGE), "memory is the guest's");
            assertEquals(time, other.read(0, SyntheticMsrs.TIME_REF_COUNT));
            other.clock.advance(100_000_000);
            long tsc = other.clock.nowNs();
            assertEquals(time + 1_000_000, other.read(0, SyntheticMsrs.TIME_REF_COUNT), 1);
            assertEquals(other.read(0, SyntheticMsrs.TIME_REF_COUNT),
                    Math.unsignedMultiplyHigh(tsc, other.gpa.read64(GuestSide.TSC_PAGE + 8)) + other.gpa.read64(GuestSide.TSC_PAGE + 16));
            assertEquals(0, other.slotValue(0));
            other.consume(0);
            assertEquals(1, other.slotValue(0));
            other.consume(0);
            assertEquals(2, other.slotValue(0));
            other.consume(0);
            other.clock.advance(1_000_000_000);
            assertEquals(0x80000010, other.slotType(0));
            List<Integer> signals = new ArrayList<>();
            other.hypervisor.connectEvents(1, signals::add);
            assertEquals(0, other.hypercall(0, 0x1005D, 1, 0));
            assertEquals(List.of(0), signals);
        }
    }

    // ---- hostile guests

    @Test
    void randomCallsAndRegistersDoNoHarm() {
        long seed = Long.getLong("jvisor.seed", System.nanoTime());
        System.out.println("seed " + seed);
        java.util.SplittableRandom r = new java.util.SplittableRandom(seed);
        g.hypervisor.connectMessages(4, (vp, type, message, size) -> g.hypervisor.postMessage(vp, 2, type, 0, message, size)
                ? HvStatus.SUCCESS : HvStatus.INSUFFICIENT_BUFFERS);
        g.hypervisor.connectEvents(1, flag -> g.hypervisor.signalEvent(1, 2, flag));
        java.util.Set<Integer> allowed = java.util.Set.of(0, 2, 3, 4, 5, 6, 0x12, 0x13);
        long[] interesting = {0, 1, -1, 4096, GuestSide.INPUT, GuestSide.INPUT | 1, GuestSide.HYPERCALL_PAGE | 1, 1L << 63, 0xF3, 0xFFF, 4 << 20};
        for (int i = 0; i < 200_000; i++) {
            int vp = r.nextInt(2);
            long value = r.nextInt(3) == 0 ? r.nextLong() : interesting[r.nextInt(interesting.length)] + (r.nextInt(4) == 0 ? r.nextInt(16) : 0);
            if (r.nextInt(3) == 0) {
                int msr = 0x40000000 + r.nextInt(0x120);
                if (msr != SyntheticMsrs.RESET && msr != SyntheticMsrs.GUEST_IDLE) {
                    g.tryWrite(vp, msr, msr == SyntheticMsrs.HYPERCALL ? value & ~2L : value);
                    g.canRead(vp, msr);
                }
                continue;
            }
            g.write(0, SyntheticMsrs.GUEST_OS_ID, 1);
            g.write(0, SyntheticMsrs.HYPERCALL, GuestSide.HYPERCALL_PAGE | 1);
            if (r.nextInt(4) == 0) {
                g.gpa.ram(GuestSide.INPUT, 4096).set(Layouts.LE64, r.nextInt(512) * 8L, r.nextBoolean() ? r.nextInt(8) : r.nextLong());
            }
            long code = r.nextBoolean() ? (r.nextBoolean() ? 0x5C : 0x5D) : r.nextInt(0x10000);
            long control = code | (r.nextInt(3) == 0 ? r.nextLong() << 16 : (long) r.nextInt(2) << 16);
            long result = g.hypercall(vp, control, r.nextBoolean() ? GuestSide.INPUT : value, r.nextLong());
            assertTrue(allowed.contains((int) result & 0xFFFF), "control " + Long.toHexString(control) + ": " + Long.toHexString(result));
            if (r.nextInt(100) == 0) {
                g.clock.advance(r.nextInt(1_000_000));
            }
        }
        assertNull(g.partition.stopReason());
    }
}
