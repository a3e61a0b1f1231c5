package dev.jvisor.devices.i8042;

import static dev.jvisor.devices.i8042.I8042Registers.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.PortDevice;

/**
 * The keyboard controller: ports 60h and 64h, a keyboard on interrupt line 1, nothing on the auxiliary port, and the processor's reset line.
 *
 * <p>Thread-safe. Calls the interrupt controller with its own lock held, the reset call-back without.
 */
public final class I8042 implements PortDevice {
    private static final int IRQ = 1;
    private static final int CONFIG_POWER_ON = CONFIG_TRANSLATE | CONFIG_AUX_OFF | CONFIG_SYSTEM | CONFIG_KEYBOARD_IRQ;

    private final InterruptController interrupts;
    private final Runnable reset;

    private final Keyboard keyboard = new Keyboard();
    private int config = CONFIG_POWER_ON;
    /** STATUS_COMMAND, STATUS_AUX, STATUS_TIMEOUT as last set. */
    private int status;
    private int output = -1;
    /** The byte in the output buffer came from the keyboard's side, so it interrupts. */
    private boolean interrupting;
    private int command;
    private int outputPort = OUTPUT_NOT_RESET | OUTPUT_A20;

    /**
     * Makes a controller.
     *
     * @param interrupts where line 1 goes
     * @param reset pulls the processor's reset line
     */
    public I8042(InterruptController interrupts, Runnable reset) {
        this.interrupts = interrupts;
        this.reset = reset;
    }

    /** Power-on reset. */
    public synchronized void reset() {
        keyboard.reset();
        config = CONFIG_POWER_ON;
        status = 0;
        output = -1;
        interrupting = false;
        command = 0;
        outputPort = OUTPUT_NOT_RESET | OUTPUT_A20;
        update();
    }

    /**
     * Presses or releases a key.
     *
     * @return false when the guest has switched the keyboard off or does not read: the key is lost
     */
    public synchronized boolean key(Key key, boolean down) {
        boolean taken = keyboard.press(key, down);
        update();
        return taken;
    }

    /** {@return lit indicators: bit 0 scroll lock, 1 num lock, 2 caps lock} */
    public synchronized int leds() {
        return keyboard.leds();
    }

    /** Moves the keyboard's next byte into the output buffer if that is free, and drives line 1. */
    private void update() {
        if (output < 0 && (config & CONFIG_KEYBOARD_OFF) == 0) {
            fetch();
        }
        interrupts.setLine(IRQ, output >= 0 && interrupting && (config & CONFIG_KEYBOARD_IRQ) != 0);
    }

    private void fetch() {
        boolean released = false;
        while (keyboard.hasOutput()) {
            boolean translated = (config & CONFIG_TRANSLATE) != 0;
            int value = keyboard.take();
            if (translated && ScanCodeTranslation.isBreak(value)) {
                released = true;
                continue;
            }
            put(translated ? ScanCodeTranslation.translate(value, released) : value, 0);
            interrupting = true;
            return;
        }
    }

    private void put(int value, int flags) {
        output = value;
        interrupting = false;
        status = status & STATUS_COMMAND | flags;
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        if (port == COMMAND) {
            return (output >= 0 ? STATUS_OBF : 0) | config & STATUS_SYSTEM | STATUS_UNLOCKED | status;
        }
        if (port != DATA) {
            return 0xFF;
        }
        int value = Math.max(output, 0);
        if (output >= 0) {
            output = -1;
            interrupting = false;
            status &= STATUS_COMMAND;
            interrupts.setLine(IRQ, false); // so that the next byte is a new edge
            update();
        }
        return value;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        boolean pulled = false;
        synchronized (this) {
            int v = value & 0xFF;
            if (port == COMMAND) {
                status |= STATUS_COMMAND;
                pulled = command(v);
            } else if (port == DATA) {
                status &= ~STATUS_COMMAND;
                pulled = data(v);
            }
            update();
        }
        if (pulled) {
            reset.run();
        }
    }

    /** {@return whether the reset line is to be pulled} */
    private boolean command(int value) {
        command = 0;
        if (value >= READ_RAM && value <= READ_RAM_LAST) {
            put(value == READ_RAM ? config : 0, 0);
            return false;
        }
        if (value >= WRITE_RAM && value <= WRITE_RAM_LAST) {
            command = value;
            return false;
        }
        switch (value) {
            case AUX_DISABLE, AUX_ENABLE -> { } // there is no auxiliary port: its clock stays off
            case AUX_TEST -> put(AUX_TEST_ABSENT, 0);
            case SELF_TEST -> {
                config = config | CONFIG_SYSTEM;
                put(SELF_TEST_OK, 0);
            }
            case KEYBOARD_TEST -> put(KEYBOARD_TEST_OK, 0);
            case KEYBOARD_DISABLE -> config |= CONFIG_KEYBOARD_OFF;
            case KEYBOARD_ENABLE -> config &= ~CONFIG_KEYBOARD_OFF;
            case READ_INPUT_PORT -> put(INPUT_PORT, 0);
            case READ_OUTPUT_PORT -> put(outputPort | (output >= 0 ? OUTPUT_KEYBOARD_FULL : 0), 0);
            case WRITE_OUTPUT_PORT, KEYBOARD_LOOP, AUX_LOOP, AUX_WRITE -> command = value;
            default -> {
                return value >= PULSE && (value & OUTPUT_NOT_RESET) == 0;
            }
        }
        return false;
    }

    /** {@return whether the reset line is to be pulled} */
    private boolean data(int value) {
        int of = command;
        command = 0;
        switch (of) {
            case 0 -> {
                config &= ~CONFIG_KEYBOARD_OFF; // sending to the keyboard switches its clock on
                keyboard.receive(value);
            }
            case WRITE_RAM -> config = value & 0x7F | CONFIG_AUX_OFF;
            case WRITE_OUTPUT_PORT -> {
                outputPort = value | OUTPUT_NOT_RESET;
                return (value & OUTPUT_NOT_RESET) == 0;
            }
            case KEYBOARD_LOOP -> {
                put(value, 0);
                interrupting = true;
            }
            // Without the AUX flag: how a controller without auxiliary port answers, which drivers test for.
            case AUX_LOOP -> put(value, 0);
            case AUX_WRITE -> put(KBD_RESEND, STATUS_AUX | STATUS_TIMEOUT);
            default -> { } // other bytes of controller RAM
        }
        return false;
    }

    /** {@return what the controller remembers} */
    public synchronized I8042State save() {
        return new I8042State(config, status, interrupting ? output | 0x100 : output, command, outputPort, keyboard.save());
    }

    /** Replaces what the controller remembers. */
    public synchronized void restore(I8042State s) {
        config = s.config() & 0x7F | CONFIG_AUX_OFF;
        status = s.status() & (STATUS_COMMAND | STATUS_AUX | STATUS_TIMEOUT);
        output = s.output() < 0 ? -1 : s.output() & 0xFF;
        interrupting = s.output() >= 0 && (s.output() & 0x100) != 0;
        command = s.command() & 0xFF;
        outputPort = s.outputPort() & 0xFF;
        keyboard.restore(s.keyboard());
        update();
    }
}
