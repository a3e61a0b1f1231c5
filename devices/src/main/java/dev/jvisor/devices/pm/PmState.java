package dev.jvisor.devices.pm;

/**
 * What the power management hardware remembers.
 *
 * @param status PM1 status
 * @param enable PM1 enable
 * @param control PM1 control
 * @param timer the PM timer's full count when saved
 * @param lastHalf half-periods of the timer up to which its status has been raised
 */
public record PmState(int status, int enable, int control, long timer, long lastHalf) { }
