package dev.jvisor.devices.pit;

/**
 * Ports and bits of the 8254 and of system control port B. Source: Intel 8254 data sheet (231164), "Programming the 8254"; PIIX3 data sheet
 * for port 61h.
 *
 * <pre>
 *  43h control:    SC1 SC0 | RW1 RW0 | M2 M1 M0 | BCD        SC = 3: read-back  1 1 /COUNT /STATUS CNT2 CNT1 CNT0 0
 *  status byte:    OUT NULL | RW1 RW0 | M2 M1 M0 | BCD
 *  61h:            SERR IOCHK OUT2 REFRESH | IOCHK# SERR# SPKR GATE2
 * </pre>
 */
final class PitRegisters {
    static final int CHANNEL_0 = 0x40;
    static final int CHANNEL_2 = 0x42;
    static final int CONTROL = 0x43;
    static final int SYSTEM_CONTROL = 0x61;

    static final int READ_BACK_NO_COUNT = 0x20;
    static final int READ_BACK_NO_STATUS = 0x10;
    static final int STATUS_OUT = 0x80;
    static final int STATUS_NULL = 0x40;

    static final int SC_GATE2 = 0x01;
    static final int SC_SPEAKER = 0x02;
    static final int SC_REFRESH = 0x10;
    static final int SC_OUT2 = 0x20;
    static final int SC_WRITABLE = 0x0F;

    /** Half a period of the refresh bit: the DRAM refresh request of a PC, every 15.085 microseconds. */
    static final long REFRESH_NS = 15_085;

    /** Input clock, hertz. */
    static final long FREQUENCY = 1_193_182;
    private static final long NS_PER_SECOND = 1_000_000_000L;

    private PitRegisters() { }

    /** {@return input clocks completed at a time} Split in seconds so that nothing overflows. */
    static long ticks(long ns) {
        return ns / NS_PER_SECOND * FREQUENCY + ns % NS_PER_SECOND * FREQUENCY / NS_PER_SECOND;
    }

    /** {@return the first nanosecond at which {@link #ticks} gives at least {@code ticks}} */
    static long ns(long ticks) {
        return ticks / FREQUENCY * NS_PER_SECOND + (ticks % FREQUENCY * NS_PER_SECOND + FREQUENCY - 1) / FREQUENCY;
    }
}
