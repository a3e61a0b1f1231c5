package dev.jvisor.devices.testdev;

import static dev.jvisor.devices.testdev.PcTestRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A device for tests of a processor and its interrupt controllers: a latch behind ports, memory that is a device's, and every interrupt line
 * of the board. See {@link PcTestRegisters}.
 *
 * <p>The flush port would have the host's mapping of a page go away and come back, which no guest can see; here nothing happens at all.
 *
 * <p>Thread-safe. Pulls interrupt lines with its lock held.
 */
public final class PcTestDevice implements PortDevice, MmioDevice {
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final InterruptController interrupts;

    private final byte[] bytes = new byte[MEMORY_SIZE];
    private final MemorySegment memory = MemorySegment.ofArray(bytes);
    private int latch;
    private int lines;

    /** @param interrupts whose lines it pulls */
    public PcTestDevice(InterruptController interrupts) {
        this.interrupts = interrupts;
    }

    /** Puts it behind its ports and into the GPA space. */
    public void register(PortSpace ports, GpaSpace gpa) {
        ports.register(LATCH, LATCH_PORTS, 4, this);
        ports.register(FLUSH, LATCH_PORTS, 4, this);
        ports.register(LATCH_BYTES, LATCH_PORTS, 1, this);
        ports.register(LINES, LINE_COUNT, 1, this);
        gpa.mapMmio(MEMORY, MEMORY_SIZE, this);
    }

    /** Power-on: zeros, and no line asserted. */
    public synchronized void reset() {
        latch = 0;
        java.util.Arrays.fill(bytes, (byte) 0);
        setLines(0);
    }

    private void setLines(int wanted) {
        int changed = lines ^ wanted;
        lines = wanted;
        for (int i = 0; i < LINE_COUNT; i++) {
            if ((changed >>> i & 1) != 0) {
                interrupts.setLine(i, (wanted >>> i & 1) != 0);
            }
        }
    }

    private static boolean isLatch(int port) {
        return port >= LATCH && port < LATCH + LATCH_PORTS || port >= LATCH_BYTES && port < LATCH_BYTES + LATCH_PORTS;
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        if (isLatch(port)) {
            return latch >>> 8 * (port & 3);
        }
        return port >= LINES ? -1 : 0;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        if (isLatch(port)) {
            int shift = 8 * (port & 3);
            int mask = (int) ((1L << 8 * size) - 1) << shift;
            latch = latch & ~mask | value << shift & mask;
        } else if (port >= LINES) {
            int bit = 1 << port - LINES;
            setLines(value != 0 ? lines | bit : lines & ~bit);
        }
    }

    @Override
    public synchronized long mmioRead(int vp, long offset, int size) {
        if (offset < 0 || offset > MEMORY_SIZE - size) {
            return -1;
        }
        return switch (size) {
            case 1 -> bytes[(int) offset] & 0xFF;
            case 2 -> memory.get(LE16, offset) & 0xFFFF;
            case 4 -> Integer.toUnsignedLong(memory.get(LE32, offset));
            default -> memory.get(LE64, offset);
        };
    }

    @Override
    public synchronized void mmioWrite(int vp, long offset, int size, long value) {
        if (offset < 0 || offset > MEMORY_SIZE - size) {
            return;
        }
        switch (size) {
            case 1 -> bytes[(int) offset] = (byte) value;
            case 2 -> memory.set(LE16, offset, (short) value);
            case 4 -> memory.set(LE32, offset, (int) value);
            default -> memory.set(LE64, offset, value);
        }
    }

    /** {@return what it remembers} */
    public synchronized PcTestState save() {
        return new PcTestState(latch, lines, bytes);
    }

    /** Replaces what it remembers, and pulls its lines as they were. */
    public synchronized void restore(PcTestState s) {
        latch = s.latch();
        System.arraycopy(s.memory(), 0, bytes, 0, MEMORY_SIZE);
        setLines(s.lines() & (1 << LINE_COUNT) - 1);
    }
}
