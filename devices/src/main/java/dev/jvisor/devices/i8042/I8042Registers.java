package dev.jvisor.devices.i8042;

/** Ports, commands and bits of the keyboard controller and commands of the keyboard. Source: IBM PS/2 technical reference, "Keyboard and Auxiliary Device Controller". */
final class I8042Registers {
    static final int DATA = 0x60;
    static final int COMMAND = 0x64;

    static final int STATUS_OBF = 0x01;
    static final int STATUS_SYSTEM = 0x04;
    static final int STATUS_COMMAND = 0x08;
    static final int STATUS_UNLOCKED = 0x10;
    static final int STATUS_AUX = 0x20;
    static final int STATUS_TIMEOUT = 0x40;

    static final int CONFIG_KEYBOARD_IRQ = 0x01;
    static final int CONFIG_SYSTEM = 0x04;
    static final int CONFIG_KEYBOARD_OFF = 0x10;
    static final int CONFIG_AUX_OFF = 0x20;
    static final int CONFIG_TRANSLATE = 0x40;

    static final int READ_RAM = 0x20;
    static final int READ_RAM_LAST = 0x3F;
    static final int WRITE_RAM = 0x60;
    static final int WRITE_RAM_LAST = 0x7F;
    static final int AUX_DISABLE = 0xA7;
    static final int AUX_ENABLE = 0xA8;
    static final int AUX_TEST = 0xA9;
    static final int SELF_TEST = 0xAA;
    static final int KEYBOARD_TEST = 0xAB;
    static final int KEYBOARD_DISABLE = 0xAD;
    static final int KEYBOARD_ENABLE = 0xAE;
    static final int READ_INPUT_PORT = 0xC0;
    static final int READ_OUTPUT_PORT = 0xD0;
    static final int WRITE_OUTPUT_PORT = 0xD1;
    static final int KEYBOARD_LOOP = 0xD2;
    static final int AUX_LOOP = 0xD3;
    static final int AUX_WRITE = 0xD4;
    static final int PULSE = 0xF0;

    static final int SELF_TEST_OK = 0x55;
    static final int KEYBOARD_TEST_OK = 0x00;
    /** The data line of the auxiliary port is stuck high: nothing is plugged in. */
    static final int AUX_TEST_ABSENT = 0x04;
    static final int OUTPUT_NOT_RESET = 0x01;
    static final int OUTPUT_A20 = 0x02;
    static final int OUTPUT_KEYBOARD_FULL = 0x10;
    static final int INPUT_PORT = 0x80;

    static final int KBD_SET_LEDS = 0xED;
    static final int KBD_ECHO = 0xEE;
    static final int KBD_SCANCODE_SET = 0xF0;
    static final int KBD_IDENTIFY = 0xF2;
    static final int KBD_RATE = 0xF3;
    static final int KBD_ENABLE = 0xF4;
    static final int KBD_DISABLE = 0xF5;
    static final int KBD_DEFAULTS = 0xF6;
    static final int KBD_RESEND = 0xFE;
    static final int KBD_RESET = 0xFF;
    static final int KBD_ACK = 0xFA;
    static final int KBD_TEST_OK = 0xAA;
    static final int KBD_ID_1 = 0xAB;
    static final int KBD_ID_2 = 0x83;
    static final int KBD_BREAK = 0xF0;
    static final int KBD_EXTENDED = 0xE0;

    private I8042Registers() { }
}
