package dev.jvisor.devices.ide;

import dev.jvisor.devices.scsi.ScsiUnitState;

/**
 * What a drive remembers between two accesses, with no request on its way to its disk.
 *
 * @param registers features, count, LBA low, mid, high (each with its previous content in bits 8 to 15), device, status, error
 * @param interrupt whether it asserts INTRQ
 * @param phase what it waits for, by name
 * @param buffer what is valid of its buffer
 * @param position next byte of the buffer to go through the data port
 * @param blockEnd end of the DRQ block in the buffer
 * @param work what kind of command it carries out, by name
 * @param lba next sector of that command
 * @param left sectors of that command not done yet; for a packet drive, bytes
 * @param chunk sectors in the buffer
 * @param blockSectors sectors of a DRQ block; for a packet drive, its bytes
 * @param fua whether that command's writes must be durable
 * @param settings what survives commands: heads, sectors a track, multiple, write cache, look-ahead, transfer mode, standby
 * @param packet the command packet of a packet drive; empty for a disk
 * @param sense the sense code of a packet drive
 * @param unit what the unit behind a packet drive remembers; null for a disk
 */
public record IdeDriveState(int[] registers, boolean interrupt, String phase, byte[] buffer, int position, int blockEnd, String work,
                            long lba, int left, int chunk, int blockSectors, boolean fua, int[] settings, byte[] packet, int sense,
                            ScsiUnitState unit) { }
