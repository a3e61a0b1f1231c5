package dev.jvisor.devices.pm;

/** Ports and bits of the ACPI fixed hardware, as the FADT describes them. Source: ACPI 6.5, 4.8.3. */
public final class PmRegisters {
    /** First port of the block, where firmware does not put it elsewhere. */
    public static final int BASE = 0x600;
    /** Ports of the block, which begins at a multiple of it. */
    public static final int SIZE = 0x40;
    /** PM1a event block: status, then enable; 4 bytes. */
    public static final int PM1_EVENT = BASE;
    /** PM1a control block; 2 bytes. */
    public static final int PM1_CONTROL = BASE + 4;
    /** PM timer; 4 bytes. */
    public static final int PM_TIMER = BASE + 8;
    /** Hertz of the PM timer. */
    public static final long PM_TIMER_HZ = 3_579_545;
    /** SCI: global system interrupt, level. */
    public static final int SCI = 9;
    /** SLP_TYP of S3, as in the DSDT's {@code \_S3}. */
    public static final int S3 = 1;
    /** SLP_TYP of S5, as in the DSDT's {@code \_S5}. */
    public static final int S5 = 5;

    /** SLP_TYP of S5 as firmware for the PIIX4 writes it, without asking any table. */
    static final int S5_OF_FIRMWARE = 0;

    static final int PM1_ENABLE = PM1_EVENT + 2;
    static final int TMR_STS = 0x0001;
    static final int PWRBTN_STS = 0x0100;
    static final int RTC_STS = 0x0400;
    static final int WAK_STS = 0x8000;
    /** Status bits that exist: timer, bus master, global lock, power and sleep button, RTC, wake. */
    static final int STATUS_BITS = 0x8731;
    /** Enable bits that exist: timer, global lock, power and sleep button, RTC. */
    static final int ENABLE_BITS = 0x0721;
    static final int SCI_EN = 0x0001;
    static final int SLP_EN = 0x2000;
    /** Control bits that are remembered: SCI_EN, BM_RLD, SLP_TYP. */
    static final int CONTROL_BITS = 0x1C03;

    private PmRegisters() { }
}
