package dev.jvisor.vmbus.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestClient;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmm.hostility.HostileRun;
import dev.jvisor.vmm.hyperv.HvStatus;
import dev.jvisor.vmm.hyperv.Hypervisor;
import dev.jvisor.vmm.hyperv.HypervisorConfig;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The bus over the hypervisor interface of a real partition, and a guest that lays the interface's pages (messages, event flags, hypercalls,
 * reference time) over its rings, over the input of its hypercalls, over each other and over nothing, while packets and messages flow. The
 * guest's moves are made here, on registers and memory of VPs that stand still. Seeds and longer runs: {@link HostileRun}.
 */
@Timeout(300)
class HostileOverlayTest {
    private static final int VPS = 2;
    private static final long HYPERCALL_PAGE = 0x200, INPUT = 0x201, SIMP = 0x210, SIEFP = 0x220, RINGS = 0x300;
    private static final int RING_PAGES = 4;
    private static final int GUEST_OS_ID = 0x40000000, HYPERCALL = 0x40000001, REFERENCE_TSC = 0x40000021, VP_ASSIST = 0x40000073,
            SCONTROL = 0x40000080, MSR_SIEFP = 0x40000082, MSR_SIMP = 0x40000083, EOM = 0x40000084, SINT2 = 0x40000092;
    private static final int RAX = 0, RCX = 1, RDX = 2, R8 = 8;
    private static final int SLOT = 2 * 256;
    private static final long PATIENCE_NS = 20_000_000_000L;

    private final Partition partition = Partition.create(new SoftwareBackend(), PartitionConfig.of("hostile", 16 << 20).withProcessors(VPS));
    private final Hypervisor hypervisor = Hypervisor.attach(partition, HypervisorConfig.defaults().withSyntheticTimers(true));
    private final VmbusServer bus = new VmbusServer(VmbusHost.of(hypervisor));
    private final EchoDevice device = new EchoDevice();
    private final GpaSpace gpa = partition.gpa();
    private final long[] pfns = new long[2 * RING_PAGES];
    private GuestRing out;
    private GuestRing in;

    @AfterEach
    void close() {
        bus.close();
        partition.close();
        assertEquals(0, bus.counter(VmbusCounter.FAILURES), "an exception came out of a device or the bus");
    }

    // ---- the guest's moves

    private boolean wrmsr(int vp, int msr, long value) {
        return partition.msrs().find(msr).msrWrite(vp, msr, value);
    }

    private int hypercall(int vp, long control, long input, long output) {
        var p = partition.processor(vp);
        p.setRegister(RCX, control);
        p.setRegister(RDX, input);
        p.setRegister(R8, output);
        partition.ports().find(HypervisorConfig.HYPERCALL_PORT).portWrite(vp, HypervisorConfig.HYPERCALL_PORT, 4, 0);
        return (int) p.register(RAX) & 0xFFFF;
    }

    private int post(int connection, byte[] message) {
        ByteBuffer b = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(connection).putInt(0).putInt(1).putInt(message.length).put(message);
        gpa.write(INPUT << 12, b.array());
        return hypercall(0, 0x5C, INPUT << 12, 0);
    }

    private int signal(int relid) {
        return hypercall(0, 0x1005D, 0x2000 | relid, 0);
    }

    /** As a guest that boots. */
    private void enable() {
        wrmsr(0, GUEST_OS_ID, 0);
        wrmsr(0, GUEST_OS_ID, 0x8100L << 48);
        assertTrue(wrmsr(0, HYPERCALL, HYPERCALL_PAGE << 12 | 1));
        for (int vp = 0; vp < VPS; vp++) {
            wrmsr(vp, SCONTROL, 0);
            wrmsr(vp, MSR_SIMP, SIMP + vp << 12 | 1);
            wrmsr(vp, MSR_SIEFP, SIEFP + vp << 12 | 1);
            wrmsr(vp, SINT2, 0xF3);
            gpa.ram(SIMP + vp << 12, 4096).fill((byte) 0);
            wrmsr(vp, SCONTROL, 1);
        }
    }

    /** The next message of a type; others are passed over. */
    private ByteBuffer message(int type) {
        long end = System.nanoTime() + PATIENCE_NS;
        while (System.nanoTime() - end < 0) {
            MemorySegment page = gpa.ram(SIMP << 12, 4096);
            if (page.get(ValueLayout.JAVA_INT, SLOT) == 0) {
                wrmsr(0, EOM, 0);
                Thread.yield();
                continue;
            }
            ByteBuffer m = ByteBuffer.wrap(page.asSlice(SLOT + 16, 240).toArray(ValueLayout.JAVA_BYTE)).order(ByteOrder.LITTLE_ENDIAN);
            page.set(ValueLayout.JAVA_INT, SLOT, 0);
            wrmsr(0, EOM, 0);
            if (m.getInt(0) == type) {
                return m;
            }
        }
        throw new AssertionError("no message of type " + type + " came");
    }

    private void connectAndOpen() {
        assertEquals(HvStatus.SUCCESS, post(4, GuestClient.message(14, 40, 0x50003, 0, 2)));
        assertEquals(1, message(15).get(8));
        assertEquals(HvStatus.SUCCESS, post(1, GuestClient.message(3, 8)));
        message(4);
        ByteBuffer b = ByteBuffer.wrap(GuestClient.message(8, 28 + 8 * pfns.length, 1, 77)).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort(16, (short) (8 + 8 * pfns.length)).putShort(18, (short) 1).putInt(20, pfns.length * 4096);
        for (int i = 0; i < pfns.length; i++) {
            pfns[i] = RINGS + pfns.length - i;
            b.putLong(28 + 8 * i, pfns[i]);
        }
        assertEquals(HvStatus.SUCCESS, post(1, b.array()));
        assertEquals(0, message(10).getInt(16));
        out = new GuestRing(gpa, pfns, 0, RING_PAGES);
        in = new GuestRing(gpa, pfns, RING_PAGES, RING_PAGES);
        out.initialize();
        in.initialize();
        assertEquals(HvStatus.SUCCESS, post(1, GuestClient.message(5, 148, 1, 1, 77, 1, RING_PAGES)));
        assertEquals(0, message(6).getInt(16));
    }

    private void works() {
        enable();
        assertEquals(HvStatus.SUCCESS, post(4, GuestClient.message(16, 8)));
        message(17);
        connectAndOpen();
        long flags = (SIEFP + 1 << 12) + SLOT;
        gpa.write(flags, new byte[] {0});
        byte[] b = {1, 2, 3, 4, 5, 6, 7, 8};
        if (out.send(6, 1, 42, new byte[0], b) == GuestRing.Sent.SIGNAL) {
            assertEquals(HvStatus.SUCCESS, signal(1));
        }
        // Sleeps until relid 1 is flagged: a guest that looks into its ring before might find the answer, and then none is owed.
        for (long end = System.nanoTime() + PATIENCE_NS; (gpa.read8(flags) & 2) == 0;) {
            assertTrue(System.nanoTime() - end < 0, "no event flag");
            Thread.yield();
        }
        GuestRing.Packet p = in.receive();
        assertEquals(42, p.id());
        assertArrayEquals(b, p.payload());
    }

    @Test
    void pagesOfTheInterfaceMayLieOverRingsAndOverEachOther() {
        bus.offer(Offer.of("echo", DeviceClass.SCSI, UUID.randomUUID()), device);
        HostileRun.run("overlays over rings", 30, random -> {
            works();
            for (int i = 0; i < 300; i++) {
                step(random, i);
            }
            assertEquals(0, bus.counter(VmbusCounter.FAILURES));
        });
        works();
        assertTrue(bus.counter(VmbusCounter.CHANNELS_BROKEN) > 5 && device.opened.get() > 60, "broken " + bus.counter(VmbusCounter.CHANNELS_BROKEN));
    }

    private long place(Random random) {
        long[] pages = {pfns[0], pfns[1], pfns[2], pfns[RING_PAGES], pfns[RING_PAGES + 1], INPUT, HYPERCALL_PAGE, SIMP, SIMP + 1, SIEFP, SIEFP + 1, 0, 0x9F,
            0xA0, 0xFFF, 0x1000, 0xFEE00, 1L << 40, -1};
        return pages[random.nextInt(pages.length)];
    }

    private void step(Random random, int i) {
        int vp = random.nextInt(VPS);
        switch (random.nextInt(10)) {
            case 0 -> wrmsr(vp, MSR_SIMP, place(random) << 12 | random.nextInt(8) & 7);
            case 1 -> wrmsr(vp, MSR_SIEFP, place(random) << 12 | 1);
            case 2 -> wrmsr(vp, random.nextBoolean() ? REFERENCE_TSC : VP_ASSIST, place(random) << 12 | 1);
            case 3 -> {
                wrmsr(0, HYPERCALL, place(random) << 12 | random.nextInt(2));
                wrmsr(0, HYPERCALL, HYPERCALL_PAGE << 12 | 1);
            }
            case 4 -> wrmsr(vp, EOM, 0);
            case 5 -> post(1, GuestClient.message(random.nextBoolean() ? 21 : 22, 40, 1, random.nextInt(3)));
            case 6 -> {
                gpa.write((pfns[random.nextInt(pfns.length)] << 12) + random.nextInt(16), new byte[] {(byte) random.nextInt()});
                signal(1);
            }
            default -> {
                try {
                    out.send(6, 1, i, new byte[0], new byte[8 * random.nextInt(20)]);
                    in.receive();
                } catch (RuntimeException | AssertionError e) {
                    in.field(4, in.field(0)); // what the guest reads out of its own garbage
                }
                signal(1);
            }
        }
    }
}
