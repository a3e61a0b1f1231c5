package dev.jvisor.guest.disk;

/** The ways a guest has to a disk. */
public enum DiskPath {
    /** The synthetic SCSI controller on VMBus, by a VSC. */
    SYNTHETIC("synthetic"),
    /** Emulated IDE with bus-master DMA. */
    IDE_DMA("ide-dma"),
    /** Emulated IDE with programmed I/O, 16 sectors an interrupt. */
    IDE_PIO("ide-pio");

    private final String text;

    DiskPath(String text) {
        this.text = text;
    }

    /** {@return its name for people} */
    public String text() {
        return text;
    }
}
