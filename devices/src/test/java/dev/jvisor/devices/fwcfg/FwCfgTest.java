package dev.jvisor.devices.fwcfg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FwCfgTest {
    private static final long RAM = 1 << 20;

    private final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(RAM, 4096));
    private final FwCfg device = device();

    private FwCfg device() {
        if (gpa.regions().isEmpty()) {
            gpa.mapRam(0, RAM);
        }
        FwCfgItems items = FwCfgItems.ofMachine(3, 0xC000_0000L, 1L << 30);
        items.addFile("opt/jvisor/b", "second".getBytes(StandardCharsets.US_ASCII));
        items.addFile("bootorder", "first\0".getBytes(StandardCharsets.US_ASCII));
        return new FwCfg(gpa, items);
    }

    private byte[] read(int key, int length) {
        device.portWrite(0, 0x510, 2, key);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) device.portRead(0, 0x511, 1);
        }
        return bytes;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private int transfer(int control, int length, long address) {
        gpa.write(0x1000, ByteBuffer.allocate(16).putInt(control).putInt(length).putLong(address).array());
        device.portWrite(0, 0x518, 4, Integer.reverseBytes(0x1000));
        return Integer.reverseBytes(gpa.read32(0x1000));
    }

    private String text(long at, int length) {
        byte[] b = new byte[length];
        for (int i = 0; i < length; i++) {
            b[i] = (byte) gpa.read8(at + i);
        }
        return new String(b, StandardCharsets.US_ASCII);
    }

    @Test
    void theMachineIsDescribedByNumber() {
        assertEquals("QEMU", new String(read(0, 4), StandardCharsets.US_ASCII));
        assertEquals(3, little(read(1, 4)).getInt(), "traditional and DMA");
        assertEquals(0x1_0000_0000L, little(read(3, 8)).getLong());
        assertEquals(3, little(read(5, 2)).getShort());
        assertEquals(3, little(read(0xF, 2)).getShort());
    }

    @Test
    void filesAreFoundThroughTheDirectory() {
        ByteBuffer directory = ByteBuffer.wrap(read(0x19, 4 + 3 * 64));
        assertEquals(3, directory.getInt());
        String[] names = {"bootorder", "etc/e820", "opt/jvisor/b"};
        int[] sizes = {6, 40, 6};
        for (int i = 0; i < 3; i++) {
            assertEquals(sizes[i], directory.getInt(), names[i]);
            assertEquals(0x20 + i, directory.getShort(), names[i]);
            directory.getShort();
            byte[] name = new byte[56];
            directory.get(name);
            assertEquals(names[i], new String(name, StandardCharsets.US_ASCII).trim());
        }
        assertEquals("second", new String(read(0x22, 6), StandardCharsets.US_ASCII));
        ByteBuffer map = little(read(0x21, 40));
        assertEquals(0, map.getLong());
        assertEquals(0xC000_0000L, map.getLong());
        assertEquals(1, map.getInt());
        assertEquals(1L << 32, map.getLong());
    }

    @Test
    void pastTheEndAndWhatIsNotThereReadsAsZeros() {
        assertArrayEquals(new byte[8], read(0x11, 8));
        byte[] more = read(0x22, 10);
        assertEquals(0, more[6] | more[7] | more[8] | more[9]);
    }

    @Test
    void theWriteBitOfASelectorMeansNothing() {
        assertEquals("QEMU", new String(read(0x4000, 4), StandardCharsets.US_ASCII));
    }

    @Test
    void widerReadsOfTheDataPortGiveBytesInTheirOrder() {
        device.portWrite(0, 0x510, 2, 0);
        assertEquals('Q' | 'E' << 8, device.portRead(0, 0x511, 2));
    }

    @Test
    void dmaSaysThatItIsThere() {
        assertEquals("QEMU CFG", new String(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(device.portRead(0, 0x514, 4))
                .putInt(device.portRead(0, 0x518, 4)).array(), StandardCharsets.US_ASCII));
    }

    @Test
    void dmaCopiesAnItemAndZerosTheRest() {
        gpa.write(0x2000, "................".getBytes(StandardCharsets.US_ASCII));
        assertEquals(0, transfer(0x22 << 16 | 8 | 2, 10, 0x2000));
        assertEquals("second\0\0\0\0......", text(0x2000, 16));
        assertEquals(0, transfer(0x22 << 16 | 8 | 4, 3, 0), "select and skip");
        assertEquals(0, transfer(2, 3, 0x2000));
        assertEquals("ond", text(0x2000, 3));
    }

    @Test
    void dmaAboveFourGigabytesTakesBothHalves() {
        device.portWrite(0, 0x514, 4, Integer.reverseBytes(1));
        gpa.write(0x1000, ByteBuffer.allocate(16).putInt(0x22 << 16 | 8 | 2).putInt(1).putLong(0x2000).array());
        device.portWrite(0, 0x518, 4, Integer.reverseBytes(0x1000));
        assertEquals(0, gpa.read8(0x2000), "there is no descriptor at 4 GiB");
        device.portWrite(0, 0x518, 4, Integer.reverseBytes(0x1000));
        assertEquals('s', gpa.read8(0x2000), "the high half counts once");
    }

    @Test
    void whatCannotBeDoneEndsWithTheErrorBit() {
        assertEquals(1, transfer(0x22 << 16 | 8 | 16, 1, 0x2000), "items cannot be written");
        assertEquals(1, transfer(2, -1, 0x2000), "more than there is RAM");
        assertEquals(1, transfer(2, 1, -1L));
    }

    @Test
    void noAccessDoesHarm() {
        long seed = Long.getLong("jvisor.seed", new Random().nextLong());
        System.out.println("FwCfgTest.noAccessDoesHarm: -Djvisor.seed=" + seed);
        Random r = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            int port = r.nextBoolean() ? 0x510 + r.nextInt(2) : 0x514 + r.nextInt(8);
            int size = 1 << r.nextInt(3);
            if (r.nextBoolean()) {
                device.portRead(0, port, size);
            } else {
                gpa.write(0x1000, ByteBuffer.allocate(16).putInt(r.nextInt()).putInt(r.nextInt(0x3000)).putLong(r.nextInt(2 << 20)).array());
                device.portWrite(0, port, size, r.nextInt(4) == 0 ? Integer.reverseBytes(0x1000) : r.nextInt());
            }
        }
    }

    @Test
    void stateMovesToAnotherDevice() {
        read(0x22, 2);
        FwCfg other = device();
        other.restore(device.save());
        assertEquals('c', other.portRead(0, 0x511, 1));
    }

    @Test
    void keysOfFilesAreNotGivenByHand() {
        FwCfgItems items = new FwCfgItems();
        for (int key : new int[] {-1, 0x19, 0x20, 0x4000, 0x7FFF, 0x10000}) {
            assertThrows(IllegalArgumentException.class, () -> items.add16(key, 1), Integer.toHexString(key));
        }
        assertThrows(IllegalArgumentException.class, () -> items.addFile("x".repeat(56), new byte[1]));
    }
}
