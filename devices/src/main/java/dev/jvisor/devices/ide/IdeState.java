package dev.jvisor.devices.ide;

import dev.jvisor.devices.pci.PciFunctionState;
import java.util.List;

/**
 * What a controller remembers.
 *
 * @param version of this record's meaning, {@link #VERSION}
 * @param function the PCI function
 * @param channels two
 */
public record IdeState(int version, PciFunctionState function, List<IdeChannelState> channels) {
    /** The version that is written. */
    public static final int VERSION = 1;
}
