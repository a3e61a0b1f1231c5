package dev.jvisor.devices.firmware;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory from C0000h to FFFFFh, in segments that the host bridge makes readable and writable one by one: a segment that cannot be read as
 * RAM shows the end of the firmware's chip, or nothing. Firmware copies itself and option ROMs there and then forbids writing.
 *
 * <p>Changed by one thread at a time, while VPs run.
 */
public final class ShadowMemory {
    /** Number of segments: twelve of 16 KiB from C0000h up, then one of 64 KiB. */
    public static final int SEGMENTS = 13;
    /** Attribute of a segment: reads give RAM. */
    public static final int READ = 1;
    /** Attribute of a segment: writes go to RAM. */
    public static final int WRITE = 2;

    private static final int SMALL = 16 << 10;
    private static final int PAGE = GpaSpace.PAGE_SIZE;

    private final GpaSpace gpa;
    private final FirmwareRom rom;
    private final long ramOffset;
    private final int[] attributes = new int[SEGMENTS];
    private List<GpaRegion> mapped;

    /**
     * Takes over the memory, which shows the chip from now on. Before the partition starts.
     *
     * @param gpa RAM as {@link MemoryLayout} has it
     * @param rom the firmware's chip
     */
    public ShadowMemory(GpaSpace gpa, FirmwareRom rom) {
        this.gpa = gpa;
        this.rom = rom;
        GpaRegion whole = gpa.find(MemoryLayout.SHADOW);
        ramOffset = whole.hostOffset();
        mapped = List.of(whole);
        show();
    }

    /**
     * Sets the attributes of all segments.
     *
     * @param wanted {@link #READ} and {@link #WRITE} for each
     */
    public void set(int[] wanted) {
        if (!java.util.Arrays.equals(wanted, attributes)) {
            System.arraycopy(wanted, 0, attributes, 0, SEGMENTS);
            show();
        }
    }

    private static long start(int segment) {
        return MemoryLayout.SHADOW + (long) segment * SMALL;
    }

    private static long end(int segment) {
        return segment == SEGMENTS - 1 ? MemoryLayout.HIGH : start(segment + 1);
    }

    private void show() {
        List<GpaRegion> next = new ArrayList<>();
        for (int s = 0; s < SEGMENTS; s++) {
            GpaRegion r = region(start(s), end(s), attributes[s]);
            GpaRegion last = next.isEmpty() ? null : next.getLast();
            // Firmware reads files across segments: neighbours of a kind are one region.
            if (r != null && last != null && last.end() == r.gpa() && last.kind() == r.kind() && last.device() == null && r.device() == null
                    && last.hostOffset() + last.size() == r.hostOffset()) {
                next.set(next.size() - 1, new GpaRegion(r.kind(), last.gpa(), last.size() + r.size(), last.hostOffset(), null));
            } else if (r != null) {
                next.add(r);
            }
        }
        for (GpaRegion old : mapped) {
            if (!next.contains(old)) {
                gpa.unmap(old);
            }
        }
        // The objects that are mapped are the ones to be unmapped one day.
        for (int i = 0; i < next.size(); i++) {
            int was = mapped.indexOf(next.get(i));
            next.set(i, was >= 0 ? mapped.get(was) : gpa.map(next.get(i)));
        }
        mapped = next;
    }

    /** {@return what is at a segment; null for nothing} */
    private GpaRegion region(long from, long to, int attribute) {
        long ram = ramOffset + from - MemoryLayout.SHADOW;
        long size = to - from;
        long chip = rom.lowHostOffset(from);
        return switch (attribute) {
            case READ | WRITE -> new GpaRegion(GpaRegion.Kind.RAM, from, size, ram, null);
            case READ -> new GpaRegion(GpaRegion.Kind.ROM, from, size, ram, null);
            case WRITE -> chip < 0 ? new GpaRegion(GpaRegion.Kind.MMIO, from, size, -1, new WriteThrough(ram))
                    : new GpaRegion(GpaRegion.Kind.ROM, from, size, chip, new WriteThrough(ram));
            default -> chip < 0 ? null : new GpaRegion(GpaRegion.Kind.ROM, from, size, chip, null);
        };
    }

    /** RAM that is written behind what is read. */
    private final class WriteThrough implements MmioDevice {
        private final long ram;

        WriteThrough(long ram) {
            this.ram = ram;
        }

        @Override
        public long mmioRead(int vp, long offset, int size) {
            return -1;
        }

        @Override
        public void mmioWrite(int vp, long offset, int size, long value) {
            MemorySegment host = gpa.host();
            for (int i = 0; i < size; i++) {
                host.set(ValueLayout.JAVA_BYTE, ram + offset + i, (byte) (value >>> 8 * i));
                gpa.touch((int) ((ram + offset + i) / PAGE));
            }
        }
    }
}
