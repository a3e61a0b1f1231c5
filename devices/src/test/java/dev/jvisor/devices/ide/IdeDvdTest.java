package dev.jvisor.devices.ide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.jvisor.devices.scsi.ScsiDvd;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A DVD drive on the secondary channel, driven as libata drives one. */
@Timeout(60)
class IdeDvdTest {
    private static final int ERROR = 0x51;
    private static final int GOOD = 0x50;

    private final MemoryDisk disc = new MemoryDisk(1 << 20, 2048);
    private final ScsiDvd dvd = new ScsiDvd("dvd");
    private final IdeRig rig = new IdeRig();

    private void start() {
        new Random(1).nextBytes(disc.bytes);
        dvd.insert(disc);
        rig.ide.attachDvd(2, dvd);
        rig.start();
        rig.channel = 1;
    }

    @AfterEach
    void close() {
        disc.close();
    }

    private void packet(boolean dma, int limit, int... bytes) {
        rig.reg(6, 0xA0);
        rig.reg(1, dma ? 1 : 0);
        rig.reg(2, 0);
        rig.reg(4, limit & 0xFF);
        rig.reg(5, limit >>> 8);
        rig.reg(7, 0xA0);
        assertEquals(0x58, rig.awaitReady());
        assertEquals(1, rig.reg(2) & 3, "the packet is asked for");
        byte[] cdb = new byte[12];
        for (int i = 0; i < bytes.length; i++) {
            cdb[i] = (byte) bytes[i];
        }
        rig.writeBlock(cdb, 0, 12);
    }

    /** Reads data by PIO until the command is over. {@return the data; the last status is checked} */
    private byte[] takeData(int lastStatus) {
        byte[] all = new byte[0];
        while (true) {
            int status = rig.awaitInterrupt();
            if ((status & 8) == 0) {
                assertEquals(lastStatus, status);
                assertEquals(3, rig.reg(2) & 3);
                return all;
            }
            assertEquals(2, rig.reg(2) & 3, "data to the host");
            int n = rig.reg(4) | rig.reg(5) << 8;
            byte[] block = rig.readBlock(n + 1 & ~1);
            int at = all.length;
            all = Arrays.copyOf(all, at + n);
            System.arraycopy(block, 0, all, at, n);
        }
    }

    private byte[] sense() {
        packet(false, 0xFFFE, 0x03, 0, 0, 0, 18);
        return takeData(GOOD);
    }

    /** Takes the unit attentions after power-on and after the disc was put in. */
    private void becomeReady() {
        for (int i = 0; i < 5; i++) {
            packet(false, 0, 0x00);
            if (rig.awaitInterrupt() == GOOD) {
                return;
            }
            assertEquals(0x60, rig.reg(1) & 0xF0, "unit attention");
            byte[] s = sense();
            assertEquals(6, s[2] & 0xF);
        }
        throw new AssertionError("never ready");
    }

    @Test
    void itIsFoundByItsSignature() {
        start();
        rig.control(0x0C);
        rig.control(0x08);
        assertEquals(0, rig.awaitReady());
        assertEquals(List.of(1, 1, 0x14, 0xEB), List.of(rig.reg(2), rig.reg(3), rig.reg(4), rig.reg(5)));
        rig.reg(6, 0xB0);
        assertEquals(List.of(0, 0, 0), List.of(rig.altStatus(), rig.reg(4), rig.reg(5)));
        rig.reg(6, 0xA0);
        rig.reg(7, 0xEC);
        assertEquals(ERROR, rig.awaitInterrupt());
        assertEquals(0xEB, rig.reg(5));
        rig.reg(7, 0xA1);
        assertEquals(0x58, rig.awaitInterrupt());
        byte[] words = rig.readBlock(512);
        assertEquals(0x85C0, words[0] & 0xFF | (words[1] & 0xFF) << 8);
        rig.reg(7, 0x08);
        assertEquals(0x14, rig.reg(4), "DEVICE RESET");
    }

    @Test
    void readsByPioInBlocksOfTheGuestsSize() {
        start();
        becomeReady();
        packet(false, 4096, 0x28, 0, 0, 0, 0, 7, 0, 0, 100);
        assertArrayEquals(Arrays.copyOfRange(disc.bytes, 7 * 2048, 107 * 2048), takeData(GOOD));
        packet(false, 0xFFFE, 0x12, 0, 0, 0, 5);
        assertEquals(5, takeData(GOOD).length);
        packet(false, 0xFFFE, 0x25);
        byte[] capacity = takeData(GOOD);
        assertEquals((1 << 20) / 2048 - 1, (capacity[2] & 0xFF) << 8 | capacity[3] & 0xFF);
    }

    @Test
    void readsByDma() {
        start();
        becomeReady();
        rig.table(0x20000, 2048, 0x30000, 6144);
        rig.dmaSetup(true);
        packet(true, 0xFFFE, 0x28, 0, 0, 0, 0, 3, 0, 0, 4);
        assertEquals(GOOD, rig.dmaRun());
        assertArrayEquals(Arrays.copyOfRange(disc.bytes, 3 * 2048, 4 * 2048), rig.memory(0x20000, 2048));
        assertArrayEquals(Arrays.copyOfRange(disc.bytes, 4 * 2048, 7 * 2048), rig.memory(0x30000, 6144));
    }

    @Test
    void senseWaitsForTheOneWhoAsks() {
        start();
        becomeReady();
        packet(false, 0xFFFE, 0x28, 0, 0, 0x7F, 0, 0, 0, 0, 1);
        assertEquals(ERROR, rig.awaitInterrupt());
        assertEquals(0x50, rig.reg(1) & 0xF0);
        byte[] s = sense();
        assertEquals(List.of(5, 0x21), List.of((int) s[2], (int) s[12]));
        assertEquals(0, sense()[2], "told once");
        // By DMA too.
        packet(false, 0xFFFE, 0xF0);
        assertEquals(ERROR, rig.awaitInterrupt());
        rig.table(0x20000, 18);
        rig.dmaSetup(true);
        packet(true, 0xFFFE, 0x03, 0, 0, 0, 18);
        assertEquals(GOOD, rig.dmaRun());
        assertEquals(0x20, rig.memory(0x20000, 18)[12]);
        dvd.eject(true);
        packet(false, 0xFFFE, 0x00);
        assertEquals(ERROR, rig.awaitInterrupt());
        assertEquals(0x20, rig.reg(1) & 0xF0, "no disc");
    }

    @Test
    void aReadGoesOnAfterStateWasMoved() {
        start();
        becomeReady();
        packet(false, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 80);
        rig.awaitInterrupt();
        byte[] first = rig.readBlock(1000);
        IdeState state = rig.ide.save();
        rig.ide.restore(state);
        byte[] rest = rig.readBlock(1048);
        byte[] all = takeData(GOOD);
        assertArrayEquals(Arrays.copyOf(disc.bytes, 1000), first);
        assertArrayEquals(Arrays.copyOfRange(disc.bytes, 1000, 2048), rest);
        assertArrayEquals(Arrays.copyOfRange(disc.bytes, 2048, 80 * 2048), all);
    }
}
