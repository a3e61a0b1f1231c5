package dev.jvisor.vmm.partition;

/**
 * The chipset's end of the processors' pins FERR# and IGNNE#, by which x87 errors are reported while CR0.NE is clear (Intel SDM 1, appendix
 * D). Called on VP threads, possibly by several at once. An engine with pins of its own, or none, calls nothing.
 */
public interface CoprocessorPins {
    /**
     * A VP asserts FERR#, or goes on to do so.
     *
     * @param vp its index
     * @return whether its IGNNE# is active
     */
    boolean ferrAsserted(int vp);

    /**
     * A VP releases FERR#, or has done so before.
     *
     * @param vp its index
     */
    void ferrReleased(int vp);
}
