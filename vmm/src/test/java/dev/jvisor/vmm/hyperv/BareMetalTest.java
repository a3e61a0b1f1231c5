package dev.jvisor.vmm.hyperv;

import static org.junit.jupiter.api.Assertions.*;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest of a few hundred bytes uses the interface, on both backends: same code, same answers. */
@Timeout(120)
class BareMetalTest {
    private static final long CODE = 0x100000, IDT = 0x8000, HYPERCALL = 0x180000, SIMP = 0x181000, SIEFP = 0x182000, INPUT = 0x183000,
            DATA = 0x184000, TSC_PAGE = 0x185000, TEXT = 0x186000;
    /** Words the interrupt handlers write: messages taken, sum of their payloads, event flags seen, direct timer fired, timer messages. */
    private static final long MESSAGES = DATA, SUM = DATA + 8, EVENTS = DATA + 16, TIMER = DATA + 24, TIMER_MESSAGES = DATA + 32;
    private static final int EOI = 0xFEE000B0;
    private static final String PANIC = "Kernel panic - not syncing: the guest says so\n";

    private static byte[] messageHandler() {
        SmallCode c = new SmallCode().raw("50 51 52");
        // Event flags of SINT 2: taken all at once.
        c.raw("31c0 870425").u32(SIEFP + 0x200).raw("090425").u32(EVENTS);
        // The slot of SINT 2.
        c.load(SIMP + 0x200).raw("85c0 74").raw("00");
        int jump = c.here();
        // js: a timer's message
        c.raw("78 09");
        c.load(SIMP + 0x210).raw("eb 07");
        // timer: count it; its first payload word is its index, 0
        c.raw("ff0425").u32(TIMER_MESSAGES);
        byte[] before = c.bytes();
        assertEquals(jump + 2 + 9 + 7, before.length);
        SmallCode d = new SmallCode();
        // Both ways end here with EAX the first payload word, or the type of a timer's message, which no test adds up.
        d.raw("010425").u32(SUM).raw("ff0425").u32(MESSAGES);
        // mov cl,[flags]; xor eax,eax; xchg [type],eax; test cl,1; jz +14; EOM
        d.raw("8a0c25").u32(SIMP + 0x205).raw("31c0 870425").u32(SIMP + 0x200).raw("f6c101 74 11");
        d.wrmsr(0x40000084, 0);
        byte[] body = d.bytes();
        before[jump - 1] = (byte) (before.length - jump + body.length);
        return new SmallCode().raw(hex(before)).raw(hex(body)).raw("b8").u32(EOI).raw("c70000000000 5a 59 58 48cf").bytes();
    }

    private static String hex(byte[] b) {
        return java.util.HexFormat.of().formatHex(b);
    }

    private static byte[] timerHandler() {
        return new SmallCode().raw("50 ff0425").u32(TIMER).raw("b8").u32(EOI).raw("c70000000000 58 48cf").bytes();
    }

    private static byte[] program(boolean idle) {
        SmallCode c = new SmallCode();
        // Local APIC on.
        c.raw("b8").u32(0xFEE000F0L).raw("c700 ff010000");
        // cpuid 40000000: EBX; cpuid 1: ECX
        c.raw("b8").u32(0x40000000).raw("0fa2 89d8").report();
        c.wrmsr(0x40000000, 0x8100_0006_0100_0000L).wrmsr(0x40000001, HYPERCALL | 1).wrmsr(0x40000083, SIMP | 1)
                .wrmsr(0x40000082, SIEFP | 1).wrmsr(0x40000092, 0xF3).wrmsr(0x40000080, 1).raw("fb");
        // Creating a partition is not for children.
        c.hypercall(HYPERCALL, 0x40, INPUT).report();
        // A message; the host answers with three.
        c.hypercall(HYPERCALL, 0x5C, INPUT).report();
        c.waitFor(MESSAGES, 3).load(SUM).report();
        // A signal; the host answers with one.
        c.hypercall(HYPERCALL, 0x1005D, 0x10001).report();
        c.waitFor(EVENTS, 1).load(EVENTS).report();
        // Direct timer, 1 ms from now.
        c.wrmsr(0x400000B0, 0xED << 4 | 1 << 12 | 1 << 3);
        armTimer(c);
        c.waitFor(TIMER, 1).raw("b8").u32(0x7001).report();
        // The same as a message.
        c.wrmsr(0x400000B0, 2 << 16 | 1 << 3);
        armTimer(c);
        c.waitFor(TIMER_MESSAGES, 1).raw("b8").u32(0x7002).report();
        // Idle with interrupts off: the timer ends it.
        c.wrmsr(0x400000B0, 0xED << 4 | 1 << 12 | 1 << 3).raw("fa");
        armTimer(c);
        if (idle) {
            c.rdmsr(0x400000F0);
        }
        c.waitFor(TIMER, 2).load(TIMER).report();
        // Counter, page, counter: none is before the last. mov r10,rax; rdtsc; shl rdx,32; or rax,rdx; mul [scale]; add rdx,[offset]; mov r11,rdx
        c.wrmsr(0x40000021, TSC_PAGE | 1);
        c.rdmsr(0x40000020).raw("4989c2 0f31 48c1e220 4809d0 48f72425").u32(TSC_PAGE + 8).raw("48031425").u32(TSC_PAGE + 16).raw("4989d3");
        // rdmsr; sub rax,r11; report; mov rax,r11; sub rax,r10; report
        c.rdmsr(0x40000020).raw("4c29d8").report().raw("4c89d8 4c29d0").report();
        c.wrmsr(0x40000103, TEXT).wrmsr(0x40000104, PANIC.length()).wrmsr(0x40000105, 3L << 62);
        return c.raw("fa f4 ebfd").bytes();
    }

    /** Sets the count to now and 1 ms. */
    private static void armTimer(SmallCode c) {
        // rdmsr leaves the whole in RAX: add rax,10000; mov rdx,rax; shr rdx,32
        c.rdmsr(0x40000020).raw("4805").u32(10_000).raw("4889c2 48c1ea20 b9").u32(0x400000B1).raw("0f30");
    }

    private static void gate(GpaSpace gpa, int vector, long handler) {
        ByteBuffer b = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort((short) handler).putShort((short) 0x10).put((byte) 0).put((byte) 0x8E).putShort((short) (handler >>> 16));
        gpa.write(IDT + vector * 16L, b.array());
    }

    private static void run(Backend backend, Irqchip irqchip) throws Exception {
        try (backend; Partition p = Partition.create(backend, PartitionConfig.of("bare", 16 << 20).withIrqchip(irqchip))) {
            Hypervisor hv = Hypervisor.attach(p, HypervisorConfig.defaults().withSyntheticTimers(true));
            List<Integer> reports = new CopyOnWriteArrayList<>();
            p.ports().register(0x99, 1, 4, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return -1;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    reports.add(value);
                }
            });
            hv.onCrash(report -> p.requestStop(StopReason.guestCrash(report.describe())));
            hv.connectMessages(4, (vp, type, message, size) -> {
                boolean ok = type == 1 && size == 8 && message.get(Layouts.LE64, 0) == 0x5566L;
                for (int i = 1; ok && i <= 3; i++) {
                    ok = hv.postMessage(vp, 2, 1, 0, GuestSide.payload(i * 100), 8);
                }
                return ok ? HvStatus.SUCCESS : HvStatus.INVALID_PARAMETER;
            });
            hv.connectEvents(0x10001, flag -> hv.signalEvent(0, 2, 5 + flag));
            long handlers = CODE + 0x10000;
            VpState s = new FlatLoader(program(p.irqchip() == Irqchip.USER), CODE, FlatLoader.Mode.LONG64).load(p.gpa(), BootOptions.of(16 << 20));
            p.gpa().write(handlers, messageHandler());
            p.gpa().write(handlers + 0x1000, timerHandler());
            gate(p.gpa(), 0xF3, handlers);
            gate(p.gpa(), 0xED, handlers + 0x1000);
            s.idtBase = IDT;
            s.idtLimit = 0xFFF;
            ByteBuffer in = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putInt(4).putInt(0).putInt(1).putInt(8).putLong(0x5566);
            p.gpa().write(INPUT, in.array());
            p.gpa().write(TEXT, PANIC.getBytes(StandardCharsets.US_ASCII));
            p.setBootState(s);
            p.start();
            StopReason end = p.awaitStop(Duration.ofSeconds(60));
            if (end == null) {
                p.pause();
                fail("no end; reports " + reports + "\n" + p.processor(0).explain());
            }
            assertEquals(StopReason.Kind.GUEST_CRASH, end.kind(), () -> end + " after " + reports);
            assertEquals(PANIC.strip(), end.text());
            assertEquals(List.of(0x7263694D, 6, 0, 600, 0, 1 << 5, 0x7001, 0x7002, 2), reports.subList(0, 9));
            assertTrue(reports.get(9) >= 0 && reports.get(10) >= 0, "time went back: " + reports);
        }
    }

    private static void runIn32BitCode(Backend backend) throws Exception {
        try (backend; Partition p = Partition.create(backend, PartitionConfig.of("bare", 16 << 20))) {
            Hypervisor hv = Hypervisor.attach(p, HypervisorConfig.defaults());
            List<Integer> flags = new CopyOnWriteArrayList<>();
            hv.connectEvents(0x12, flags::add);
            SmallCode c = new SmallCode().wrmsr(0x40000000, 0x8100_0006_0100_0000L).wrmsr(0x40000001, HYPERCALL | 1);
            // mov eax,1005Dh; xor edx,edx; mov ecx,12h; mov ebx,9; mov ebp,page; call ebp; then power off by what it answers, which is 0
            c.raw("b8").u32(0x1005D).raw("31d2 b9").u32(0x12).raw("bb").u32(9).raw("bd").u32(HYPERCALL).raw("ffd5");
            c.raw("09d0 e7f4 fa f4");
            List<Integer> ends = new CopyOnWriteArrayList<>();
            p.ports().register(0xF4, 4, 4, new PortDevice() {
                @Override
                public int portRead(int vp, int port, int size) {
                    return -1;
                }

                @Override
                public void portWrite(int vp, int port, int size, int value) {
                    ends.add(value);
                    p.requestStop(StopReason.POWER_OFF);
                }
            });
            p.setBootState(new FlatLoader(c.bytes(), CODE, FlatLoader.Mode.PROTECTED32).load(p.gpa(), BootOptions.of(16 << 20)));
            p.start();
            StopReason end = p.awaitStop(Duration.ofSeconds(60));
            assertEquals(StopReason.POWER_OFF, end);
            assertEquals(List.of(9), flags);
            assertEquals(List.of(0), ends);
        }
    }

    @Test
    void callsFrom32BitCodeOnTheSoftwareCpu() throws Exception {
        runIn32BitCode(new SoftwareBackend());
    }

    @Test
    @Tag("kvm")
    void callsFrom32BitCodeOnKvm() throws Exception {
        Path device = Path.of("/dev/kvm");
        assumeTrue(Files.isReadable(device) && Files.isWritable(device), "needs /dev/kvm");
        runIn32BitCode(KvmBackend.open());
    }

    @Test
    void onTheSoftwareCpu() throws Exception {
        run(new SoftwareBackend(), Irqchip.USER);
    }

    @ParameterizedTest
    @EnumSource
    @Tag("kvm")
    void onKvm(Irqchip irqchip) throws Exception {
        Path device = Path.of("/dev/kvm");
        assumeTrue(Files.isReadable(device) && Files.isWritable(device), "needs /dev/kvm");
        run(KvmBackend.open(), irqchip);
    }
}
