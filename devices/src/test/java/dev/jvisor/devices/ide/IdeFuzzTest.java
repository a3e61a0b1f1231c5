package dev.jvisor.devices.ide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.jvisor.devices.scsi.ScsiDvd;
import dev.jvisor.vmm.hostility.HostileRun;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A guest that writes anything anywhere, and changes tables and data under the controller's hands: nothing throws, nothing hangs, and after
 * a reset the drives work. Seeds and longer runs: {@link HostileRun} (disks run on threads of their own).
 */
@Timeout(240)
class IdeFuzzTest {
    private static final int ROUNDS = 100;
    private static final int[] COMMANDS = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x3D, 0xC4, 0xC5, 0xC6, 0xC8, 0xCA, 0xCE, 0xEC, 0xEF, 0x06,
        0x40, 0xE7, 0x90, 0x91, 0x08, 0xA0, 0xA1, 0xF8, 0x27};

    @Test
    void survivesAnything() {
        IdeRig rig = new IdeRig();
        try (MemoryDisk one = new MemoryDisk(1 << 20, 512); MemoryDisk two = new MemoryDisk(1 << 20, 4096)) {
            rig.ide.attachDisk(0, one);
            rig.ide.attachDisk(1, two);
            ScsiDvd dvd = new ScsiDvd("dvd");
            dvd.insert(two);
            rig.ide.attachDvd(2, dvd);
            rig.ide.attachDisk(3, one);
            rig.start();
            HostileRun.run("IDE", ROUNDS, random -> {
                for (int i = 0; i < 1000; i++) {
                    step(rig, random);
                }
                one.takeLog();
                two.takeLog();
            });
            rig.pci.reset();
            rig.configWrite(4, 2, 5);
            rig.busMaster = rig.configRead(0x20, 4) & 0xFFFC;
            rig.channel = 0;
            assertEquals(2048, rig.identify(0)[60]);
            assertEquals(256, rig.identify(1)[60]);
        }
    }

    private static void packet(IdeRig rig, Random random) {
        rig.channel = 1;
        rig.reg(6, 0);
        rig.reg(1, random.nextInt(2));
        rig.reg(7, 0xA0);
        int[] opcodes = {0x00, 0x03, 0x12, 0x15, 0x55, 0x28, 0xA8, 0x43, 0x46, 0x1B, 0x5A, random.nextInt(256)};
        rig.out(rig.base(), 2, opcodes[random.nextInt(opcodes.length)]);
        for (int i = 1; i < 6; i++) {
            rig.out(rig.base(), 2, random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(4) << 8);
        }
    }

    private static void step(IdeRig rig, Random random) {
        rig.channel = random.nextInt(2);
        int[] sizes = {1, 2, 2, 4};
        switch (random.nextInt(16)) {
            case 0, 1, 2 -> rig.reg(1 + random.nextInt(6), random.nextBoolean() ? random.nextInt(4) : random.nextInt(256));
            case 3 -> rig.reg(7, random.nextInt(8) == 0 ? random.nextInt(256) : COMMANDS[random.nextInt(COMMANDS.length)]);
            case 4 -> {
                int size = sizes[random.nextInt(4)];
                for (int i = random.nextInt(600); i >= 0; i--) {
                    rig.in(rig.base(), size);
                }
            }
            case 5 -> {
                int size = sizes[random.nextInt(4)];
                for (int i = random.nextInt(600); i >= 0; i--) {
                    rig.out(rig.base(), size, random.nextInt());
                }
            }
            case 6 -> {
                rig.reg(random.nextInt(8));
                if (random.nextInt(4) == 0) {
                    packet(rig, random);
                }
            }
            case 7 -> {
                if (random.nextInt(20) == 0) {
                    rig.control(random.nextInt(256));
                }
                rig.control(0);
            }
            case 8, 9 -> rig.bm(0, random.nextInt(16));
            case 10 -> rig.bm(random.nextInt(8), random.nextInt(256));
            case 11 -> rig.out(rig.busMaster + 8 * rig.channel + 4, 4, random.nextInt(4) == 0 ? random.nextInt() : IdeRig.TABLE + 8 * random.nextInt(64));
            case 12 -> {
                long at = IdeRig.TABLE + 8L * random.nextInt(100);
                rig.gpa.host().set(ValueLayout.JAVA_INT, at, random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(IdeRig.MEMORY));
                rig.gpa.host().set(ValueLayout.JAVA_INT, at + 4, random.nextInt() & (random.nextBoolean() ? -1 : 0x80000FFF));
            }
            case 13 -> {
                if (random.nextInt(200) == 0) {
                    rig.ide.restore(rig.ide.save());
                } else if (random.nextInt(200) == 0) {
                    rig.pci.reset();
                    rig.configWrite(4, 2, 5);
                    rig.busMaster = rig.configRead(0x20, 4) & 0xFFFC;
                }
            }
            case 14 -> rig.in(rig.busMaster + random.nextInt(16), sizes[random.nextInt(4)]);
            default -> {
                if (random.nextInt(20) == 0) {
                    rig.configWrite(0x40 + random.nextInt(8), 1, random.nextInt(256));
                } else if (random.nextInt(4) == 0) {
                    rig.configWrite(0x40, 4, 0x80008000);
                }
            }
        }
    }
}
