package dev.jvisor.devices.testdev;

/**
 * What a {@link PcTestDevice} remembers.
 *
 * @param latch the latch behind ports E0h and E8h
 * @param lines interrupt lines that are asserted, one bit each
 * @param memory contents of its memory
 */
public record PcTestState(int latch, int lines, byte[] memory) {
    /** Copies the memory. */
    public PcTestState {
        if (memory.length != PcTestRegisters.MEMORY_SIZE) {
            throw new IllegalArgumentException("not the memory of this device: memory=" + memory.length);
        }
        memory = memory.clone();
    }
}
