package dev.jvisor.devices.pic;

/**
 * Ports and command bits of the 8259A. Source: Intel 8259A data sheet (231468), "Programming the 8259A"; Intel 82371SB (PIIX3) data sheet for ELCR.
 *
 * <pre>
 *  A0 = 0:  ICW1 (bit 4 set)   . . . 1 LTIM ADI SNGL IC4
 *           OCW2 (bits 4,3 = 00) R SL EOI 0 0 L2 L1 L0
 *           OCW3 (bits 4,3 = 01) 0 ESMM SMM 0 1 P RR RIS
 *  A0 = 1:  ICW2 vector base, ICW3 cascade, ICW4 (SFNM BUF M/S AEOI uPM), or OCW1 = interrupt mask
 * </pre>
 */
final class PicRegisters {
    static final int MASTER_COMMAND = 0x20;
    static final int MASTER_DATA = 0x21;
    static final int SLAVE_COMMAND = 0xA0;
    static final int SLAVE_DATA = 0xA1;
    static final int ELCR_MASTER = 0x4D0;
    static final int ELCR_SLAVE = 0x4D1;

    static final int ICW1_IC4 = 0x01;
    static final int ICW1_SNGL = 0x02;
    static final int ICW1_LTIM = 0x08;
    static final int ICW1 = 0x10;
    static final int ICW4_AEOI = 0x02;
    static final int ICW4_SFNM = 0x10;

    static final int OCW3 = 0x08;
    static final int OCW3_RIS = 0x01;
    static final int OCW3_RR = 0x02;
    static final int OCW3_POLL = 0x04;
    static final int OCW3_SMM = 0x20;
    static final int OCW3_ESMM = 0x40;

    /** Lines whose mode the chip set fixes to edge: 0 (timer), 1 (keyboard), 2 (cascade). */
    static final int ELCR_MASTER_WRITABLE = 0xF8;
    /** Lines whose mode the chip set fixes to edge: 8 (clock), 13 (coprocessor). */
    static final int ELCR_SLAVE_WRITABLE = 0xDE;

    /** Input of the master that the slave drives. */
    static final int CASCADE_LINE = 2;
    /** What a chip answers to an acknowledge with nothing pending. */
    static final int SPURIOUS_LINE = 7;

    private PicRegisters() { }
}
