/**
 * The MC146818 real-time clock with its CMOS memory. {@link dev.jvisor.devices.rtc.Rtc} is the device; {@code RtcRegisters} names the
 * registers; {@code RtcCalendar} turns the clock's registers into seconds and back.
 */
package dev.jvisor.devices.rtc;
