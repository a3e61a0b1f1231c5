package dev.jvisor.vmbus.guest;

import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** RAM of a guest that is not there, and its page allocator, which hands pages out straight or shuffled. */
public final class GuestMemory implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final GpaSpace gpa;
    private final List<Long> free = new ArrayList<>();

    /** Memory of so many pages from GPA 1 MiB; page numbers are handed out in order, or shuffled when there is a seed. */
    public GuestMemory(int pages, Random shuffle) {
        MemorySegment host = arena.allocate((long) pages * GpaSpace.PAGE_SIZE, GpaSpace.PAGE_SIZE);
        gpa = new GpaSpace(host);
        gpa.mapRam(0x100000, (long) pages * GpaSpace.PAGE_SIZE);
        for (long p = 0; p < pages; p++) {
            free.add(0x100 + p);
        }
        if (shuffle != null) {
            Collections.shuffle(free, shuffle);
        }
    }

    public GpaSpace gpa() {
        return gpa;
    }

    /** Takes pages, zeroed. */
    public long[] take(int count) {
        long[] pfns = new long[count];
        for (int i = 0; i < count; i++) {
            pfns[i] = free.removeFirst();
            gpa.ram(pfns[i] << 12, GpaSpace.PAGE_SIZE).fill((byte) 0);
        }
        return pfns;
    }

    /** Gives pages back. */
    public void give(long[] pfns) {
        for (long p : pfns) {
            free.add(p);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
