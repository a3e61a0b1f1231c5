package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.firmware.FlashState;
import dev.jvisor.devices.pci.PciFunctionState;

/**
 * What the chips remember that a board has for its firmware's sake.
 *
 * @param host the host bridge
 * @param pm the power management function
 * @param flash null without flash
 */
public record FirmwareState(PciFunctionState host, PciFunctionState pm, FlashState flash) { }
