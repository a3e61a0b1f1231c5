package dev.jvisor.vmm.partition;

/** Told when a VP meets a breakpoint or has made a single step. */
@FunctionalInterface
public interface DebugListener {
    /**
     * A VP stopped. Called on the VP's thread after every other VP was asked to pause; return soon, the VP then stands still until
     * {@link Partition#resume()} or {@link VirtualProcessor#resume()}. Look at it from another thread after {@link Partition#awaitPaused()}.
     */
    void stopped(VirtualProcessor vp);
}
