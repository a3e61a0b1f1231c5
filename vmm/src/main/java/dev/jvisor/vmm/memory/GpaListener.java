package dev.jvisor.vmm.memory;

/** Told of changes to the GPA space. A backend mirrors them (memory slots, TLBs, decoded blocks). Called on the thread that made the change. */
public interface GpaListener {
    /** A region was mapped. */
    default void mapped(GpaRegion region) { }

    /** A region was unmapped; no VP may reach it once this returns. */
    default void unmapped(GpaRegion region) { }

    /**
     * Somebody other than the listener wrote to a page that is flagged {@link GpaSpace#PAGE_CODE}.
     *
     * @param hostPage offset in {@link GpaSpace#host()} divided by 4096
     */
    default void codeWritten(int hostPage) { }

    /** The dirty log of a region is about to be collected: whoever keeps a log of its own clears {@link GpaSpace#PAGE_CLEAN} now. */
    default void dirtyLogWanted(GpaRegion region) { }

    /** The dirty log was switched on (all pages clean) or collected (all pages clean again), or switched off. */
    default void dirtyLogReset() { }
}
