package dev.jvisor.devices.rtc;

/** Registers and bits of the MC146818 and the customary CMOS bytes of a PC. Source: Motorola MC146818A data sheet; PC/AT technical reference. */
final class RtcRegisters {
    static final int INDEX = 0x70;
    static final int DATA = 0x71;

    static final int SECONDS = 0;
    static final int SECONDS_ALARM = 1;
    static final int MINUTES = 2;
    static final int MINUTES_ALARM = 3;
    static final int HOURS = 4;
    static final int HOURS_ALARM = 5;
    static final int WEEKDAY = 6;
    static final int DAY = 7;
    static final int MONTH = 8;
    static final int YEAR = 9;
    static final int A = 0x0A;
    static final int B = 0x0B;
    static final int C = 0x0C;
    static final int D = 0x0D;

    static final int A_UIP = 0x80;
    static final int A_RATE = 0x0F;
    static final int B_SET = 0x80;
    static final int B_PIE = 0x40;
    static final int B_AIE = 0x20;
    static final int B_UIE = 0x10;
    static final int B_BINARY = 0x04;
    static final int B_24H = 0x02;
    static final int C_IRQF = 0x80;
    static final int C_PF = 0x40;
    static final int C_AF = 0x20;
    static final int C_UF = 0x10;
    static final int D_VRT = 0x80;
    static final int HOUR_PM = 0x80;
    /** An alarm byte with these bits matches every value. */
    static final int ALARM_ANY = 0xC0;

    /** Base memory in KiB, two bytes. */
    static final int BASE_MEMORY = 0x15;
    /** Memory above 1 MiB in KiB, two bytes; twice. */
    static final int EXTENDED_MEMORY = 0x17;
    static final int EXTENDED_MEMORY_2 = 0x30;
    /** Sum of bytes 10h to 2Dh, high byte first. */
    static final int CHECKSUM = 0x2E;
    /** Century, BCD; also named in the FADT. */
    static final int CENTURY = 0x32;
    /** Memory above 16 MiB in 64 KiB units, two bytes. */
    static final int HIGH_MEMORY = 0x34;
    /** Memory above 4 GiB in 64 KiB units, three bytes. */
    static final int MEMORY_ABOVE_4G = 0x5B;

    static final int SIZE = 128;

    /** How long before an update UIP announces it: 244 us of warning and 1984 us of update. */
    static final long UIP_NS = 2_228_000;

    private RtcRegisters() { }
}
