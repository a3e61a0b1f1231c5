package dev.jvisor.devices.ide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskStatus;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Disks on the controller, driven port by port as libata and ata_piix do. */
@Timeout(120)
class IdeDiskTest {
    private static final int SIZE = 4 << 20;

    private final MemoryDisk disk = new MemoryDisk(SIZE, 512);
    private final IdeRig rig = new IdeRig();

    private IdeRig one() {
        new Random(1).nextBytes(disk.bytes);
        rig.ide.attachDisk(0, disk);
        return rig.start();
    }

    private byte[] sectors(long lba, int count) {
        return Arrays.copyOfRange(disk.bytes, (int) lba * 512, (int) (lba + count) * 512);
    }

    private static byte[] random(int bytes, int seed) {
        byte[] data = new byte[bytes];
        new Random(seed).nextBytes(data);
        return data;
    }

    @AfterEach
    void close() {
        disk.close();
    }

    @Test
    void theFunctionIsWhereAndWhatThePiixDriverLooksFor() {
        one();
        assertEquals(0x70108086, rig.configRead(0, 4));
        assertEquals(0x010180, rig.configRead(8, 4) >>> 8);
        assertEquals(0x80, rig.configRead(0x41, 1) & 0x80, "primary enabled");
        assertEquals(0x80, rig.configRead(0x43, 1) & 0x80, "secondary enabled");
        assertTrue(rig.busMaster >= 0xC000);
        rig.configWrite(0x41, 1, 0);
        assertEquals(0xFF, rig.altStatus(), "not decoded");
        rig.configWrite(0x41, 1, 0x80);
        assertEquals(0x50, rig.altStatus());
    }

    /** ata_devchk and ata_bus_softreset. */
    @Test
    void whoIsThereAndWhoIsNot() {
        one();
        rig.control(0x08);
        rig.control(0x0C);
        assertEquals(0x80, rig.altStatus());
        rig.control(0x08);
        assertEquals(0x50, rig.awaitReady());
        assertEquals(List.of(1, 1, 1, 0, 0), List.of(rig.reg(1), rig.reg(2), rig.reg(3), rig.reg(4), rig.reg(5)));
        rig.reg(6, 0xA0);
        rig.reg(2, 0x55);
        rig.reg(3, 0xAA);
        rig.reg(2, 0xAA);
        rig.reg(3, 0x55);
        assertEquals(0xAA, rig.reg(2));
        assertEquals(0x55, rig.reg(3));
        rig.reg(6, 0xB0);
        assertEquals(0, rig.altStatus(), "drive 0 answers for drive 1");
        rig.reg(7, 0xEC);
        assertEquals(0, rig.reg(7));
        rig.channel = 1;
        rig.reg(2, 0x55);
        assertEquals(0x7F, rig.reg(2));
        assertEquals(0x7F, rig.altStatus(), "nobody");
        assertEquals(0, rig.interrupts.rises(14) + rig.interrupts.rises(15));
    }

    @Test
    void identifySaysWhatTheDiskIs() {
        one();
        int[] w = rig.identify(0);
        assertEquals(0x40, w[0]);
        assertEquals(SIZE / 512, w[60] | w[61] << 16);
        assertEquals(SIZE / 512, w[100] | w[101] << 16);
        assertEquals(0x8010, w[47]);
        assertEquals(0x300, w[49] & 0x300, "LBA, DMA");
        assertEquals(0x7400, w[83] & 0xFC00, "LBA48, both flushes");
        assertEquals(0x6003, w[106], "4096-byte physical sectors");
        assertEquals(1, w[169], "TRIM");
        int sum = 0;
        for (int word : w) {
            sum += (word & 0xFF) + (word >>> 8);
        }
        assertEquals(0, sum & 0xFF);
        assertEquals("jvisor IDE disk", text(w, 27, 20));
        assertEquals("0123456789abcdef0000", text(w, 10, 10));
    }

    private static String text(int[] words, int from, int count) {
        StringBuilder s = new StringBuilder();
        for (int i = from; i < from + count; i++) {
            s.append((char) (words[i] >>> 8)).append((char) (words[i] & 0xFF));
        }
        return s.toString().strip();
    }

    @Test
    void readSectorsGivesAnInterruptForEachBlock() {
        one();
        rig.command28(0, 0x20, 1000, 3);
        byte[] got = new byte[3 * 512];
        for (int i = 0; i < 3; i++) {
            assertEquals(0x58, rig.awaitInterrupt());
            System.arraycopy(rig.readBlock(512), 0, got, i * 512, 512);
        }
        assertEquals(0x50, rig.altStatus());
        assertEquals(3, rig.interrupts.rises(14), "none when all is read");
        assertArrayEquals(sectors(1000, 3), got);
        assertEquals(3 * 512, rig.ide.metrics().readBytes());
    }

    @Test
    void writeSectorsAsksForTheFirstBlockWithoutAnInterrupt() {
        one();
        byte[] data = random(3 * 512, 2);
        rig.command28(0, 0x30, 77, 3);
        assertEquals(0x58, rig.awaitReady());
        assertEquals(0, rig.interrupts.rises(14));
        rig.writeBlock(data, 0, 512);
        assertEquals(0x58, rig.awaitInterrupt());
        rig.writeBlock(data, 512, 512);
        assertEquals(0x58, rig.awaitInterrupt());
        rig.writeBlock(data, 1024, 512);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(3, rig.interrupts.rises(14));
        assertArrayEquals(data, sectors(77, 3));
    }

    @Test
    void multipleTransfersManySectorsABlock() {
        one();
        rig.command28(0, 0xC4, 0, 8);
        assertEquals(0x51, rig.awaitInterrupt(), "not before SET MULTIPLE");
        rig.reg(2, 16);
        rig.reg(7, 0xC6);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(0x110, rig.identify(0)[59]);
        int total = 300; // more than the drive's buffer, and not whole blocks
        byte[] data = random(total * 512, 3);
        int rises = rig.interrupts.rises(14);
        rig.command48(0, 0x39, 5, total);
        for (int done = 0; done < total; done += 16) {
            assertEquals(0x58, done == 0 ? rig.awaitReady() : rig.awaitInterrupt());
            rig.writeBlock(data, done * 512, Math.min(16, total - done) * 512);
        }
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(rises + 19, rig.interrupts.rises(14));
        assertArrayEquals(data, sectors(5, total));
        rig.command48(0, 0x29, 5, total);
        for (int done = 0; done < total; done += 16) {
            assertEquals(0x58, rig.awaitInterrupt());
            int n = Math.min(16, total - done) * 512;
            assertArrayEquals(Arrays.copyOfRange(data, done * 512, done * 512 + n), rig.readBlock(n));
        }
        assertEquals(0x50, rig.altStatus());
    }

    @Test
    void dmaGoesToWhereTheTableSays() {
        one();
        // Two-byte pieces, a piece over the border of two regions, a whole 64 KiB.
        long[] table = {0x20000, 2, 0x20100, 510, 0xFFE00, 1024, 0x30000, 1536, 0x200000, 0};
        rig.table(table);
        int count = (512 + 1024 + 1536 + 65536) / 512;
        rig.dmaSetup(true);
        rig.command48(0, 0x25, 4321, count);
        assertEquals(0x80, rig.altStatus() & 0x80);
        assertEquals(0, rig.interrupts.rises(14), "nothing happens before START");
        assertEquals(0x50, rig.dmaRun());
        assertEquals(0, rig.bm(2) & 7);
        byte[] got = new byte[count * 512];
        int at = 0;
        for (int i = 0; i < table.length; i += 2) {
            int n = table[i + 1] == 0 ? 65536 : (int) table[i + 1];
            System.arraycopy(rig.memory(table[i], n), 0, got, at, n);
            at += n;
        }
        assertArrayEquals(sectors(4321, count), got);

        rig.dmaSetup(false);
        rig.command48(0, 0x35, 10, count);
        assertEquals(0x50, rig.dmaRun());
        assertArrayEquals(got, sectors(10, count));
        assertEquals(2, rig.ide.metrics().dmaTransfers());
    }

    @Test
    void aTableThatIsTooShortStopsTheBusMasterAndAnotherGoesOn() {
        one();
        rig.table(0x20000, 1024);
        rig.dmaSetup(true);
        rig.command28(0, 0xC8, 50, 4);
        rig.bm(0, 9);
        for (int i = 0; i < 5000 && (rig.bm(2) & 1) != 0; i++) {
            IdeRig.pause();
        }
        assertEquals(0, rig.bm(2) & 5, "neither active nor an interrupt");
        assertEquals(0x80, rig.altStatus() & 0x80);
        rig.bm(0, 8);
        rig.table(0x30000, 1024);
        assertEquals(0x50, rig.dmaRun());
        assertArrayEquals(sectors(50, 2), rig.memory(0x20000, 1024));
        assertArrayEquals(sectors(52, 2), rig.memory(0x30000, 1024));
    }

    @Test
    void badTablesFailTheCommand() {
        one();
        byte[] before = disk.bytes.clone();
        rig.table(0x3F000, 8192); // runs into a hole
        rig.dmaSetup(false);
        rig.command28(0, 0xCA, 0, 16);
        rig.bm(0, 1);
        rig.awaitLine();
        assertEquals(2, rig.bm(2) & 3, "error, not active");
        assertEquals(0x51, rig.reg(7));
        assertEquals(4, rig.reg(1));
        rig.table(0x20000, 512);
        rig.bm(0, 0);
        rig.dmaSetup(true); // the wrong way
        rig.command28(0, 0xCA, 0, 1);
        assertEquals(0x51, rig.dmaRun());
        rig.out(rig.busMaster + 4, 4, 0xFFFFFFF8); // no table at all
        rig.bm(0, 0);
        rig.command28(0, 0xCA, 0, 1);
        assertEquals(0x51, rig.dmaRun());
        assertArrayEquals(before, disk.bytes);
        assertEquals(3, rig.ide.metrics().rejected());
    }

    @Test
    void noDmaUntilTheFunctionMayBeMaster() {
        one();
        rig.configWrite(4, 2, 1);
        rig.table(0x20000, 512);
        rig.dmaSetup(true);
        rig.command28(0, 0xC8, 9, 1);
        rig.bm(0, 9);
        assertEquals(List.of(), disk.takeLog());
        rig.configWrite(4, 2, 5);
        assertEquals(0x50, rig.awaitInterrupt());
        assertArrayEquals(sectors(9, 1), rig.memory(0x20000, 512));
    }

    @Test
    void cylindersHeadsAndSectorsAreAnAddressToo() {
        one();
        rig.reg(6, 0xA0 | 3); // 4 heads
        rig.reg(2, 17);
        rig.reg(7, 0x91);
        assertEquals(0x50, rig.awaitInterrupt());
        int lba = (5 * 4 + 2) * 17 + 9 - 1;
        rig.reg(6, 0xA0 | 2);
        rig.reg(2, 1);
        rig.reg(3, 9);
        rig.reg(4, 5);
        rig.reg(5, 0);
        rig.reg(7, 0x20);
        assertEquals(0x58, rig.awaitInterrupt());
        assertArrayEquals(sectors(lba, 1), rig.readBlock(512));
        rig.reg(3, 0);
        rig.reg(7, 0x20);
        assertEquals(0x51, rig.awaitInterrupt());
        assertEquals(0x10, rig.reg(1));
        int[] w = rig.identify(0);
        assertEquals(List.of(4, 17, SIZE / 512 / 68), List.of(w[55], w[56], w[54]));
    }

    @Test
    void addressesBeyondTheEndAreNotFound() {
        one();
        int last = SIZE / 512 - 1;
        rig.command28(0, 0x20, last, 1);
        assertEquals(0x58, rig.awaitInterrupt());
        rig.readBlock(512);
        rig.command28(0, 0x20, last, 2);
        assertEquals(0x51, rig.awaitInterrupt());
        assertEquals(0x10, rig.reg(1));
        rig.command48(0, 0x25, 0xFFFF_FFFF_FFFFL, 1);
        assertEquals(0x51, rig.awaitInterrupt());
        assertEquals(0x10, rig.reg(1));
        rig.command28(0, 0xF8, 0, 0);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(last, rig.reg(3) | rig.reg(4) << 8 | rig.reg(5) << 16);
        rig.command48(0, 0x27, 0, 0);
        assertEquals(0x50, rig.awaitInterrupt());
        rig.control(0x88);
        assertEquals(0, rig.reg(3), "the upper half, by HOB");
        rig.control(8);
        assertEquals(last & 0xFF, rig.reg(3));
    }

    @Test
    void whatIsUnknownIsAborted() {
        one();
        for (int opcode : new int[] {0x00, 0xB0, 0xA0, 0xA1, 0x08, 0xFF, 0x60, 0xF6}) {
            rig.command28(0, opcode, 0, 1);
            assertEquals(0x51, rig.awaitInterrupt(), Integer.toHexString(opcode));
            assertEquals(4, rig.reg(1), Integer.toHexString(opcode));
        }
    }

    @Test
    void commandsWithoutDataComplete() {
        one();
        for (int opcode : new int[] {0x10, 0x70, 0x40, 0x91, 0xE0, 0xE1, 0xE2, 0xE3, 0xE7, 0xEA}) {
            rig.command28(0, opcode, 1, 1);
            assertEquals(0x50, rig.awaitInterrupt(), Integer.toHexString(opcode));
        }
        disk.takeLog();
        rig.command48(0, 0x42, 0x10, 0x101);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(List.of("READ 16+256", "READ 272+1"), disk.takeLog());
        rig.command28(0, 0xE5, 0, 0);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(0xFF, rig.reg(2), "awake");
        rig.command28(0, 0xE0, 0, 0);
        rig.awaitInterrupt();
        rig.command28(0, 0xE5, 0, 0);
        rig.awaitInterrupt();
        assertEquals(0, rig.reg(2), "asleep");
        rig.reg(7, 0x90);
        assertEquals(0x50, rig.awaitInterrupt());
        assertEquals(1, rig.reg(1), "diagnostic passed");
        assertEquals(1, rig.reg(2));
    }

    @Test
    void flushesAndForcedWritesReachTheDisk() {
        one();
        rig.command28(0, 0xE7, 0, 0);
        rig.awaitInterrupt();
        assertEquals(List.of("FLUSH 0+0"), disk.takeLog());
        rig.table(0x20000, 512);
        rig.dmaSetup(false);
        rig.command48(0, 0x3D, 7, 1);
        assertEquals(0x50, rig.dmaRun());
        assertEquals(List.of("WRITE 7+1 fua"), disk.takeLog());
        rig.reg(1, 0x82);
        rig.reg(7, 0xEF);
        rig.awaitInterrupt();
        assertEquals(List.of("FLUSH 0+0"), disk.takeLog());
        assertEquals(0, rig.identify(0)[85] & 0x20);
        rig.dmaSetup(false);
        rig.command48(0, 0x35, 7, 1);
        assertEquals(0x50, rig.dmaRun());
        assertEquals(List.of("WRITE 7+1 fua"), disk.takeLog(), "no cache, no lies");
    }

    @Test
    void trimGivesRangesBack() {
        one();
        byte[] ranges = new byte[512];
        java.nio.ByteBuffer.wrap(ranges).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(100L | 8L << 48).putLong(0).putLong(200L | 2L << 48);
        rig.gpa.write(0x20000, ranges);
        rig.table(0x20000, 512);
        rig.dmaSetup(false);
        rig.reg(6, 0xE0);
        rig.reg(1, 1);
        rig.reg(2, 0);
        rig.reg(2, 1);
        rig.reg(7, 0x06);
        assertEquals(0x50, rig.dmaRun());
        assertEquals(List.of("UNMAP 100+8", "UNMAP 200+2"), disk.takeLog());
        java.nio.ByteBuffer.wrap(ranges).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(100L | 8L << 48).putLong(SIZE / 512 | 1L << 48);
        rig.gpa.write(0x20000, ranges);
        rig.dmaSetup(false);
        rig.reg(1, 1);
        rig.reg(2, 0);
        rig.reg(2, 1);
        rig.reg(7, 0x06);
        assertEquals(0x51, rig.dmaRun());
        assertEquals(List.of(), disk.takeLog(), "all or nothing");
    }

    @Test
    void errorsOfTheDiskAreToldWithTheSector() {
        one();
        disk.failWith = DiskStatus.IO_ERROR;
        rig.command28(0, 0x20, 0x123, 1);
        assertEquals(0x51, rig.awaitInterrupt());
        assertEquals(0x40, rig.reg(1));
        assertEquals(0x123, rig.reg(3) | rig.reg(4) << 8);
        rig.table(0x20000, 512);
        rig.dmaSetup(false);
        rig.command28(0, 0xCA, 5, 1);
        assertEquals(0x71, rig.dmaRun());
        disk.failWith = DiskStatus.OK;
        disk.close();
        rig.command28(0, 0xE7, 0, 0);
        assertEquals(0x71, rig.awaitInterrupt(), "the host has closed it");
        assertEquals(3, rig.ide.metrics().diskErrors());
    }

    @Test
    void nienHoldsTheLineBackUntilItIsTakenAway() {
        one();
        rig.control(0x0A);
        rig.command28(0, 0xE1, 0, 0);
        assertEquals(0, rig.interrupts.rises(14));
        rig.control(0x08);
        assertEquals(1, rig.interrupts.rises(14));
        assertEquals(0x50, rig.awaitInterrupt());
    }

    @Test
    void aResetLastsUntilTheDiskLetsGo() {
        one();
        disk.hold();
        rig.table(0x20000, 512);
        rig.dmaSetup(true);
        rig.command28(0, 0xC8, 0, 1);
        rig.bm(0, 9);
        rig.control(0x0C);
        rig.control(0x08);
        assertEquals(0x80, rig.altStatus());
        rig.command28(0, 0xEC, 0, 0);
        disk.letGo();
        assertEquals(0x50, rig.awaitReady());
        assertEquals(List.of(1, 1, 1), List.of(rig.reg(1), rig.reg(2), rig.reg(3)));
        assertEquals(0, rig.interrupts.rises(14), "the command is forgotten");
        assertEquals(SIZE / 512, rig.identify(0)[60]);
    }

    @Test
    void whenTheBusMasterIsStoppedNoByteChangesAnyMore() throws Exception {
        one();
        disk.hold();
        rig.table(0x20000, 512);
        rig.dmaSetup(true);
        rig.command28(0, 0xC8, 3, 1);
        rig.bm(0, 9);
        Thread later = Thread.ofPlatform().start(() -> {
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            disk.letGo();
        });
        rig.bm(0, 8);
        assertArrayEquals(sectors(3, 1), rig.memory(0x20000, 512), "it waited for the disk");
        later.join();
    }

    @Test
    void twoDrivesOnACableAndOneOnTheOther() {
        new Random(1).nextBytes(disk.bytes);
        try (MemoryDisk second = new MemoryDisk(1 << 20, 512); MemoryDisk third = new MemoryDisk(2 << 20, 4096)) {
            new Random(2).nextBytes(second.bytes);
            new Random(3).nextBytes(third.bytes);
            rig.ide.attachDisk(0, disk);
            rig.ide.attachDisk(1, second);
            rig.ide.attachDisk(2, third);
            assertEquals(3, rig.ide.freeDrive());
            rig.start();
            assertEquals(SIZE / 512, rig.identify(0)[60]);
            assertEquals((1 << 20) / 512, rig.identify(1)[60]);
            rig.command28(1, 0x20, 9, 1);
            assertEquals(0x58, rig.awaitInterrupt());
            assertArrayEquals(Arrays.copyOfRange(second.bytes, 9 * 512, 10 * 512), rig.readBlock(512));
            rig.channel = 1;
            int[] w = rig.identify(0);
            assertEquals(512, w[60]);
            assertEquals(0x5000, w[106], "long logical sectors");
            assertEquals(2048, w[117]);
            rig.table(0x20000, 8192);
            rig.dmaSetup(true);
            rig.command48(0, 0x25, 3, 2);
            assertEquals(0x50, rig.dmaRun());
            assertArrayEquals(Arrays.copyOfRange(third.bytes, 3 * 4096, 5 * 4096), rig.memory(0x20000, 8192));
            assertEquals(1, rig.interrupts.level(14) ? 0 : 1);
        }
    }

    @Test
    void aTransferGoesOnAfterStateWasMoved() {
        one();
        byte[] data = random(4 * 512, 7);
        rig.command28(0, 0x30, 20, 4);
        rig.writeBlock(data, 0, 512);
        rig.awaitInterrupt();
        rig.writeBlock(data, 512, 100);
        IdeState state = rig.ide.save();

        IdeRig other = new IdeRig();
        other.ide.attachDisk(0, disk);
        other.start();
        other.ide.restore(state);
        other.writeBlock(data, 612, 412);
        assertEquals(0x58, other.awaitInterrupt());
        other.writeBlock(data, 1024, 512);
        assertEquals(0x58, other.awaitInterrupt());
        other.writeBlock(data, 1536, 512);
        assertEquals(0x50, other.awaitInterrupt());
        assertArrayEquals(data, sectors(20, 4));
        other.pci.reset();
        assertEquals(0x50, other.altStatus());
        other.configWrite(4, 2, 5);
        assertEquals(0, other.bm(0));
        assertFalse(other.interrupts.level(14));
    }
}
