package dev.jvisor.devices.testdev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.ScriptedBackend;
import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.hyperv.HvStatus;
import dev.jvisor.vmm.hyperv.Hypervisor;
import dev.jvisor.vmm.hyperv.HypervisorConfig;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The device from the guest's side, with a SynIC behind it. VP 1 receives at SINT 5. */
@Timeout(60)
class HypervTestDeviceTest {
    private static final int SINT = 5, VECTOR = 0xB5, ROUTE = 1, UNROUTE = 2, RAISE = 3, CONNECT_MESSAGES = 4, DISCONNECT_MESSAGES = 5,
            CONNECT_EVENTS = 6, DISCONNECT_EVENTS = 7;
    private static final long MESSAGES = 0x20000, EVENTS = 0x21000;

    private final ScriptedBackend backend = new ScriptedBackend(h -> { });
    private Partition partition;
    private Hypervisor hypervisor;
    private HypervTestDevice device;

    @BeforeEach
    void open() {
        partition = Partition.create(backend, PartitionConfig.of("test", 4 << 20).withProcessors(2));
        hypervisor = Hypervisor.attach(partition, HypervisorConfig.defaults());
        device = new HypervTestDevice(hypervisor);
        apic().mmioWrite(0xF0, 4, 0x1FF);
        write(0x40000000, 0x8100L << 48);
        write(0x40000001, 0x10001);
        write(0x40000083, MESSAGES | 1);
        write(0x40000082, EVENTS | 1);
        write(0x40000090 + SINT, VECTOR);
        write(0x40000080, 1);
    }

    @AfterEach
    void close() {
        partition.close();
    }

    private LocalApic apic() {
        return partition.softwareInterrupts().localApic(1);
    }

    private void write(int msr, long value) {
        assertTrue(partition.msrs().find(msr).msrWrite(1, msr, value), Integer.toHexString(msr));
    }

    private void command(int command, int vp, int sint, int connection) {
        device.portWrite(0, HypervTestDevice.PORT, 4, connection << 24 | command << 16 | vp << 8 | sint);
    }

    /** {@return the vector that interrupts VP 1, served to its end; -1 for none} */
    private int interrupt() {
        int v = apic().pendingVector();
        if (v >= 0) {
            apic().acknowledge();
            apic().mmioWrite(0xB0, 4, 0);
        }
        return v;
    }

    private int hypercall(int code, long in) {
        backend.registers[0][1] = code;
        backend.registers[0][2] = in;
        partition.ports().find(HypervisorConfig.HYPERCALL_PORT).portWrite(0, HypervisorConfig.HYPERCALL_PORT, 4, 0);
        return (int) backend.registers[0][0];
    }

    private int post(int connection, long value) {
        partition.gpa().write(0x30000, ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putInt(connection).putInt(0).putInt(0x1234)
                .putInt(8).putLong(value).array());
        return hypercall(0x5C, 0x30000);
    }

    @Test
    void raisesOnlySintsThatHaveARoute() {
        command(RAISE, 1, SINT, 0);
        assertEquals(-1, interrupt());
        command(ROUTE, 1, SINT, 0);
        command(RAISE, 1, SINT, 0);
        assertEquals(VECTOR, interrupt());
        command(RAISE, 0, SINT, 0);
        command(UNROUTE, 1, SINT, 0);
        command(RAISE, 1, SINT, 0);
        assertEquals(-1, interrupt());
    }

    @Test
    void messagesComeBackToWhomeverTheyWereConnectedFor() {
        assertEquals(HvStatus.INVALID_CONNECTION_ID, post(0x10, 1));
        command(CONNECT_MESSAGES, 1, SINT, 0x10);
        assertEquals(HvStatus.SUCCESS, post(0x10, 77));
        assertEquals(VECTOR, interrupt());
        long slot = MESSAGES + SINT * 256;
        assertEquals(0x1234, partition.gpa().read32(slot));
        assertEquals(8, partition.gpa().read8(slot + 4));
        assertEquals(77, partition.gpa().read64(slot + 16));
        command(DISCONNECT_MESSAGES, 0, 0, 0x10);
        assertEquals(HvStatus.INVALID_CONNECTION_ID, post(0x10, 1));
    }

    @Test
    void signalsComeBackAsTheFlagOfTheConnectionsNumber() {
        command(CONNECT_EVENTS, 1, SINT, 0x21);
        assertEquals(HvStatus.SUCCESS, hypercall(0x1005D, 0x21));
        assertEquals(VECTOR, interrupt());
        assertEquals(1L << 0x21, partition.gpa().read64(EVENTS + SINT * 256));
        command(DISCONNECT_EVENTS, 0, 0, 0x21);
        assertEquals(HvStatus.INVALID_CONNECTION_ID, hypercall(0x1005D, 0x21));
    }

    @Test
    void aFullQueueMakesTheGuestTryAgain() {
        command(CONNECT_MESSAGES, 1, SINT, 0x10);
        int status = HvStatus.SUCCESS;
        int posted = 0;
        while (status == HvStatus.SUCCESS && posted < 1000) {
            status = post(0x10, posted++);
        }
        assertEquals(HvStatus.INSUFFICIENT_BUFFERS, status);
    }

    @Test
    void stateMovesToAnotherDevice() {
        command(ROUTE, 1, SINT, 0);
        command(CONNECT_EVENTS, 1, SINT, 0x21);
        HypervTestState state = device.save();
        HypervTestDevice other = new HypervTestDevice(hypervisor);
        command(UNROUTE, 1, SINT, 0);
        command(DISCONNECT_EVENTS, 0, 0, 0x21);
        other.restore(state);
        other.portWrite(0, HypervTestDevice.PORT, 4, RAISE << 16 | 1 << 8 | SINT);
        assertEquals(VECTOR, interrupt());
        assertEquals(HvStatus.SUCCESS, hypercall(0x1005D, 0x21));
        assertEquals(VECTOR, interrupt());
        assertEquals(1L << 0x21, partition.gpa().read64(EVENTS + SINT * 256));
    }

    @Test
    void whatIsNotThereIsIgnored() {
        long seed = Long.getLong("jvisor.seed", new Random().nextLong());
        System.out.println("HypervTestDeviceTest.whatIsNotThereIsIgnored: -Djvisor.seed=" + seed);
        Random r = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            device.portWrite(0, HypervTestDevice.PORT + r.nextInt(4), 1 << r.nextInt(3), r.nextInt() & (r.nextBoolean() ? -1 : 0xFF07FFFF));
            assertEquals(0, device.portRead(0, HypervTestDevice.PORT, 4));
        }
    }
}
