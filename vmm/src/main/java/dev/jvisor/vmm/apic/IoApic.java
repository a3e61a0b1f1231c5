package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.memory.MmioDevice;

/**
 * The I/O APIC: 24 pins, version 0x20 with an EOI register (Intel 82093AA; ICH9 datasheet 13.5). Pins are asserted or not; the polarity bit
 * of an entry has no effect, since a line's electrical level is the board's own affair. Thread-safe; its lock is held while a message goes
 * out, so the way of a message takes no locks.
 */
public final class IoApic implements MmioDevice {
    /** Number of pins. */
    public static final int PINS = 24;

    private static final int REG_SELECT = 0x00;
    private static final int REG_WINDOW = 0x10;
    private static final int REG_EOI = 0x40;
    private static final int VERSION = PINS - 1 << 16 | 0x20;

    private static final long REMOTE_IRR = 1 << 14;
    private static final long LEVEL = 1 << 15;
    private static final long MASKED = 1 << 16;
    private static final long READ_ONLY = 1 << 12 | REMOTE_IRR;

    private final MessageSink sink;
    private final PinListener listener;

    private final long[] entries = new long[PINS];
    private int levels;
    private int select;
    private int id;

    /** Told what a pin sends, whenever that changes. */
    interface PinListener {
        void changed(int pin, long address, int data, boolean masked);
    }

    IoApic(MessageSink sink, PinListener listener) {
        this.sink = sink;
        this.listener = listener;
        reset();
    }

    synchronized void reset() {
        select = 0;
        id = 0;
        levels = 0;
        for (int i = 0; i < PINS; i++) {
            entries[i] = MASKED;
            tell(i);
        }
    }

    /**
     * Sets the level of a pin.
     *
     * @param pin 0 to 23
     * @param level asserted or not
     */
    public synchronized void setPin(int pin, boolean level) {
        int bit = 1 << pin;
        boolean was = (levels & bit) != 0;
        if (level == was) {
            return;
        }
        levels ^= bit;
        if (level) {
            if ((entries[pin] & LEVEL) != 0) {
                serveLevel(pin);
            } else if ((entries[pin] & MASKED) == 0) {
                sink.send(address(pin), data(pin));
            }
        }
    }

    private void serveLevel(int pin) {
        if ((levels & 1 << pin) != 0 && (entries[pin] & (MASKED | REMOTE_IRR | LEVEL)) == LEVEL && sink.send(address(pin), data(pin))) {
            entries[pin] |= REMOTE_IRR;
        }
    }

    private long address(int pin) {
        long e = entries[pin];
        long mode = e >> 8 & 7;
        return 0xFEE00000L | e >>> 56 << 12 | (mode == LocalApicRegisters.MODE_LOWEST ? 8 : 0) | (e >> 11 & 1) << 2;
    }

    private int data(int pin) {
        long e = entries[pin];
        return (int) (e & 0x7FF) | ((e & LEVEL) != 0 ? 0xC000 : 0x4000);
    }

    private void tell(int pin) {
        if (listener != null) {
            listener.changed(pin, address(pin), data(pin), (entries[pin] & MASKED) != 0);
        }
    }

    /** A local APIC has ended a level-triggered interrupt: pins that are still asserted send again. */
    public synchronized void endOfInterrupt(int vector) {
        for (int i = 0; i < PINS; i++) {
            if ((entries[i] & REMOTE_IRR) != 0 && (entries[i] & 0xFF) == vector) {
                entries[i] &= ~REMOTE_IRR;
                serveLevel(i);
            }
        }
    }

    @Override
    public synchronized long mmioRead(int vp, long offset, int size) {
        return switch ((int) offset) {
            case REG_SELECT -> select;
            case REG_WINDOW -> Integer.toUnsignedLong(readSelected());
            default -> 0;
        };
    }

    private int readSelected() {
        if (select >= 0x10 && select < 0x10 + 2 * PINS) {
            long e = entries[select - 0x10 >> 1];
            return (int) ((select & 1) == 0 ? e : e >>> 32);
        }
        return switch (select) {
            case 0, 2 -> id;
            case 1 -> VERSION;
            default -> -1;
        };
    }

    @Override
    public synchronized void mmioWrite(int vp, long offset, int size, long value) {
        switch ((int) offset) {
            case REG_SELECT -> select = (int) value & 0xFF;
            case REG_WINDOW -> writeSelected((int) value);
            case REG_EOI -> endOfInterrupt((int) value & 0xFF);
            default -> { }
        }
    }

    private void writeSelected(int value) {
        if (select == 0) {
            id = value & 0x0F000000;
            return;
        }
        if (select < 0x10 || select >= 0x10 + 2 * PINS) {
            return;
        }
        int pin = select - 0x10 >> 1;
        long e = entries[pin];
        if ((select & 1) == 0) {
            e = e & (0xFFFFFFFF_00000000L | READ_ONLY) | Integer.toUnsignedLong(value) & 0x1FFFF & ~READ_ONLY;
            if ((e & LEVEL) == 0) {
                // Remote IRR means nothing for an edge; Linux clears a stuck one by switching the trigger mode to and fro.
                e &= ~REMOTE_IRR;
            }
        } else {
            e = e & 0xFFFFFFFFL | (long) (value & 0xFF000000) << 32;
        }
        entries[pin] = e;
        tell(pin);
        serveLevel(pin);
    }

    /** {@return everything it holds} */
    public synchronized IoApicState save() {
        return new IoApicState(select, id, entries.clone(), levels);
    }

    /** Takes over what {@link #save} gave. */
    public synchronized void restore(IoApicState s) {
        select = s.select();
        id = s.id();
        levels = s.levels();
        System.arraycopy(s.entries(), 0, entries, 0, PINS);
        for (int i = 0; i < PINS; i++) {
            tell(i);
        }
    }
}
