package dev.jvisor.devices.i8042;

import static dev.jvisor.devices.i8042.I8042Registers.KBD_BREAK;

/** The controller's translation of what the keyboard sends from scan code set 2 to set 1: byte by byte, a break prefix becomes bit 7. */
final class ScanCodeTranslation {
    private static final byte[] TO_SET_1 = new byte[256];

    static {
        for (int i = 0; i < 256; i++) {
            TO_SET_1[i] = (byte) i;
        }
        for (Key key : Key.values()) {
            TO_SET_1[key.set2() & 0xFF] = (byte) key.set1();
        }
        // Keypad keys share codes with the extended block; the rest are what the controller's ROM gives for codes no key has here.
        TO_SET_1[0x84] = 0x54;
        TO_SET_1[0x7B] = 0x4A;
        TO_SET_1[0x79] = 0x4E;
        TO_SET_1[0x73] = 0x4C;
        TO_SET_1[0x61] = 0x56;
        TO_SET_1[0x1F] = 0x5B;
        TO_SET_1[0x27] = 0x5C;
        TO_SET_1[0x2F] = 0x5D;
    }

    private ScanCodeTranslation() { }

    /** {@return whether the byte is a prefix that is kept back, to mark the next one} */
    static boolean isBreak(int value) {
        return value == KBD_BREAK;
    }

    /** {@return the byte in set 1} */
    static int translate(int value, boolean released) {
        return TO_SET_1[value] & 0xFF | (released ? 0x80 : 0);
    }
}
