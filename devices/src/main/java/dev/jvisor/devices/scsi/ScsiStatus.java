package dev.jvisor.devices.scsi;

/** How a command ended (SAM-5 5.3). */
public final class ScsiStatus {
    /** Done. */
    public static final int GOOD = 0x00;
    /** Failed or needs attention: see the sense data. */
    public static final int CHECK_CONDITION = 0x02;
    /** Try again later. */
    public static final int BUSY = 0x08;
    /** Too many commands at once. */
    public static final int TASK_SET_FULL = 0x28;

    private ScsiStatus() { }
}
