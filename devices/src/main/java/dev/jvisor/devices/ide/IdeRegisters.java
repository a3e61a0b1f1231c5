package dev.jvisor.devices.ide;

/**
 * Ports, registers and bits of an IDE channel. Source: ATA8-APT and ACS-2 section 6, Programming Interface for Bus Master IDE Controller
 * 1.0, Intel 82371SB (PIIX3) 2.3.
 */
final class IdeRegisters {
    static final int PRIMARY = 0x1F0;
    static final int PRIMARY_CONTROL = 0x3F6;
    static final int PRIMARY_IRQ = 14;
    static final int SECONDARY = 0x170;
    static final int SECONDARY_CONTROL = 0x376;
    static final int SECONDARY_IRQ = 15;

    static final int DATA = 0;
    /** Read. */
    static final int ERROR = 1;
    /** Written. */
    static final int FEATURES = 1;
    static final int COUNT = 2;
    static final int LBA_LOW = 3;
    static final int LBA_MID = 4;
    static final int LBA_HIGH = 5;
    static final int DEVICE = 6;
    /** Read. */
    static final int STATUS = 7;
    /** Written. */
    static final int COMMAND = 7;
    static final int REGISTERS = 8;

    static final int BSY = 0x80;
    static final int DRDY = 0x40;
    static final int DF = 0x20;
    static final int DSC = 0x10;
    static final int DRQ = 0x08;
    static final int ERR = 0x01;

    static final int UNC = 0x40;
    static final int IDNF = 0x10;
    static final int ABRT = 0x04;
    /** Diagnostic code: no trouble found. */
    static final int DIAGNOSTIC_PASSED = 0x01;

    static final int DEVICE_LBA = 0x40;
    static final int DEVICE_1 = 0x10;

    static final int CONTROL_HOB = 0x80;
    static final int CONTROL_SRST = 0x04;
    static final int CONTROL_NIEN = 0x02;

    /** Interrupt reason, in the count register during PACKET: the packet is asked for, or the command is over. */
    static final int REASON_COMMAND = 0x01;
    /** Interrupt reason: data goes to the host. */
    static final int REASON_TO_HOST = 0x02;

    /** What nobody's registers read as: DD7 is pulled down, the others float high. */
    static final int FLOATING = 0x7F;

    static final int BM_COMMAND = 0;
    static final int BM_STATUS = 2;
    static final int BM_TABLE = 4;
    static final int BM_SIZE = 8;
    static final int BM_START = 0x01;
    static final int BM_TO_MEMORY = 0x08;
    static final int BM_ACTIVE = 0x01;
    static final int BM_ERROR = 0x02;
    static final int BM_INTERRUPT = 0x04;
    /** Drive 0 may do DMA; drive 1's bit is the next. Only software reads them. */
    static final int BM_CAPABLE_0 = 0x20;
    static final int BM_CAPABLE = 0x60;

    static final int PRD_BYTES = 8;
    static final int PRD_END = 1 << 31;
    static final int PRD_COUNT = 0xFFFE;
    /** A table lies inside 64 KiB. */
    static final int PRD_ENTRIES = 0x10000 / PRD_BYTES;

    /** PCI configuration: timing and decode enable of the channels, 16 bits each. */
    static final int IDETIM = 0x40;
    static final int IDETIM_DECODE = 0x8000;
    static final int SIDETIM = 0x44;

    private IdeRegisters() { }
}
