package dev.jvisor.devices.ide;

/**
 * What one channel's half of the bus master remembers.
 *
 * @param command register
 * @param status register
 * @param table address of the table of descriptors
 * @param next address of the descriptor that is read next
 * @param entries descriptors read since the start
 * @param at address of the next byte of the current descriptor
 * @param left bytes left of it
 * @param last whether it is the last
 */
public record BusMasterState(int command, int status, int table, int next, int entries, long at, int left, boolean last) { }
