package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.partition.MemoryLayout;
import java.util.ArrayList;
import java.util.List;

/** The memory map that firmware would give a guest (E820). Immutable. */
public final class MemoryMap {
    /** Free for the guest. */
    public static final int RAM = 1;
    /** Not to be used. */
    public static final int RESERVED = 2;

    /**
     * One range.
     *
     * @param base first GPA
     * @param size bytes
     * @param type {@link #RAM} or {@link #RESERVED}; the numbers of E820, multiboot and PVH are the same
     */
    public record Entry(long base, long size, int type) { }

    private final List<Entry> entries;

    private MemoryMap(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /** {@return the map of a partition with that much RAM} */
    public static MemoryMap of(long memoryBytes) {
        List<Entry> e = new ArrayList<>();
        e.add(new Entry(0, BootLayout.EBDA, RAM));
        e.add(new Entry(BootLayout.EBDA, MemoryLayout.VGA_HOLE - BootLayout.EBDA, RESERVED));
        e.add(new Entry(0xE0000, 0x20000, RESERVED));
        long low = MemoryLayout.lowBytes(memoryBytes);
        if (low > MemoryLayout.HIGH) {
            e.add(new Entry(MemoryLayout.HIGH, low - MemoryLayout.HIGH, RAM));
        }
        e.add(new Entry(MemoryLayout.IO_APIC, 0x1000, RESERVED));
        e.add(new Entry(MemoryLayout.LOCAL_APIC, 0x1000, RESERVED));
        if (MemoryLayout.highBytes(memoryBytes) > 0) {
            e.add(new Entry(MemoryLayout.ABOVE_4G, MemoryLayout.highBytes(memoryBytes), RAM));
        }
        return new MemoryMap(e);
    }

    /** {@return the ranges by rising address} */
    public List<Entry> entries() {
        return entries;
    }
}
