package dev.jvisor.devices.ide;

import java.util.List;

/**
 * What a channel and its drives remember.
 *
 * @param selected the drive that is selected, 0 or 1
 * @param control the device control register
 * @param busMaster the channel's half of the bus master
 * @param drives two; null where no drive is
 */
public record IdeChannelState(int selected, int control, BusMasterState busMaster, List<IdeDriveState> drives) { }
