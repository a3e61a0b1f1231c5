package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The wrappers against the kernel, with guests of a few real-mode instructions at address 0x1000. */
@Tag("kvm")
@Timeout(60)
class KvmTest {
    private static final int START = 0x1000;
    private static final int RAX = 0;
    private static final int RDX = 2;

    private Kvm kvm;
    private KvmVm vm;
    private MappedMemory memory;
    private KvmVcpu vcpu;

    @BeforeEach
    void openKvm() {
        Assumptions.assumeTrue(Files.isWritable(Path.of(Kvm.DEVICE)), "/dev/kvm is missing or forbidden");
        kvm = Kvm.open();
        vm = kvm.createVm();
        memory = MappedMemory.anonymous("ram", 1 << 20);
    }

    @AfterEach
    void close() {
        if (vcpu != null) {
            vcpu.close();
        }
        if (kvm != null) {
            vm.close();
            memory.close();
            kvm.close();
        }
    }

    private void boot(int... code) {
        vm.setMemoryRegion(0, 0, 0, memory.segment());
        start(code);
    }

    private void start(int... code) {
        for (int i = 0; i < code.length; i++) {
            memory.segment().set(JAVA_BYTE, START + i, (byte) code[i]);
        }
        vcpu = vm.createVcpu(0);
        KvmSregs sregs = vcpu.getSregs();
        sregs.segment(1, 0, 0, 0xffff, 0x9b);
        vcpu.setSregs();
        KvmRegs regs = vcpu.getRegs();
        regs.rip(START);
        regs.rflags(2);
        vcpu.setRegs();
    }

    @Test
    void shouldTellItsVersionAndWhatTheHostOffers() {
        assertEquals(Kvm.API_VERSION, kvm.apiVersion());
        assertTrue(kvm.checkExtension(KvmCap.USER_MEMORY) > 0);
        assertTrue(kvm.vcpuMmapSize() >= 4096);
        assertTrue(kvm.supportedCpuid().stream().anyMatch(e -> e.function() == 0 && e.ebx() != 0));
        assertTrue(kvm.msrIndexList().length > 4);
    }

    @Test
    void shouldLeaveForPortOutputAndHalt() {
        boot(0xb0, 'A', 0xe6, 0x10, 0xf4); // mov al,'A'; out 0x10,al; hlt
        assertEquals(KvmExit.IO, vcpu.run());
        KvmRun run = vcpu.runPage();
        assertTrue(run.ioIsWrite());
        assertEquals(0x10, run.ioPort());
        assertEquals(1, run.ioSize());
        assertEquals(1, run.ioCount());
        assertEquals('A', run.ioData(0));
        assertEquals(KvmExit.HLT, vcpu.run());
    }

    @Test
    void shouldHandPortInputToTheGuest() {
        boot(0xba, 0x34, 0x12, 0xed, 0xf4); // mov dx,0x1234; in ax,dx; hlt
        assertEquals(KvmExit.IO, vcpu.run());
        assertFalse(vcpu.runPage().ioIsWrite());
        assertEquals(2, vcpu.runPage().ioSize());
        vcpu.runPage().ioData(0, 0xbeef);
        assertEquals(KvmExit.HLT, vcpu.run());
        assertEquals(0xbeef, vcpu.getRegs().gpr(RAX));
        assertEquals(0x1234, vcpu.regs().gpr(RDX) & 0xffff);
    }

    @Test
    void shouldLeaveForMmioReadAndWrite() {
        // mov ax,0xa000 over; mov ds,ax is 'a' at 0xa0000: leave a hole there
        vm.setMemoryRegion(0, 0, 0, memory.segment().asSlice(0, 0xa0000));
        start(0xb8, 0x00, 0xa0, 0x8e, 0xd8, 0xa1, 0x04, 0x00, 0x40, 0xa3, 0x08, 0x00, 0xf4); // ds=0xa000; ax=[4]; inc ax; [8]=ax; hlt
        assertEquals(KvmExit.MMIO, vcpu.run());
        KvmRun run = vcpu.runPage();
        assertFalse(run.mmioIsWrite());
        assertEquals(0xa0004, run.mmioAddress());
        assertEquals(2, run.mmioLength());
        run.mmioData(0x41);
        assertEquals(KvmExit.MMIO, vcpu.run());
        assertTrue(run.mmioIsWrite());
        assertEquals(0xa0008, run.mmioAddress());
        assertEquals(0x42, run.mmioData());
        assertEquals(KvmExit.HLT, vcpu.run());
    }

    @Test
    void shouldLeaveAnEndlessLoopWhenKicked() throws Exception {
        boot(0xeb, 0xfe); // jmp $
        CountDownLatch running = new CountDownLatch(1);
        AtomicInteger interrupted = new AtomicInteger();
        Thread runner = new Thread(() -> {
            running.countDown();
            while (interrupted.get() < 20) {
                if (vcpu.run() == KvmExit.INTERRUPTED) {
                    interrupted.incrementAndGet();
                }
            }
        }, "vcpu-0");
        runner.start();
        running.await();
        while (runner.isAlive()) {
            vcpu.kick();
            runner.join(2);
        }
        assertEquals(20, interrupted.get());
        assertEquals(START, vcpu.getRegs().rip());
    }

    @Test
    void shouldReturnAtOnceWhenKickedBefore() {
        boot(0xeb, 0xfe);
        vcpu.kick();
        assertEquals(KvmExit.INTERRUPTED, vcpu.run());
        assertFalse(vcpu.runPage().immediateExit());
    }

    @Test
    void shouldPassFilteredMsrsToUserSpace() {
        Assumptions.assumeTrue(kvm.checkExtension(KvmCap.X86_MSR_FILTER) > 0, "no KVM_CAP_X86_MSR_FILTER");
        vm.enableUserSpaceMsrs(KvmVm.MSR_REASON_FILTER);
        vm.setMsrFilter(List.of(new MsrRange(0x40000000, 0x100, true, true)));
        boot(0x66, 0xb9, 0x05, 0x00, 0x00, 0x40, 0x0f, 0x32, 0x40, 0x0f, 0x30, 0xf4); // mov ecx,0x40000005; rdmsr; inc ax; wrmsr; hlt
        assertEquals(KvmExit.X86_RDMSR, vcpu.run());
        KvmRun run = vcpu.runPage();
        assertEquals(0x40000005, run.msrIndex());
        assertEquals(KvmVm.MSR_REASON_FILTER, run.msrReason());
        run.msrError(false);
        run.msrData(0x1234_0000_0007L);
        assertEquals(KvmExit.X86_WRMSR, vcpu.run());
        assertEquals(0x1234_0000_0008L, run.msrData());
        run.msrError(false);
        assertEquals(KvmExit.HLT, vcpu.run());
    }

    @Test
    void shouldLogPagesTheGuestWrites() {
        vm.setMemoryRegion(0, KvmVm.MEM_LOG_DIRTY_PAGES, 0, memory.segment());
        start(0xc6, 0x06, 0x00, 0x50, 0x07, 0xf4); // mov byte [0x5000],7; hlt
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bitmap = arena.allocate(256 / 8, 8);
            assertEquals(KvmExit.HLT, vcpu.run());
            vm.getDirtyLog(0, bitmap);
            assertEquals(1L << 5, bitmap.get(JAVA_LONG, 0));
            vm.getDirtyLog(0, bitmap);
            assertEquals(0, bitmap.get(JAVA_LONG, 0));
        }
        assertEquals(7, memory.segment().get(JAVA_BYTE, 0x5000));
    }

    @Test
    void shouldTurnWritesToReadOnlyMemoryIntoMmio() {
        vm.setMemoryRegion(0, 0, 0, memory.segment().asSlice(0, 0x4000));
        vm.setMemoryRegion(1, KvmVm.MEM_READONLY, 0x4000, memory.segment().asSlice(0x4000, 0x1000));
        start(0xc6, 0x06, 0x10, 0x40, 0x07, 0xf4); // mov byte [0x4010],7; hlt
        assertEquals(KvmExit.MMIO, vcpu.run());
        assertTrue(vcpu.runPage().mmioIsWrite());
        assertEquals(0x4010, vcpu.runPage().mmioAddress());
        assertEquals(KvmExit.HLT, vcpu.run());
        assertEquals(0, memory.segment().get(JAVA_BYTE, 0x4010));
    }

    @Test
    void shouldSignalAnEventFdInsteadOfLeaving() {
        try (EventFd event = new EventFd()) {
            boot(0xe7, 0x20, 0xe7, 0x20, 0xf4); // out 0x20,ax; out 0x20,ax; hlt
            vm.ioeventfd(event, true, 0x20, 2);
            assertEquals(KvmExit.HLT, vcpu.run());
            assertEquals(2, event.take());
            vm.removeIoeventfd(event, true, 0x20, 2);
        }
    }

    @Test
    void shouldSyncRegistersInTheRunPage() {
        Assumptions.assumeTrue((kvm.checkExtension(KvmCap.SYNC_REGS) & KvmRun.SYNC_REGS) != 0, "no KVM_CAP_SYNC_REGS");
        boot(0x40, 0xe6, 0x10, 0x40, 0xf4); // inc ax; out 0x10,al; inc ax; hlt
        vcpu.runPage().syncValid(KvmRun.SYNC_REGS | KvmRun.SYNC_SREGS);
        assertEquals(KvmExit.IO, vcpu.run());
        long before = vcpu.runPage().syncRegs().gpr(RAX);
        assertEquals(0x9b, vcpu.runPage().syncSregs().accessRights(1));
        assertEquals(KvmExit.HLT, vcpu.run());
        assertEquals(before + 1, vcpu.runPage().syncRegs().gpr(RAX));
        vcpu.runPage().syncRegs().rip(START);
        vcpu.runPage().syncRegs().gpr(RAX, 0x40);
        vcpu.runPage().syncDirty(KvmRun.SYNC_REGS);
        assertEquals(KvmExit.IO, vcpu.run());
        assertEquals(0x41, vcpu.runPage().ioData(0));
    }

    @Test
    void shouldDeliverAnInjectedInterrupt() {
        boot(0xfb, 0x90, 0xeb, 0xfe); // sti; nop; jmp $
        byte[] handler = {(byte) 0xb0, 0x21, (byte) 0xe6, 0x10, (byte) 0xf4}; // mov al,0x21; out 0x10,al; hlt
        MemorySegment.copy(handler, 0, memory.segment(), JAVA_BYTE, 0x2000, handler.length);
        memory.segment().set(JAVA_LONG, 0x20 * 4, 0x2000);
        KvmRegs regs = vcpu.getRegs();
        regs.gpr(4, 0x8000);
        regs.rflags(0x202);
        vcpu.setRegs();
        vcpu.interrupt(0x20);
        assertEquals(KvmExit.IO, vcpu.run());
        assertEquals(0x21, vcpu.runPage().ioData(0));
    }

    @Test
    void shouldReadAndWriteTheRestOfTheState() {
        boot(0xf4);
        vcpu.setCpuid(kvm.supportedCpuid());
        assertFalse(vcpu.getCpuid().isEmpty());
        long[] debug = {1, 2, 3, 4, 0xffff0ff0L, 0x400};
        vcpu.setDebugRegs(debug);
        long[] read = new long[6];
        vcpu.getDebugRegs(read);
        assertEquals(List.of(1L, 2L, 3L, 4L), List.of(read[0], read[1], read[2], read[3]));
        assertEquals(1, vcpu.getXcr0() & 1);
        vcpu.setXcr0(vcpu.getXcr0());
        vcpu.getXsave();
        vcpu.setXsave();
        vcpu.getFpu();
        vcpu.setFpu();
        vcpu.getEvents();
        vcpu.setEvents();
        KvmMsrs msrs = new KvmMsrs(0x174, 0x175); // SYSENTER_CS, SYSENTER_ESP
        msrs.value(0, 8);
        msrs.value(1, 0x12345678);
        assertEquals(2, vcpu.setMsrs(msrs));
        msrs.value(1, 0);
        assertEquals(2, vcpu.getMsrs(msrs));
        assertEquals(0x12345678, msrs.value(1));
        assertEquals(0x1000, vcpu.translate(0x1000));
        assertTrue(vcpu.tscKhz() > 0);
    }

    @Test
    void shouldMakeInterruptControllersInTheKernel() {
        vm.createIrqchip();
        vm.createPit2(true);
        boot(0xf4);
        try (Arena arena = Arena.ofConfined(); EventFd event = new EventFd(); EventFd resample = new EventFd()) {
            MemorySegment chip = arena.allocate(KvmVm.IRQCHIP_STATE_SIZE, 8);
            for (int i = 0; i < 3; i++) {
                vm.getIrqchip(i, chip);
                vm.setIrqchip(i, chip);
            }
            MemorySegment pit = arena.allocate(KvmVm.PIT_STATE_SIZE, 8);
            vm.getPit2(pit);
            vm.setPit2(pit);
            vm.setPitReinject(false);
            MemorySegment lapic = arena.allocate(KvmVcpu.LAPIC_SIZE, 8);
            vcpu.getLapic(lapic);
            vcpu.setLapic(lapic);
            assertEquals(KvmVcpu.MP_RUNNABLE, vcpu.mpState());
            vm.setGsiRouting(List.of(new GsiRoute.Pin(4, KvmVm.IOAPIC, 4), new GsiRoute.Msi(24, 0xfee00000L, 0x41)));
            vm.irqLine(4, true);
            vm.irqLine(4, false);
            vm.irqfd(event, 24);
            vm.removeIrqfd(event, 24);
            vm.irqfdResample(event, 4, resample);
            vm.signalMsi(0xfee00000L, 0x41);
        }
        KvmClock clock = vm.getClock();
        vm.setClock(new KvmClock(clock.clockNs(), 0, 0, 0));
    }

    @Test
    void shouldMakeASplitIrqchip() {
        vm.enableSplitIrqchip(24);
        boot(0xf4);
        assertEquals(KvmVcpu.MP_RUNNABLE, vcpu.mpState());
        vm.signalMsi(0xfee00000L, 0x41);
    }

    @Test
    void shouldNameTheRequestThatFailed() {
        boot(0xf4);
        ErrnoException e = assertThrows(ErrnoException.class, () -> vm.irqLine(3, true));
        assertTrue(e.getMessage().startsWith("KVM_IRQ_LINE on vm: "), e.getMessage());
    }
}
