package dev.jvisor.devices.pci;

/**
 * What the generic part of a function remembers.
 *
 * @param config the 256 bytes of configuration space
 * @param interrupt whether the function asserts its pin
 */
public record PciFunctionState(byte[] config, boolean interrupt) {
    /** Copies the bytes. */
    public PciFunctionState {
        if (config.length != PciRegisters.SIZE) {
            throw new IllegalArgumentException("configuration space has 256 bytes: length=" + config.length);
        }
        config = config.clone();
    }

    /** {@return a copy of the configuration space} */
    @Override
    public byte[] config() {
        return config.clone();
    }
}
