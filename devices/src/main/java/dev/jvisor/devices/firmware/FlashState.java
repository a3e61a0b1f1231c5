package dev.jvisor.devices.firmware;

/**
 * What a {@link Flash} remembers besides its array, which is memory of the partition.
 *
 * @param command the command in progress, or the one that says what reads give
 * @param cycle writes of it that have come
 * @param status the status register
 * @param bufferAt offset of a buffered program in the array
 * @param bufferLeft bytes of it that are still to come
 * @param buffer those that have come
 */
public record FlashState(int command, int cycle, int status, int bufferAt, int bufferLeft, byte[] buffer) {
    /** Copies the bytes. */
    public FlashState {
        buffer = buffer.clone();
    }
}
