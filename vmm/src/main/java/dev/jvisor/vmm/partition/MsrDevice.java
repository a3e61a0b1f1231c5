package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.backend.MsrValue;

/** Something behind a range of model-specific registers. Called on VP threads, possibly by several at once. Never throws on what a guest does. */
public interface MsrDevice {
    /**
     * RDMSR.
     *
     * @param vp index of the virtual processor that reads
     * @param index the register
     * @param value receives the value
     * @return false to raise #GP
     */
    boolean msrRead(int vp, int index, MsrValue value);

    /**
     * WRMSR.
     *
     * @param vp index of the virtual processor that writes
     * @param index the register
     * @param value the new value
     * @return false to raise #GP
     */
    boolean msrWrite(int vp, int index, long value);
}
