package dev.jvisor.devices.i8042;

import static dev.jvisor.devices.i8042.I8042Registers.*;

/**
 * An AT keyboard: takes commands, queues replies and scan codes. Replies are never refused room by scan codes. Not synchronized:
 * {@link I8042} is.
 */
final class Keyboard {
    /** Scan codes kept when the guest does not read; a real keyboard keeps 16. */
    private static final int MAX_SCAN = 256;
    private static final int MAX_REPLY = 16;

    private final int[] scan = new int[MAX_SCAN];
    private int scanHead;
    private int scanSize;
    private final int[] reply = new int[MAX_REPLY];
    private int replyHead;
    private int replySize;

    private int set = 2;
    private boolean scanning = true;
    /** A command that waits for its argument, 0 for none. */
    private int command;
    private int leds;
    private int last;

    void reset() {
        scanSize = 0;
        replySize = 0;
        set = 2;
        scanning = true;
        command = 0;
        leds = 0;
    }

    int leds() {
        return leds;
    }

    /** Takes a byte from the controller. */
    void receive(int value) {
        if (command != 0) {
            int of = command;
            command = 0;
            argument(of, value);
            return;
        }
        switch (value) {
            case KBD_SET_LEDS, KBD_SCANCODE_SET, KBD_RATE -> {
                command = value;
                answer(KBD_ACK);
            }
            case KBD_ECHO -> answer(KBD_ECHO);
            case KBD_IDENTIFY -> {
                answer(KBD_ACK);
                answer(KBD_ID_1);
                answer(KBD_ID_2);
            }
            case KBD_ENABLE -> {
                scanning = true;
                answer(KBD_ACK);
            }
            case KBD_DISABLE, KBD_DEFAULTS -> {
                scanning = value == KBD_DEFAULTS;
                scanSize = 0;
                set = 2;
                answer(KBD_ACK);
            }
            case KBD_RESEND -> answer(last);
            case KBD_RESET -> {
                reset();
                answer(KBD_ACK);
                answer(KBD_TEST_OK);
            }
            default -> answer(value >= 0xF7 && value <= 0xFD ? KBD_ACK : KBD_RESEND);
        }
    }

    private void argument(int of, int value) {
        switch (of) {
            case KBD_SET_LEDS -> {
                leds = value & 7;
                answer(KBD_ACK);
            }
            case KBD_SCANCODE_SET -> {
                answer(value <= 2 ? KBD_ACK : KBD_RESEND);
                if (value == 0) {
                    answer(set);
                } else if (value <= 2) {
                    set = value;
                }
            }
            default -> answer(KBD_ACK);
        }
    }

    private void answer(int value) {
        if (replySize < MAX_REPLY) {
            reply[(replyHead + replySize++) % MAX_REPLY] = value;
        }
    }

    /** {@return false when the keyboard is off or its buffer full: the key is not sent} */
    boolean press(Key key, boolean down) {
        if (!scanning || scanSize + 3 > MAX_SCAN) {
            return false;
        }
        int code = set == 1 ? key.set1() : key.set2();
        if (code > 0xFF) {
            scan(code >>> 8);
        }
        if (set == 1) {
            scan(code & 0x7F | (down ? 0 : 0x80));
        } else {
            if (!down) {
                scan(KBD_BREAK);
            }
            scan(code & 0xFF);
        }
        return true;
    }

    private void scan(int value) {
        scan[(scanHead + scanSize++) % MAX_SCAN] = value;
    }

    boolean hasOutput() {
        return replySize > 0 || scanSize > 0;
    }


    /** {@return the next byte to the controller; there must be one} */
    int take() {
        if (replySize > 0) {
            last = reply[replyHead];
            replyHead = (replyHead + 1) % MAX_REPLY;
            replySize--;
        } else {
            last = scan[scanHead];
            scanHead = (scanHead + 1) % MAX_SCAN;
            scanSize--;
        }
        return last;
    }

    I8042State.KeyboardState save() {
        int[] scans = new int[scanSize];
        for (int i = 0; i < scanSize; i++) {
            scans[i] = scan[(scanHead + i) % MAX_SCAN];
        }
        int[] replies = new int[replySize];
        for (int i = 0; i < replySize; i++) {
            replies[i] = reply[(replyHead + i) % MAX_REPLY];
        }
        return new I8042State.KeyboardState(set, scanning, command, leds, last, replies, scans);
    }

    void restore(I8042State.KeyboardState s) {
        reset();
        set = s.set() == 1 ? 1 : 2;
        scanning = s.scanning();
        command = s.command();
        leds = s.leds();
        last = s.last() & 0xFF;
        for (int r : s.replies()) {
            answer(r & 0xFF);
        }
        for (int c : s.scans()) {
            if (scanSize < MAX_SCAN) {
                scan(c & 0xFF);
            }
        }
    }
}
