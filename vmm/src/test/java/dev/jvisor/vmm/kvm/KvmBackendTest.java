package dev.jvisor.vmm.kvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the backend contract promises, held by KVM with guests of a few instructions. */
@Tag("kvm")
@Timeout(60)
class KvmBackendTest {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RSI = 6;
    private static final int RDI = 7;

    @Test
    void shouldRoutePortsAndHalt() {
        // mov al,'A'; out 10,al; in ax,20; out 10,ax; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "b041 e610 e520 e710 f4")) {
            g.portIn = port -> 0xBEEF;
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("out 10/1=41", "in 20/2", "out 10/2=beef"), g.intercepts);
            assertEquals(VpState.Activity.HALTED, g.state().activity);
            assertFalse(g.vp.wakeable());
            assertEquals(VpExit.HALT, g.run(), "a halted VP stays halted");
        }
    }

    @Test
    void shouldRouteEveryElementOfStringInstructions() {
        // mov dx,30; mov cx,4; mov si,2000; rep outsw; mov cx,300; mov di,3000; rep insb; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "ba3000 b90400 be0020 f36f b92c01 bf0030 f36c f4")) {
            g.gpa.write(0x2000, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
            AtomicInteger next = new AtomicInteger();
            g.portIn = port -> next.getAndIncrement() & 0xFF;
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("out 30/2=201", "out 30/2=403", "out 30/2=605", "out 30/2=807"), g.intercepts.subList(0, 4));
            assertEquals(Collections.nCopies(300, "in 30/1"), g.intercepts.subList(4, 304));
            assertEquals(299 & 0xFF, g.gpa.read8(0x3000 + 299));
            assertEquals(0x3000 + 300, g.state().gpr[RDI]);
            assertEquals(0x2008, g.state().gpr[RSI]);
            assertEquals(0, g.state().gpr[RCX]);
        }
    }

    @Test
    void shouldRouteDeviceMemoryInPowersOfTwo() {
        // mov ax,ffff; mov ds,ax (base ffff0, so offset 10h is the hole at 100000h); mov al,[10]; mov [12],ax; mov eax,[14]; mov [18],eax; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "b8ffff 8ed8 a01000 a31200 66a11400 66a31800 f4")) {
            g.mmioIn = 0x11223344;
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("read 100000/1", "write 100002/2=ff44", "read 100004/4", "write 100008/4=11223344"), g.intercepts);
        }
    }

    @Test
    void shouldPassWritesToRomAndKeepItsContent() {
        VpState s = KvmGuest.realMode();
        s.seg[VpState.DS] = new SegmentState(0, KvmGuest.ROM, 0xFFFF, 0x93);
        // mov ax,[0]; mov [4],ax; mov bx,[4]; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "a10000 a30400 8b1e0400 f4")) {
            g.gpa.write(KvmGuest.ROM, new byte[] {0x55, (byte) 0xAA, 0, 0, 0x77, 0});
            g.vp.setState(s);
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("write 200004/2=aa55"), g.intercepts);
            assertEquals(0x77, g.state().gpr[3]);
        }
    }

    @Test
    void shouldRouteMsrsItDoesNotKeepAndRaiseGpWhenRefused() {
        // mov ecx,40000001; rdmsr; inc ax; wrmsr; mov ecx,12345678; rdmsr; hlt  -- #GP handler at 0x2000: mov al,9; out 10,al; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "66b901000040 0f32 40 0f30 66b978563412 0f32 f4")) {
            g.gpa.write(13 * 4, new byte[] {0, 0x20, 0, 0});
            g.gpa.write(0x2000, new byte[] {(byte) 0xB0, 9, (byte) 0xE6, 0x10, (byte) 0xF4});
            g.msrs.put(0x40000001, 0x5_0000_0006L);
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("rdmsr 40000001", "wrmsr 40000001=500000007", "rdmsr 12345678", "out 10/1=9"), g.intercepts);
        }
    }

    @Test
    void shouldReportATripleFault() {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "0f0b")) { // ud2
            VpState s = LongMode.state(g.gpa, KvmGuest.START, 0);
            s.idtLimit = 0;
            g.vp.setState(s);
            assertEquals(VpExit.SHUTDOWN, g.run());
            assertTrue(g.vp.explain().startsWith("triple fault"), g.vp.explain());
        }
    }

    @Test
    void shouldReportWhatKvmCannotDoInFull() {
        // jmp ffff:0010, where no memory is: not even an instruction to emulate
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "ea1000ffff")) {
            assertEquals(VpExit.INTERNAL_ERROR, g.run());
            String text = g.vp.explain();
            assertTrue(text.contains("KVM internal error: suberror=1 (instruction emulation failed)"), text);
            assertTrue(text.contains("RIP=0000000000000010"), text);
            assertTrue(text.contains("code at RIP: not in memory"), text);
        }
    }

    @Test
    void shouldReturnWhenKickedFromAnotherThread() throws Exception {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "ebfe")) { // jmp $
            AtomicReference<VpExit> exit = new AtomicReference<>();
            for (int i = 0; i < 10; i++) {
                Thread t = new Thread(() -> exit.set(g.run()), "vp-0");
                t.start();
                Thread.sleep(5);
                g.vp.kick();
                t.join();
                assertEquals(VpExit.KICKED, exit.getAndSet(null));
            }
            g.vp.kick();
            assertEquals(VpExit.KICKED, g.run(), "a kick before the run counts");
        }
    }

    @Test
    void shouldDeliverInterruptsWhenTheGuestTakesThem() {
        // nop; sti; nop; hlt; mov al,1; out 11,al; cli; hlt  -- vectors 30h, 31h at 0x2000: mov al,2; out 10,al; iret
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "90 fb 90 f4 b001 e611 fa f4")) {
            g.gpa.write(0x30 * 4, new byte[] {0, 0x20, 0, 0, 0, 0x20, 0, 0});
            g.gpa.write(0x2000, new byte[] {(byte) 0xB0, 2, (byte) 0xE6, 0x10, (byte) 0xCF});
            g.interrupts.vectors.addAll(List.of(0x30, 0x31));
            assertEquals(VpExit.HALT, g.run());
            // Whether the first HLT came before or after the interrupts, KVM may choose.
            int given = 2;
            if (!g.intercepts.contains("out 11/1=1")) {
                g.interrupts.vectors.add(0x30);
                given++;
                assertTrue(g.vp.wakeable());
                assertEquals(VpExit.HALT, g.run());
            }
            assertEquals(given, Collections.frequency(g.intercepts, "out 10/1=2"));
            assertEquals(1, Collections.frequency(g.intercepts, "out 11/1=1"));
            g.interrupts.vectors.add(0x30);
            assertFalse(g.vp.wakeable(), "halted with interrupts off");
        }
    }

    @Test
    void shouldDeliverAnInterruptToALoopThatIsRunning() throws Exception {
        // sti; l: jmp l  -- handler: mov al,2; out 10,al; cli; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "fb ebfe")) {
            g.gpa.write(0x30 * 4, new byte[] {0, 0x20, 0, 0});
            g.gpa.write(0x2000, new byte[] {(byte) 0xB0, 2, (byte) 0xE6, 0x10, (byte) 0xFA, (byte) 0xF4});
            Thread t = new Thread(g::run, "vp-0");
            t.start();
            Thread.sleep(10);
            g.interrupts.vectors.add(0x30);
            g.vp.interruptsChanged();
            t.join();
            assertEquals(List.of("out 10/1=2"), g.intercepts);
        }
    }

    @Test
    void shouldDeliverAnNmiToAHaltedVp() {
        // cli; hlt; -- vector 2 at 0x2000: mov al,5; out 10,al; iret -- out 11,al; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "fa f4 e611 f4")) {
            g.gpa.write(2 * 4, new byte[] {0, 0x20, 0, 0});
            g.gpa.write(0x2000, new byte[] {(byte) 0xB0, 5, (byte) 0xE6, 0x10, (byte) 0xCF});
            assertEquals(VpExit.HALT, g.run());
            g.interrupts.nmi = true;
            assertTrue(g.vp.wakeable());
            assertEquals(VpExit.HALT, g.run());
            assertEquals(List.of("out 10/1=5", "out 11/1=5"), g.intercepts);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Irqchip.class, names = {"BACKEND", "SPLIT"})
    void shouldWakeAHaltedVpByAMessage(Irqchip irqchip) throws Exception {
        // sti; hlt; jmp $-1  -- handler of 41h: mov al,3; out 10,al; iret. The local APIC is on (SVR bit 8) by its MMIO register in 32-bit
        // code only, so leave real mode's reach: DS base is given by the state.
        VpState s = KvmGuest.realMode();
        s.seg[VpState.DS] = new SegmentState(0, 0xFEE00000L, 0xFFFF, 0x93);
        // mov dword [f0],1ff; sti; hlt; jmp
        try (KvmGuest g = new KvmGuest(irqchip, "66c706f000ff010000 fb f4 ebfd")) {
            assertEquals(irqchip, g.partition.irqchip());
            g.gpa.write(0x41 * 4, new byte[] {0, 0x20, 0, 0});
            g.gpa.write(0x2000, new byte[] {(byte) 0xB0, 3, (byte) 0xE6, 0x10, (byte) 0xCF});
            g.vp.setState(s);
            Thread t = new Thread(() -> {
                while (g.intercepts.isEmpty() && g.run() == VpExit.KICKED) {
                    Thread.onSpinWait();
                }
            }, "vp-0");
            t.start();
            for (int i = 0; i < 2000 && t.isAlive(); i++) {
                g.partition.interruptController().signalMsi(0xFEE00000L, 0x41);
                g.vp.kick();
                t.join(5);
            }
            assertEquals("out 10/1=3", g.intercepts.getFirst());
        }
    }

    @Test
    void shouldTellTheEndOfLevelTriggeredInterruptsWithASplitIrqchip() throws Exception {
        VpState s = KvmGuest.realMode();
        s.seg[VpState.DS] = new SegmentState(0, 0xFEE00000L, 0xFFFF, 0x93);
        // handler: mov dword [b0],0; mov al,4; out 10,al; iret
        try (KvmGuest g = new KvmGuest(Irqchip.SPLIT, "66c706f000ff010000 fb f4 ebfd")) {
            g.gpa.write(0x51 * 4, new byte[] {0, 0x20, 0, 0});
            g.gpa.write(0x2000, java.util.HexFormat.of().parseHex("66c706b00000000000b004e610cf"));
            g.vp.setState(s);
            g.partition.interruptController().routePin(9, 0xFEE00000L, 0x8051, false);
            Thread t = new Thread(() -> {
                while (g.intercepts.size() < 2 && g.run() == VpExit.KICKED) {
                    Thread.onSpinWait();
                }
            }, "vp-0");
            t.start();
            for (int i = 0; i < 2000 && t.isAlive(); i++) {
                g.partition.interruptController().signalMsi(0xFEE00000L, 0xC051);
                g.vp.kick();
                t.join(5);
            }
            // KVM may tell before or after the instructions that follow.
            assertTrue(g.intercepts.subList(0, 2).containsAll(List.of("eoi 81", "out 10/1=4")), g.intercepts.toString());
        }
    }

    @Test
    void shouldResetTheKernelsInterruptControllers() {
        try (KvmGuest g = new KvmGuest(Irqchip.BACKEND, "f4")) {
            g.partition.interruptController().setLine(4, true);
            g.partition.interruptController().reset();
            g.partition.interruptController().setLine(4, false);
        }
    }

    @Test
    void shouldGiveBackTheStateItWasGiven() throws IOException {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "f4")) {
            VpState s = g.state();
            boolean avx = Files.readString(Path.of("/proc/cpuinfo")).contains(" avx ");
            s.xcr0 = avx ? 7 : s.xcr0;
            for (int i = 0; i < 16; i++) {
                s.gpr[i] = random.nextLong();
            }
            for (int i = 0; i < 64; i++) {
                s.ymm[i] = avx || i % 4 < 2 ? random.nextLong() : 0;
            }
            for (int i = 0; i < 8; i++) {
                s.x87Mantissa[i] = random.nextLong() | 1L << 63;
                s.x87Exponent[i] = random.nextInt(1, 0x7FFF);
            }
            for (int i = 0; i < 4; i++) {
                s.dr[i] = random.nextInt() & 0x7FFFFFFFL;
            }
            s.fcw = 0x37F;
            s.fsw = 3 << 11 | 0x4000;
            s.ftw = 0x5A;
            s.mxcsr = 0x1FA0;
            s.rip = 0x1234;
            s.rflags = 0xC93;
            s.cr2 = random.nextLong();
            s.seg[VpState.ES] = new SegmentState(0x1230, 0x12300, 0xFFFF, 0x93);
            s.gdtBase = 0x5000;
            s.gdtLimit = 0x7F;
            s.idtBase = 0x6000;
            s.idtLimit = 0x3FF;
            s.msrs.put(0x174, 0x10L);
            s.msrs.put(0xC0000082, 0xFFFFFFFF81000000L);
            s.msrs.remove(0x10);
            s.nmiBlocked = true;
            s.interruptShadow = true;
            s.injectedVector = 0x42;
            s.injectedKind = 0;
            s.activity = VpState.Activity.HALTED;
            g.vp.setState(s);
            VpState r = g.state();
            assertArrayEquals(s.gpr, r.gpr);
            assertArrayEquals(s.ymm, r.ymm);
            assertArrayEquals(s.x87Mantissa, r.x87Mantissa);
            assertArrayEquals(s.x87Exponent, r.x87Exponent);
            assertArrayEquals(s.dr, r.dr);
            assertArrayEquals(s.seg, r.seg);
            r.msrs.remove(0x10); // the TSC goes on
            assertEquals(s.msrs, r.msrs);
            assertEquals(s.dump(), r.dump());
            assertTrue(r.nmiBlocked);
            assertTrue(r.interruptShadow);
            assertEquals(s.injectedVector, r.injectedVector);
            assertEquals(s.injectedKind, r.injectedKind);
            if (avx) {
                // Upper halves stay when the guest has taken their bit out of XCR0.
                s.xcr0 = 3;
                g.vp.setState(s);
                assertArrayEquals(s.ymm, g.state().ymm);
            }
        }
    }

    @Test
    void shouldGoOnInAnotherPartitionWhereItStopped() {
        // mov cx,5; l: out 10,al; inc al; loop l; hlt: moved while in the middle
        String code = "b90500 e610 fec0 e2fa f4";
        try (KvmGuest a = new KvmGuest(Irqchip.USER, code); KvmGuest b = new KvmGuest(Irqchip.USER, code)) {
            a.vp.kick();
            VpExit exit = a.vp.run(a.handler);
            assertEquals(VpExit.KICKED, exit);
            VpState s = a.state();
            b.vp.setState(s);
            assertEquals(VpExit.HALT, b.run());
            assertEquals(List.of("out 10/1=0", "out 10/1=1", "out 10/1=2", "out 10/1=3", "out 10/1=4"), b.intercepts);
        }
    }

    @Test
    void shouldLogThePagesThatGuestAndHostWrite() {
        // mov byte [5000],7; hlt
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "c606005007 f4")) {
            g.gpa.setDirtyLog(true);
            long[] bitmap = new long[4];
            g.gpa.collectDirty(g.ram, bitmap);
            assertEquals(0, bitmap[0]);
            assertEquals(VpExit.HALT, g.run());
            g.gpa.write(9 * GpaSpace.PAGE_SIZE, new byte[] {1});
            assertEquals(2, g.gpa.collectDirty(g.ram, bitmap));
            assertEquals(1L << 5 | 1L << 9, bitmap[0]);
            assertEquals(0, g.gpa.collectDirty(g.ram, bitmap));
            g.gpa.setDirtyLog(false);
        }
    }

    @Test
    void shouldForgetMemoryThatIsUnmapped() {
        VpState s = KvmGuest.realMode();
        s.seg[VpState.DS] = new SegmentState(0, KvmGuest.ROM, 0xFFFF, 0x93);
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "a10000 f4")) { // mov ax,[0]; hlt
            g.gpa.unmap(g.rom);
            g.mmioIn = 0x4321;
            g.vp.setState(s);
            assertEquals(VpExit.HALT, g.run());
            assertEquals(0x4321, g.state().gpr[RAX]);
            g.gpa.map(g.rom);
            g.vp.setState(s);
            assertEquals(VpExit.HALT, g.run());
            assertEquals(0, g.state().gpr[RAX]);
        }
    }

    @Test
    void shouldStopAfterSingleSteps() {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "40 40 40 f4")) { // inc ax x3; hlt
            g.vp.debug(new long[0], true);
            assertEquals(VpExit.DEBUG, g.run());
            assertEquals(KvmGuest.START + 1, g.state().rip);
            assertEquals(VpExit.DEBUG, g.run());
            assertEquals(2, g.state().gpr[RAX]);
            g.vp.debug(new long[0], false);
            assertEquals(VpExit.HALT, g.run());
            assertEquals(3, g.state().gpr[RAX]);
        }
    }

    @Test
    void shouldStopBeforeBreakpointsHoweverMany() {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "40 40 40 40 f4")) {
            g.vp.debug(new long[] {0x1002, 0x9001, 0x9002, 0x9003, 0x9004}, false);
            assertEquals(VpExit.DEBUG, g.run());
            assertEquals(0x1002, g.state().rip);
            assertEquals(2, g.state().gpr[RAX]);
            g.vp.debug(new long[0], false);
            assertEquals(VpExit.HALT, g.run());
        }
    }

    @Test
    void shouldOfferACpuidTableAndTakeAnother() {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "f4")) {
            CpuidTable table = g.partition.cpuid();
            assertNotNull(table.find(0, 0));
            CpuidTable.Entry features = table.find(1, 0);
            assertTrue((features.ecx() & 1 << 31) != 0, "hypervisor bit");
            assertEquals(1, features.ebx() >> 16 & 0xFF, "logical processors");
        }
    }

    @Test
    void shouldTranslateByTheGuestsPaging() {
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "f4")) {
            assertEquals(0x3456, g.vp.translate(0x3456));
            g.vp.setState(LongMode.state(g.gpa, 0x4000, 0));
            assertEquals(0x3456, g.vp.translate(0x3456));
            assertEquals(-1, g.vp.translate(0x7F00_0000_0000L));
        }
    }

    @Test
    void shouldRunUserCodeInLongMode() {
        // at 0x1000, CPL 3: mov ecx,1000000; l: dec ecx; jnz l; mov rax,0x1122334455667788; mov [0x3000000],rax (no memory there); jmp $
        try (KvmGuest g = new KvmGuest(Irqchip.USER, "b940420f00 ffc9 75fc 48b88877665544332211 48a30000000300000000 ebfe")) {
            g.vp.setState(LongMode.state(g.gpa, KvmGuest.START, 3));
            g.vp.kick();
            assertEquals(VpExit.KICKED, g.run());
            while (g.intercepts.isEmpty()) {
                Thread t = new Thread(() -> {
                    while (g.intercepts.isEmpty()) {
                        Thread.onSpinWait();
                    }
                    g.vp.kick();
                });
                t.start();
                g.run();
            }
            assertEquals(List.of("write 3000000/8=1122334455667788"), g.intercepts);
            assertEquals(3, g.state().seg[VpState.CS].selector() & 3);
        }
    }
}
