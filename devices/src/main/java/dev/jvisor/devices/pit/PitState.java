package dev.jvisor.devices.pit;

import java.util.List;

/**
 * What the timer remembers.
 *
 * @param channels the three counters
 * @param systemControl the writable bits of port 61h
 * @param lastRise clock of the last rise of OUT0 that was made an interrupt
 * @param backlog ticks of counter 0 that are owed
 * @param savedAtNs the partition's time at which this was saved; restoring moves the counters by the difference
 */
public record PitState(List<Channel> channels, int systemControl, long lastRise, int backlog, long savedAtNs) {
    /** Checks that there are three counters. */
    public PitState {
        channels = List.copyOf(channels);
        if (channels.size() != 3) {
            throw new IllegalArgumentException("an 8254 has three counters: channels=" + channels.size());
        }
    }

    /**
     * One counter.
     *
     * @param mode 0 to 5
     * @param access 1 low byte, 2 high byte, 3 (or 0) both
     * @param bcd counts in decimal
     * @param reload clocks in a full count, 0 when none was written
     * @param start clock at which the count began
     * @param triggered modes 1 and 5: the gate has risen
     * @param gate level of the gate
     * @param heldAt clocks counted when the gate fell, -1 while counting
     * @param writeLow low byte written
     * @param writeHighNext the high byte is expected
     * @param readHighNext the high byte is read next
     * @param latch latched count
     * @param latched bytes of the latch still to be read: 1 low, 2 high
     * @param latchedStatus latched status, -1 for none
     */
    public record Channel(int mode, int access, boolean bcd, int reload, long start, boolean triggered, boolean gate, long heldAt,
                          int writeLow, boolean writeHighNext, boolean readHighNext, int latch, int latched, int latchedStatus) {
        /** Checks the ranges. */
        public Channel {
            if (mode < 0 || mode > 5 || reload < 0 || reload > 0x10000) {
                throw new IllegalArgumentException("not a counter: mode=" + mode + ", reload=" + reload);
            }
        }
    }
}
