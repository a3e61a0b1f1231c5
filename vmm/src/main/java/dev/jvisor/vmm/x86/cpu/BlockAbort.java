package dev.jvisor.vmm.x86.cpu;

/**
 * Thrown before a store into the page that the running block was decoded from. Nothing of the instruction has happened yet; the engine
 * runs it again alone, without a block to go stale.
 */
public final class BlockAbort extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BlockAbort() {
        super(null, null, false, false);
    }
}
