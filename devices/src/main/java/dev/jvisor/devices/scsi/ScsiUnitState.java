package dev.jvisor.devices.scsi;

/**
 * What a unit remembers beside its medium.
 *
 * @param attentions bit mask of the unit attentions that wait
 * @param writeCache disks: whether the write cache is on
 * @param locked DVD drives: whether the guest prevents removal
 * @param event DVD drives: the media event that waits to be asked for
 * @param open DVD drives: whether the tray is open
 */
public record ScsiUnitState(int attentions, boolean writeCache, boolean locked, int event, boolean open) { }
