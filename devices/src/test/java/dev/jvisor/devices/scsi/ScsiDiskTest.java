package dev.jvisor.devices.scsi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskStatus;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ScsiDiskTest {
    private static final int BLOCKS = 8192;
    private final MemoryDisk disk = new MemoryDisk(BLOCKS * 512L, 512, 4096);
    private final ScsiDisk unit = new ScsiDisk(disk);
    private final ScsiTarget target = new ScsiTarget();
    private final ScsiInitiator scsi = new ScsiInitiator(target, disk::run);

    ScsiDiskTest() {
        target.attach(0, unit);
    }

    private static byte[] random(int bytes, long seed) {
        byte[] b = new byte[bytes];
        new Random(seed).nextBytes(b);
        return b;
    }

    @Test
    void inquiryNamesAMicrosoftVirtualDisk() {
        byte[] d = scsi.in(96, "12 00 00 00 60 00").data();
        assertEquals(36, d.length);
        assertEquals("000005121f000002", HexFormat.of().formatHex(d, 0, 8));
        assertEquals("Msft    Virtual Disk    1.0 ", new String(d, 8, 28, StandardCharsets.US_ASCII));
        assertEquals(5, scsi.in(96, "12 00 00 00 05 00").data().length);
        assertEquals("052400", scsi.in(96, "12 00 80 00 60 00").result());
    }

    @Test
    void vitalProductDataPagesAreThoseThatAreListed() {
        byte[] list = scsi.in(255, "12 01 00 00 ff 00").data();
        assertEquals("000000060080 83b0b1b2".replace(" ", ""), HexFormat.of().formatHex(list));
        for (int i = 4; i < list.length; i++) {
            byte[] page = scsi.in(255, "12 01 %02x 00 ff 00".formatted(list[i])).data();
            assertEquals("good", scsi.result());
            assertEquals(list[i], page[1]);
            assertEquals(page.length - 4, page[2] << 8 | page[3]);
        }
        assertEquals("052400", scsi.in(255, "12 01 b9 00 ff 00").result());
        assertEquals("6b1f54a00d8c4b3e9a540123456789ab", new String(scsi.in(255, "12 01 80 00 ff 00").data(), 4, 32, StandardCharsets.US_ASCII));
        byte[] names = scsi.in(255, "12 01 83 00 ff 00").data();
        assertEquals(3, names[names.length - 8] >>> 4 & 0xF, "locally assigned NAA");
    }

    @Test
    void capacitySaysSizeAndPhysicalBlocks() {
        assertEquals("00001fff00000200", scsi.in(8, "25 00000000 00000000 0000".replace("00000000 0000", "00000000 00")).hex());
        assertEquals("0000000000001fff00000200" + "0003c000" + "00".repeat(16), scsi.in(32, "9e 10 0000000000000000 00000020 00 00").hex());
        assertEquals("052000", scsi.in(32, "9e 12 0000000000000000 00000020 00 00").result());
    }

    @Test
    void everyReadAndWriteCommandMovesTheBlocksItNames() {
        List<String> writes = List.of("0a 000010 08 00", "2a 00 00000010 00 0008 00", "aa 00 00000010 00000008 00 00",
                "8a 00 0000000000000010 00000008 00 00");
        List<String> reads = List.of("08 000010 08 00", "28 00 00000010 00 0008 00", "a8 00 00000010 00000008 00 00",
                "88 00 0000000000000010 00000008 00 00");
        for (int i = 0; i < writes.size(); i++) {
            byte[] data = random(4096, i);
            assertEquals("good", scsi.out(data, writes.get(i)).result());
            assertEquals(4096, scsi.request.transferred());
            assertArrayEquals(data, disk.content.asSlice(16 * 512, 4096).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
            scsi.put(new byte[4096]);
            assertArrayEquals(data, scsi.in(4096, reads.get(i)).data());
        }
        assertEquals(4, unit.metrics().reads());
        assertEquals(4 * 4096, unit.metrics().writtenBytes());
    }

    @Test
    void sixByteCommandsOfLengthZeroMoveTwoHundredAndFiftySixBlocks() {
        byte[] data = random(256 * 512, 7);
        assertEquals("good", scsi.out(data, "0a 000000 00 00").result());
        assertArrayEquals(data, scsi.in(256 * 512, "08 000000 00 00").data());
    }

    @Test
    void readOfLessThanTheBufferTellsHowMuch() {
        assertEquals("good", scsi.in(8192, "28 00 00000000 00 0001 00").result());
        assertEquals(512, scsi.request.transferred());
        assertEquals("good", scsi.in(8192, "28 00 00000000 00 0000 00").result());
        assertEquals(0, scsi.request.transferred());
    }

    @Test
    void rangesBeyondTheEndAreRefused() {
        assertEquals("good", scsi.in(512, "28 00 00001fff 00 0001 00").result());
        assertEquals("052100", scsi.in(1024, "28 00 00001fff 00 0002 00").result());
        assertEquals("052100", scsi.in(512, "88 00 ffffffffffffffff 00000001 00 00").result());
        assertEquals("052100", scsi.in(512, "88 00 7fffffffffffffff ffffffff 00 00").result());
        assertEquals("052100", scsi.in(512, "28 00 ffffffff 00 0000 00").result());
        assertEquals("052100", scsi.none("35 00 00002001 00 0000 00").result());
        assertEquals("052100", scsi.none("8f 00 0000000000001fff 00000002 00 00").result());
        assertEquals(List.of("READ 4193792+512"), disk.log);
    }

    @Test
    void buffersTooSmallOrOfTheWrongDirectionAreRefused() {
        assertEquals("052400", scsi.in(511, "28 00 00000000 00 0001 00").result());
        assertEquals("052400", scsi.in(512, "a8 00 00000000 00001fff 00 00").result());
        assertEquals("052400", scsi.none("28 00 00000000 00 0001 00").result());
        assertEquals("052400", scsi.out(new byte[512], "28 00 00000000 00 0001 00").result());
        assertEquals("052400", scsi.in(512, "2a 00 00000000 00 0001 00").result());
        assertEquals("052400", scsi.in(512, "28 20 00000000 00 0001 00").result(), "no protection information");
        assertTrue(disk.log.isEmpty());
    }

    @Test
    void fuaReachesTheDisk() {
        scsi.out(new byte[512], "2a 08 00000000 00 0001 00");
        scsi.out(new byte[512], "2a 00 00000000 00 0001 00");
        scsi.none("35 00 00000000 00 0000 00");
        scsi.none("91 00 0000000000000000 00000000 00 00");
        assertEquals(List.of("WRITE 0+512 fua", "WRITE 0+512", "FLUSH 0+0", "FLUSH 0+0"), disk.log);
    }

    @Test
    void writeCacheSwitchedOffMakesEveryWriteDurable() {
        byte[] page = scsi.in(255, "1a 08 08 00 ff 00").data();
        assertEquals("17001000" + "0812" + "04" + "00".repeat(17), HexFormat.of().formatHex(page));
        page[0] = 0;
        page[2] = 0;
        page[6] = 0;
        assertEquals("good", scsi.out(page, "15 10 0000 18 00").result());
        scsi.out(new byte[512], "2a 00 00000000 00 0001 00");
        assertEquals(List.of("FLUSH 0+0", "WRITE 0+512 fua"), disk.log);
        assertEquals(0, scsi.in(255, "1a 08 08 00 ff 00").data()[6]);
        ScsiUnitState saved = unit.save();
        target.reset(0);
        assertEquals("062900", scsi.none("00 00 00 00 00 00").result());
        assertEquals(4, scsi.in(255, "1a 08 08 00 ff 00").data()[6]);
        unit.restore(saved);
        assertEquals(saved, unit.save());
    }

    @Test
    void modeSenseHasHeaderDescriptorAndPages() {
        String all = scsi.in(255, "1a 00 3f 00 ff 00").hex();
        assertTrue(all.startsWith("43001008" + "0000200000000200" + "010a"), all);
        assertEquals(all.length() / 2 - 1, 0x43);
        String ten = scsi.in(255, "5a 00 3f 00 000000 00ff 00").hex();
        assertTrue(ten.startsWith("0046001000000008" + "0000200000000200"), ten);
        assertEquals("0812" + "04" + "00".repeat(17), scsi.in(255, "1a 08 48 00 ff 00").hex().substring(8), "changeable");
        assertEquals("053900", scsi.in(255, "1a 08 c8 00 ff 00").result());
        assertEquals("052400", scsi.in(255, "1a 08 2a 00 ff 00").result());
        disk.readOnly = true;
        assertEquals((byte) 0x90, scsi.in(255, "1a 08 08 00 ff 00").data()[2]);
    }

    @Test
    void modeSelectRefusesWhatMayNotBeChanged() {
        byte[] list = HexFormat.of().parseHex("00000000" + "0812" + "05" + "00".repeat(17));
        assertEquals("052600", scsi.out(list, "15 10 0000 18 00").result());
        list[6] = 4;
        assertEquals("good", scsi.out(list, "15 10 0000 18 00").result());
        assertEquals("052400", scsi.out(list, "15 11 0000 18 00").result(), "saving");
        assertEquals("051a00", scsi.out(list, "15 10 0000 17 00").result());
        assertEquals("051a00", scsi.out(list, "15 10 0000 03 00").result());
        assertEquals("052400", scsi.out(list, "15 10 0000 40 00").result(), "more than was sent");
        list[3] = 8;
        assertEquals("052600", scsi.out(list, "15 10 0000 18 00").result(), "another block size");
        list[3] = 0;
        list[4] = 0x2A;
        assertEquals("052600", scsi.out(list, "15 10 0000 18 00").result(), "no such page");
    }

    @Test
    void unmapZeroesEachRange() {
        disk.content.fill((byte) 9);
        byte[] list = HexFormat.of().parseHex("002e002000000000" + "00000000000000080000000800000000" + "0000000000000040" + "0000000000000000");
        assertEquals("good", scsi.out(list, "42 00 00000000 00 0028 00").result());
        assertEquals(List.of("UNMAP 4096+4096"), disk.log, "a range of no blocks does nothing");
        assertEquals(9, disk.at(4095));
        assertEquals(0, disk.at(4096));
        assertEquals(0, disk.at(8191));
        assertEquals(9, disk.at(8192));
        byte[] two = HexFormat.of().parseHex("002e0020" + "00000000" + "00000000000000100000000100000000" + "00000000000000200000000200000000");
        assertEquals("good", scsi.out(two, "42 00 00000000 00 0028 00").result());
        assertEquals(List.of("UNMAP 4096+4096", "UNMAP 8192+512", "UNMAP 16384+1024"), disk.log);
    }

    @Test
    void unmapListsThatAreWrongChangeNothing() {
        byte[] beyond = HexFormat.of().parseHex("002e0020" + "00000000" + "00000000000000000000000100000000" + "0000000000001fff0000000200000000");
        assertEquals("052100", scsi.out(beyond, "42 00 00000000 00 0028 00").result());
        assertEquals("051a00", scsi.out(beyond, "42 00 00000000 00 0007 00").result());
        assertEquals("052400", scsi.out(beyond, "42 00 00000000 00 0048 00").result(), "more than was sent");
        assertEquals("052400", scsi.out(beyond, "42 01 00000000 00 0028 00").result());
        assertEquals("good", scsi.none("42 00 00000000 00 0000 00").result());
        disk.readOnly = true;
        assertEquals("072700", scsi.out(beyond, "42 00 00000000 00 0028 00").result());
        assertTrue(disk.log.isEmpty());
    }

    @Test
    void commandThatNobodyWaitsForEndsWithTheStepItIsAt() {
        ScsiInitiator closing = new ScsiInitiator(target, () -> { });
        byte[] two = HexFormat.of().parseHex("002e0020" + "00000000" + "00000000000000100000000100000000" + "00000000000000200000000200000000");
        closing.request.begin(ScsiRequest.Direction.OUT);
        closing.request.cdb()[0] = 0x42;
        closing.request.cdb()[8] = 0x28;
        closing.put(two);
        assertTrue(closing.request.addData((ScsiInitiator.PAGE) * 63L, two.length));
        target.execute(0, closing.request);
        closing.request.abandon();
        disk.run();
        assertEquals(List.of("UNMAP 8192+512"), disk.log);
        assertEquals("044400", closing.result());
        closing.request.begin(ScsiRequest.Direction.NONE);
        target.execute(0, closing.request);
        assertEquals("good", closing.result(), "the next one is not concerned");
    }

    @Test
    void writeSameOfZeroesTellsTheDiskSo() {
        disk.content.fill((byte) 1);
        assertEquals("good", scsi.out(new byte[512], "93 00 0000000000000010 00000100 00 00").result());
        assertEquals("good", scsi.out(new byte[512], "93 08 0000000000000200 00000100 00 00").result());
        assertEquals("good", scsi.none("93 01 0000000000000400 00000100 00 00").result());
        assertEquals(List.of("WRITE_ZEROES 8192+131072", "UNMAP 262144+131072", "WRITE_ZEROES 524288+131072"), disk.log);
    }

    @Test
    void writeSameRepeatsAPattern() {
        byte[] pattern = random(512, 3);
        assertEquals("good", scsi.out(pattern, "41 00 00000002 00 00c8 00").result());
        assertEquals(512, scsi.request.transferred());
        for (int b = 0; b < 203; b++) {
            byte[] block = disk.content.asSlice(b * 512L, 512).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
            assertEquals(b >= 2 && b < 202, Arrays.equals(pattern, block), "block " + b);
        }
        assertEquals("052400", scsi.out(pattern, "41 00 00000002 00 0000 00").result());
        assertEquals("052400", scsi.out(new byte[511], "41 00 00000002 00 0001 00").result());
    }

    @Test
    void diskErrorsBecomeSenseData() {
        disk.failWith = DiskStatus.IO_ERROR;
        assertEquals("031100", scsi.in(512, "28 00 00000000 00 0001 00").result());
        assertEquals(0, scsi.request.transferred());
        assertEquals("030c00", scsi.out(new byte[512], "2a 00 00000000 00 0001 00").result());
        disk.failWith = DiskStatus.NO_SPACE;
        assertEquals("072707", scsi.out(new byte[512], "2a 00 00000000 00 0001 00").result());
        assertEquals("70000700000000 0a 00000000 2707 00000000".replace(" ", ""), HexFormat.of().formatHex(scsi.request.senseBytes()));
        disk.closed = true;
        assertEquals("031100", scsi.in(512, "28 00 00000000 00 0001 00").result());
    }

    @Test
    void unknownCommandsAreInvalid() {
        for (int op : new int[] {0x16, 0x17, 0x5E, 0x5F, 0x89, 0xA3, 0xC0, 0xFF}) {
            assertEquals("052000", scsi.none("%02x 00 00 00 00 00".formatted(op)).result());
        }
    }

    @Test
    void absentUnitsAnswerInquiryAndReportLunsOnly() {
        target.attach(7, new ScsiDisk(disk));
        byte[] d = scsi.send(3, ScsiRequest.Direction.IN, 36, "12 00 00 00 24 00").data();
        assertEquals(0x7F, d[0]);
        assertEquals("052500", scsi.send(3, ScsiRequest.Direction.NONE, 0, "00 00 00 00 00 00").result());
        assertEquals("052500", scsi.send(255, ScsiRequest.Direction.IN, 255, "12 01 00 00 ff 00").result());
        assertEquals("0000001000000000" + "0000000000000000" + "0007000000000000",
                scsi.send(3, ScsiRequest.Direction.IN, 1024, "a0 00 00 000000 00000400 00 00").hex());
        assertEquals("052400", scsi.send(0, ScsiRequest.Direction.IN, 8, "a0 00 00 000000 00000008 00 00").result());
    }

    @Test
    void changesOfUnitsAreToldOnce() {
        int[] told = new int[1];
        target.onChange(() -> told[0]++);
        assertEquals("good", scsi.none("00 00 00 00 00 00").result());
        target.attach(1, new ScsiDisk(disk));
        assertEquals(1, told[0]);
        assertEquals("good", scsi.in(36, "12 00 00 00 24 00").result(), "INQUIRY does not tell");
        assertEquals("063f0e", scsi.none("00 00 00 00 00 00").result());
        assertEquals("good", scsi.none("00 00 00 00 00 00").result());
        target.resized(0);
        target.reset(0);
        assertEquals("70000600000000", scsi.in(18, "03 00 00 00 12 00").hex().substring(0, 14));
        assertEquals("062a09", scsi.none("00 00 00 00 00 00").result());
        assertNotEquals(null, target.detach(1));
        assertEquals("063f0e", scsi.none("00 00 00 00 00 00").result());
    }

    @Test
    void randomCommandsCompleteOnceAndStayInside() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int[] opcodes = {0x00, 0x03, 0x08, 0x0A, 0x12, 0x15, 0x1A, 0x1B, 0x25, 0x28, 0x2A, 0x2F, 0x35, 0x41, 0x42, 0x55, 0x5A, 0x88, 0x8A, 0x8F,
            0x91, 0x93, 0x9E, 0xA0, 0xA8, 0xAA, 0xAF};
        byte[] cdb = new byte[16];
        try {
            for (int i = 0; i < 40_000; i++) {
                for (int b = 0; b < cdb.length; b++) {
                    cdb[b] = (byte) (random.nextInt(3) == 0 ? random.nextInt() : 0);
                }
                cdb[0] = (byte) (random.nextInt(8) == 0 ? random.nextInt() : opcodes[random.nextInt(opcodes.length)]);
                int data = random.nextInt(64 * 4096);
                if (random.nextBoolean()) {
                    scsi.put(random(64, seed + i));
                }
                scsi.send(random.nextInt(2), ScsiRequest.Direction.values()[random.nextInt(3)], data, cdb);
                assertTrue(scsi.request.transferred() <= data);
                disk.log.clear();
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed=" + seed + " cdb=" + HexFormat.of().formatHex(cdb), e);
        }
    }
}
