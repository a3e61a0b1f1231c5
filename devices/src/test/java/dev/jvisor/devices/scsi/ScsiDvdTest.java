package dev.jvisor.devices.scsi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ScsiDvdTest {
    private final MemoryDisk disc = new MemoryDisk(1000 * 2048L, 512, 512);
    private final ScsiDvd drive = new ScsiDvd("dvd-0");
    private final ScsiTarget target = new ScsiTarget();
    private final ScsiInitiator scsi = new ScsiInitiator(target, disc::run);

    ScsiDvdTest() {
        target.attach(0, drive);
        disc.readOnly = true;
    }

    private void load() {
        drive.insert(disc);
        assertEquals("062800", scsi.none("00 00 00 00 00 00").result());
    }

    @Test
    void emptyDriveSaysSo() {
        assertEquals("058005121f", scsi.in(36, "12 00 00 00 24 00").hex().replaceFirst("^(.{10}).*", "$1"));
        for (String cdb : new String[] {"00 00 00 00 00 00", "28 00 00000000 00 0001 00", "25 00 00000000 0000 00 00", "43 00 00 00000000 0010 00"}) {
            assertEquals("023a00", scsi.in(2048, cdb).result());
        }
        assertEquals("052000", scsi.in(2048, "2a 00 00000000 00 0001 00").result());
    }

    @Test
    void readsSectorsOfTwoKilobytes() {
        byte[] content = new byte[4096];
        new Random(1).nextBytes(content);
        disc.content.asSlice(10 * 2048, 4096).copyFrom(java.lang.foreign.MemorySegment.ofArray(content));
        load();
        assertEquals("000003e700000800", scsi.in(8, "25 00 00000000 0000 00 00").hex());
        assertArrayEquals(content, scsi.in(4096, "28 00 0000000a 00 0002 00").data());
        assertArrayEquals(content, scsi.in(4096, "a8 00 0000000a 00000002 00 00").data());
        assertEquals("052100", scsi.in(4096, "28 00 000003e7 00 0002 00").result());
        assertEquals("052400", scsi.in(2047, "28 00 00000000 00 0001 00").result());
        assertEquals("052000", scsi.out(new byte[2048], "2a 00 00000000 00 0001 00").result());
    }

    @Test
    void tableOfContentsHasOneDataTrack() {
        load();
        assertEquals("0012010100140100000000000014aa00000003e8", scsi.in(255, "43 00 00 00000000 00ff 00").hex());
        assertEquals("0012010100140100000002000014aa0000000f19", scsi.in(255, "43 02 00 00000000 00ff 00").hex());
        assertEquals("000a01010014aa00000003e8", scsi.in(255, "43 00 00 000000 aa 00ff 00").hex());
        assertEquals("000a0101" + "0014010000000000", scsi.in(255, "43 00 01 000000 00 00ff 00").hex());
        assertEquals("052400", scsi.in(255, "43 00 00 000000 02 00ff 00").result());
    }

    @Test
    void guestEjectsUnlessItHasLockedTheTray() {
        load();
        scsi.none("1e 00 00 00 01 00");
        assertEquals("055302", scsi.none("1b 00 00 00 02 00").result());
        assertNull(drive.eject(false), "the guest holds it");
        assertEquals("0006041001020000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex(), "it is asked to let go");
        scsi.none("1e 00 00 00 00 00");
        assertEquals("good", scsi.none("1b 00 00 00 02 00").result());
        assertEquals("023a00", scsi.none("00 00 00 00 00 00").result());
        assertEquals("0006041003010000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex(), "removed, tray open");
        assertEquals("good", scsi.none("1b 00 00 00 03 00").result());
        assertEquals("062800", scsi.none("00 00 00 00 00 00").result());
        assertEquals("good", scsi.none("00 00 00 00 00 00").result());
    }

    @Test
    void hostChangesDiscs() {
        assertNull(drive.insert(disc));
        assertEquals("0006041002020000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex(), "asking for events leaves the attention");
        assertEquals("062800", scsi.none("00 00 00 00 00 00").result());
        MemoryDisk other = new MemoryDisk(20 * 2048, 512, 512);
        assertSame(disc, drive.insert(other));
        assertEquals("062800", scsi.none("00 00 00 00 00 00").result());
        assertEquals("0000001300000800", scsi.in(8, "25 00 00000000 0000 00 00").hex());
    }

    @Test
    void eventsAreToldOnce() {
        load();
        assertEquals("0006041002020000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex());
        assertEquals("0006041000020000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex());
        assertEquals("00028010", scsi.in(8, "4a 01 0000 02 0000 0008 00").hex());
        assertEquals("052400", scsi.in(8, "4a 00 0000 10 0000 0008 00").result());
        assertSame(disc, drive.eject(true));
        assertEquals("0006041003000000", scsi.in(8, "4a 01 0000 10 0000 0008 00").hex());
        ScsiUnitState saved = drive.save();
        drive.restore(saved);
        assertEquals(saved, drive.save());
    }

    @Test
    void configurationListsProfilesAndFeatures() {
        load();
        byte[] all = scsi.in(255, "46 00 0000 000000 00ff 00").data();
        assertEquals(all.length - 4, all[3]);
        assertEquals(8, all[7], "a small disc is a CD");
        int at = 8;
        int features = 0;
        while (at < all.length) {
            at += 4 + all[at + 3];
            features++;
        }
        assertEquals(all.length, at);
        assertEquals(7, features);
        assertEquals("0003" + "03" + "04" + "29000000", scsi.in(255, "46 02 0003 000000 00ff 00").hex().substring(16));
        assertEquals(8, scsi.in(8, "46 00 0000 000000 0008 00").data().length);
    }

    @Test
    void capabilitiesPageDescribesTheDrive() {
        byte[] page = scsi.in(255, "5a 00 2a 00 000000 00ff 00").data();
        assertEquals("2a14", HexFormat.of().formatHex(page, 8, 10));
        assertNotNull(page);
        assertEquals(0x29, page[14]);
    }

    @Test
    void randomCommandsCompleteOnce() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] cdb = new byte[16];
        try {
            for (int i = 0; i < 20_000; i++) {
                for (int b = 0; b < cdb.length; b++) {
                    cdb[b] = (byte) (random.nextInt(3) == 0 ? random.nextInt() : 0);
                }
                cdb[0] = (byte) (i & 0xFF);
                if (random.nextInt(50) == 0) {
                    drive.insert(disc);
                }
                if (random.nextInt(100) == 0) {
                    drive.eject(true);
                }
                scsi.send(0, ScsiRequest.Direction.values()[random.nextInt(3)], random.nextInt(64 * 4096), cdb);
                disc.log.clear();
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed=" + seed + " cdb=" + HexFormat.of().formatHex(cdb), e);
        }
    }
}
