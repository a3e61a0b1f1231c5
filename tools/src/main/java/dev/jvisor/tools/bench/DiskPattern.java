package dev.jvisor.tools.bench;

import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import java.util.Locale;

/** What a workload of {@code bench disk} does, by the names that fio uses. */
enum DiskPattern {
    /** One block after the other. */
    READ(Operation.READ, false, 0),
    /** One block after the other. */
    WRITE(Operation.WRITE, false, 0),
    /** Any block. */
    RANDREAD(Operation.READ, true, 0),
    /** Any block. */
    RANDWRITE(Operation.WRITE, true, 0),
    /** Any block, and every eighth operation is a flush. */
    FLUSHWRITE(Operation.WRITE, true, 8);

    final Operation operation;
    final boolean random;
    final int flushEvery;

    DiskPattern(Operation operation, boolean random, int flushEvery) {
        this.operation = operation;
        this.random = random;
        this.flushEvery = flushEvery;
    }

    DiskWorkload workload(int blockBytes, int depth, long areaBytes) {
        return DiskWorkload.of(operation, random, blockBytes, depth, areaBytes).withFlushEvery(flushEvery);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
