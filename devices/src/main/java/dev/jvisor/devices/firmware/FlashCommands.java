package dev.jvisor.devices.firmware;

/** Commands and status bits of flash that follows Intel's extended command set. Source: Common Flash Interface, command set 0001h. */
final class FlashCommands {
    /** Reset: read the array. QEMU's flash takes 0 for the same, and so do its users. */
    static final int READ_ARRAY = 0xFF, READ_ARRAY_TOO = 0x00, RESET_AMD = 0xF0;
    static final int PROGRAM = 0x10, PROGRAM_TOO = 0x40;
    static final int ERASE = 0x20, CONFIRM = 0xD0;
    static final int CLEAR_STATUS = 0x50, READ_STATUS = 0x70;
    static final int LOCK_SETUP = 0x60, LOCK = 0x01;
    static final int READ_ID = 0x90, QUERY = 0x98;
    static final int PROGRAM_BUFFER = 0xE8;

    static final int READY = 0x80;
    /** Two of a failed sequence. */
    static final int ERASE_ERROR = 0x20, PROGRAM_ERROR = 0x10;

    private FlashCommands() { }
}
