package dev.jvisor.devices.fwcfg;

import static dev.jvisor.devices.fwcfg.FwCfgRegisters.*;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * The firmware configuration device. An item that is not there reads as nothing but zeros, and so does what follows the end of one that is.
 * Items cannot be written: a DMA write ends with the error bit.
 *
 * <p>Thread-safe, though a guest whose processors select at once reads a mixture, as on any such device.
 */
public final class FwCfg implements PortDevice {
    private static final ValueLayout.OfInt BE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong BE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final byte[] NOTHING = {};

    private final GpaSpace gpa;
    private final Map<Integer, FwCfgItems.Item> items;

    private int key;
    private byte[] item = NOTHING;
    private long offset;
    private int dmaHigh;

    /**
     * Makes the device.
     *
     * @param gpa memory for DMA
     * @param items what it has to tell, as it stands now
     */
    public FwCfg(GpaSpace gpa, FwCfgItems items) {
        this.gpa = gpa;
        this.items = items.all();
        reset();
    }

    /** Puts it behind its ports. */
    public void register(PortSpace ports) {
        ports.register(SELECTOR, 2, 2, this);
        ports.register(DMA, 8, 4, this);
    }

    /** Power-on: the signature is selected. */
    public synchronized void reset() {
        select(SIGNATURE);
        dmaHigh = 0;
    }

    private void select(int selector) {
        key = selector & KEY_BITS;
        FwCfgItems.Item selected = items.get(key);
        item = selected == null ? NOTHING : selected.bytes().get();
        offset = 0;
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        if (port >= DMA) {
            int half = port < DMA_LOW ? DMA_SIGNATURE_HIGH : DMA_SIGNATURE_LOW;
            return half >>> 8 * (port & 3);
        }
        if (port != DATA) {
            return -1;
        }
        int value = 0;
        for (int i = 0; i < size; i++) {
            if (offset < item.length) {
                value |= (item[(int) offset++] & 0xFF) << 8 * i;
            }
        }
        return value;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        if (port == SELECTOR && size == 2) {
            select(value);
        } else if (port == DMA && size == 4) {
            dmaHigh = Integer.reverseBytes(value);
        } else if (port == DMA_LOW && size == 4) {
            long descriptor = (long) dmaHigh << 32 | Integer.toUnsignedLong(Integer.reverseBytes(value));
            dmaHigh = 0;
            transfer(descriptor);
        }
    }

    /** Carries out the descriptor at an address; one that is not in RAM is ignored. */
    private void transfer(long at) {
        MemorySegment descriptor = gpa.ram(at, DESCRIPTOR);
        if (descriptor == null) {
            return;
        }
        int control = descriptor.get(BE32, CONTROL);
        long length = Integer.toUnsignedLong(descriptor.get(BE32, LENGTH));
        long address = descriptor.get(BE64, ADDRESS);
        if ((control & CONTROL_SELECT) != 0) {
            select(control >>> 16);
        }
        boolean good = true;
        if ((control & CONTROL_READ) != 0) {
            good = copy(address, length);
        } else if ((control & CONTROL_WRITE) != 0) {
            good = false;
        } else if ((control & CONTROL_SKIP) != 0) {
            offset = Math.min(offset + length, item.length);
        }
        descriptor.set(BE32, CONTROL, good ? 0 : CONTROL_ERROR);
        gpa.written(at, DESCRIPTOR);
    }

    /** {@return false when the bytes would not go to RAM} */
    private boolean copy(long address, long length) {
        MemorySegment to = gpa.ram(address, length);
        if (to == null) {
            return false;
        }
        int there = (int) Math.min(length, item.length - offset);
        MemorySegment.copy(MemorySegment.ofArray(item), offset, to, 0, there);
        to.asSlice(there).fill((byte) 0);
        offset += there;
        gpa.written(address, length);
        return true;
    }

    /** {@return what it remembers} */
    public synchronized FwCfgState save() {
        return new FwCfgState(key, offset, dmaHigh);
    }

    /** Replaces what it remembers. */
    public synchronized void restore(FwCfgState s) {
        select(s.key());
        offset = Math.clamp(s.offset(), 0, item.length);
        dmaHigh = s.dmaHigh();
    }
}
