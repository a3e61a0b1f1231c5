package dev.jvisor.devices.motherboard;

import static org.junit.jupiter.api.Assertions.fail;

import dev.jvisor.devices.fwcfg.FwCfg;
import dev.jvisor.devices.fwcfg.FwCfgItems;
import dev.jvisor.devices.i8042.I8042;
import dev.jvisor.devices.i8042.Key;
import dev.jvisor.devices.legacy.CoprocessorError;
import dev.jvisor.devices.legacy.SystemControlA;
import dev.jvisor.devices.pci.IsaBridge;
import dev.jvisor.devices.pci.PciBridges;
import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.pci.PciFunction;
import dev.jvisor.devices.pci.PciIdentity;
import dev.jvisor.devices.pic.Pic;
import dev.jvisor.devices.pit.Pit;
import dev.jvisor.devices.pm.PowerManagement;
import dev.jvisor.devices.rtc.Rtc;
import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.devices.serial.Serial16550;
import dev.jvisor.devices.testdev.PcTestDevice;
import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.devices.vga.TextScreen;
import dev.jvisor.devices.vga.VgaPorts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import dev.jvisor.vmm.time.VirtualClock;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No sequence of port accesses makes a device throw or hang: random ones, with time passing, lines moving and state saved and restored
 * in between. {@code -Djvisor.seed=N} repeats a run.
 */
@Timeout(120)
class HostileGuestTest {
    private static final int ACCESSES = 200_000;

    /** A device under attack: its ports, what else happens to it, and saving and restoring it. */
    private record Target(String name, PortDevice device, int[] ports, Consumer<Random> events, Runnable moveState) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static final VirtualClock CLOCK = new VirtualClock();
    private static final FakeInterrupts INTERRUPTS = new FakeInterrupts();

    private static int[] range(int first, int count) {
        int[] ports = new int[count];
        for (int i = 0; i < count; i++) {
            ports[i] = first + i;
        }
        return ports;
    }

    private static int[] concat(int[] a, int[] b) {
        return IntStream.concat(IntStream.of(a), IntStream.of(b)).toArray();
    }

    static Stream<Target> targets() {
        Pic pic = new Pic(() -> { });
        Pit pit = new Pit(CLOCK, INTERRUPTS);
        Rtc rtc = new Rtc(CLOCK, INTERRUPTS, () -> Instant.EPOCH.plusNanos(CLOCK.nowNs()), 64 << 20, 0);
        ConsoleSerialBackend console = new ConsoleSerialBackend();
        Serial16550 serial = new Serial16550(0x3F8, 4, CLOCK, INTERRUPTS, console);
        I8042 i8042 = new I8042(INTERRUPTS, () -> { });
        PowerManagement pm = new PowerManagement(CLOCK, INTERRUPTS, 32, () -> { });
        TextScreen screen = new TextScreen();
        VgaPorts vga = new VgaPorts(CLOCK, screen);
        PciBus pci = new PciBus(new GpaSpace(Arena.ofAuto().allocate(4096, 4096)), new PortSpace(), INTERRUPTS, () -> { });
        pci.add(0, 0, PciBridges.host());
        pci.add(1, 0, new IsaBridge(INTERRUPTS));
        for (int device = 2; device < 4; device++) {
            PciFunction card = new PciFunction(new PciIdentity(0x1234, 0x5678, 0x020000, 1, 0, 0, 1));
            card.addMemoryBar(0, 0x10000000, false, (MmioDevice) screen);
            card.addPortBar(1, 256, 4, vga);
            pci.add(device, 0, card);
        }
        CoprocessorError coprocessor = new CoprocessorError(INTERRUPTS);
        PcTestDevice testDevice = new PcTestDevice(INTERRUPTS);
        FwCfg fwCfg = new FwCfg(new GpaSpace(Arena.ofAuto().allocate(4096, 4096)), FwCfgItems.ofMachine(1, 1 << 20, 0));
        Key[] keys = Key.values();
        return Stream.of(
                new Target("pic", pic, new int[] {0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1}, r -> {
                    pic.setLine(r.nextInt(16), r.nextBoolean());
                    if (r.nextBoolean()) {
                        pic.acknowledge();
                    }
                }, () -> pic.restore(pic.save())),
                new Target("pit", pit, new int[] {0x40, 0x41, 0x42, 0x43, 0x61}, r -> { }, () -> pit.restore(pit.save())),
                new Target("rtc", rtc, range(0x70, 2), r -> { }, () -> rtc.restore(rtc.save())),
                new Target("serial", serial, range(0x3F8, 8), r -> console.type("x"), () -> serial.restore(serial.save())),
                new Target("i8042", i8042, new int[] {0x60, 0x64}, r -> i8042.key(keys[r.nextInt(keys.length)], r.nextBoolean()),
                        () -> i8042.restore(i8042.save())),
                new Target("pm", pm, range(0x600, 12), r -> pm.pressPowerButton(), () -> pm.restore(pm.save())),
                new Target("vga", vga, range(0x3C0, 32), r -> screen.dump(), () -> vga.restore(vga.save())),
                new Target("pci", pci, range(0xCF8, 8), r -> { }, () -> pci.restore(pci.save())),
                new Target("pc-testdev", testDevice, concat(range(0xE0, 12), range(0x2000, 24)), r -> testDevice.mmioWrite(0, r.nextInt(0x20000), 8, 1),
                        () -> testDevice.restore(testDevice.save())),
                new Target("fw_cfg", fwCfg, concat(range(0x510, 2), range(0x514, 8)), r -> { }, () -> fwCfg.restore(fwCfg.save())),
                new Target("coprocessor error", coprocessor, new int[] {0xF0}, r -> {
                    if (!coprocessor.ferrAsserted(r.nextInt(2))) {
                        coprocessor.ferrReleased(r.nextInt(2));
                    }
                }, () -> coprocessor.restore(coprocessor.save())),
                new Target("system control A", new SystemControlA(() -> { }), new int[] {0x92}, r -> { }, () -> { }));
    }

    @ParameterizedTest
    @MethodSource("targets")
    void survivesRandomAccesses(Target target) {
        long seed = Long.getLong("jvisor.seed", new Random().nextLong());
        System.out.println("hostile guest against " + target + ": -Djvisor.seed=" + seed);
        Random random = new Random(seed);
        int[] sizes = {1, 1, 1, 2, 4};
        for (int i = 0; i < ACCESSES; i++) {
            int port = target.ports[random.nextInt(target.ports.length)];
            int size = sizes[random.nextInt(sizes.length)];
            int value = random.nextInt(4) == 0 ? 0x80000000 | random.nextInt(1 << 11) : random.nextInt();
            try {
                if (random.nextInt(3) == 0) {
                    target.device.portRead(0, port, size);
                } else {
                    target.device.portWrite(0, port, size, size == 4 ? value : value & (1 << 8 * size) - 1);
                }
                if (random.nextInt(4) == 0) {
                    CLOCK.advance(random.nextInt(1000) == 0 ? 5_000_000_000L : random.nextInt(200_000));
                }
                if (random.nextInt(8) == 0) {
                    target.events.accept(random);
                }
                if (random.nextInt(5000) == 0) {
                    target.moveState.run();
                }
            } catch (RuntimeException e) {
                fail(target + " threw at access " + i + " (port 0x" + Integer.toHexString(port) + ", size " + size + ", value 0x"
                        + Integer.toHexString(value) + ", seed " + seed + ")", e);
            }
        }
    }
}
