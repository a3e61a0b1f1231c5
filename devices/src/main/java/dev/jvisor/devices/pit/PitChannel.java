package dev.jvisor.devices.pit;

import static dev.jvisor.devices.pit.PitRegisters.*;

/**
 * One counter of the 8254. Nothing counts here: the value and OUT follow from the time since the counter was loaded. Time is in input clocks
 * since the partition's time zero. A count takes effect at once, also in modes 2 and 3, where the chip would end the current period first.
 * Not synchronized: {@link Pit} is.
 */
final class PitChannel {
    /** {@link #nextRise}: OUT will not rise. */
    static final long NEVER = Long.MAX_VALUE;

    private static final int LATCH_LOW = 1;
    private static final int LATCH_HIGH = 2;

    private int mode = 3;
    private int access = 3;
    private boolean bcd;
    /** Clocks in a full count, 1 to 65536; 0 until the first one is written. */
    private int reload;
    /** When the count began; moved forward by the time the gate was low. */
    private long start;
    /** Modes 1 and 5: whether the gate has risen since the count was written. */
    private boolean triggered;
    private boolean gate;
    /** Clocks counted when the gate fell, or -1 while counting. */
    private long heldAt = -1;
    private int writeLow;
    private boolean writeHighNext;
    private boolean readHighNext;
    private int latch;
    /** Which bytes of {@link #latch} are still to be read. */
    private int latched;
    /** Latched status, or -1. */
    private int latchedStatus = -1;

    PitChannel(boolean gate) {
        this.gate = gate;
    }

    int mode() {
        return mode;
    }

    int reload() {
        return reload;
    }

    boolean periodic() {
        return mode == 2 || mode == 3;
    }

    boolean counting() {
        return reload != 0 && heldAt < 0 && (periodic() || !writeHighNext);
    }

    private boolean edgeTriggered() {
        return mode == 1 || mode == 5;
    }

    void writeControl(int value) {
        int m = value >>> 1 & 7;
        mode = m > 5 ? m - 4 : m; // the top bit does not matter for modes 2 and 3
        access = value >>> 4 & 3;
        bcd = (value & 1) != 0;
        reload = 0;
        heldAt = -1;
        triggered = false;
        writeHighNext = false;
        readHighNext = false;
        latched = 0;
        latchedStatus = -1;
    }

    /** Takes one byte of a count. {@return whether the count is complete and was loaded} */
    boolean write(int value, long now) {
        switch (access) {
            case 1 -> load(value, now);
            case 2 -> load(value << 8, now);
            default -> {
                if (!writeHighNext) {
                    writeLow = value;
                    writeHighNext = true;
                    return false;
                }
                writeHighNext = false;
                load(value << 8 | writeLow, now);
            }
        }
        return true;
    }

    private void load(int raw, long now) {
        int n = bcd ? fromBcd(raw) : raw;
        reload = n != 0 ? n : bcd ? 10_000 : 0x10000;
        if (edgeTriggered()) {
            triggered = false;
        } else {
            start = now;
            heldAt = gate ? -1 : 0;
        }
    }

    void setGate(boolean level, long now) {
        if (level == gate) {
            return;
        }
        gate = level;
        if (edgeTriggered()) {
            if (level && reload != 0) {
                triggered = true;
                start = now;
            }
        } else if (reload != 0) {
            if (!level) {
                heldAt = now - start;
            } else if (periodic()) {
                start = now; // the rise reloads
                heldAt = -1;
            } else {
                start = now - Math.max(heldAt, 0);
                heldAt = -1;
            }
        }
    }

    private long elapsed(long now) {
        return heldAt >= 0 ? heldAt : Math.max(0, now - start);
    }

    boolean out(long now) {
        if (reload == 0 || edgeTriggered() && !triggered) {
            return mode != 0;
        }
        long t = elapsed(now);
        return switch (mode) {
            case 0, 1 -> t >= reload;
            case 2 -> heldAt >= 0 || t % reload != reload - 1;
            case 3 -> heldAt >= 0 || t % reload < (reload + 1) / 2;
            default -> t != reload;
        };
    }

    private int count(long now) {
        if (reload == 0) {
            return 0;
        }
        if (edgeTriggered() && !triggered) {
            return encode(reload);
        }
        long t = elapsed(now);
        long wrap = bcd ? 10_000 : 0x10000;
        long value = switch (mode) {
            case 2 -> reload - t % reload;
            case 3 -> {
                long phase = t % reload;
                long half = (reload + 1) / 2;
                yield (reload & ~1) - 2 * (phase < half ? phase : phase - half);
            }
            default -> Math.floorMod(reload - t, wrap);
        };
        return encode((int) Math.floorMod(value, wrap));
    }

    private int encode(int n) {
        return (bcd ? toBcd(n % 10_000) : n) & 0xFFFF;
    }

    void latchCount(long now) {
        if (latched == 0) {
            latch = count(now);
            latched = access == 1 ? LATCH_LOW : access == 2 ? LATCH_HIGH : LATCH_LOW | LATCH_HIGH;
            readHighNext = false;
        }
    }

    void latchStatus(long now) {
        if (latchedStatus < 0) {
            latchedStatus = (out(now) ? STATUS_OUT : 0) | (reload == 0 ? STATUS_NULL : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
        }
    }

    int read(long now) {
        if (latchedStatus >= 0) {
            int status = latchedStatus;
            latchedStatus = -1;
            return status;
        }
        if ((latched & LATCH_LOW) != 0) {
            latched &= ~LATCH_LOW;
            return latch & 0xFF;
        }
        if ((latched & LATCH_HIGH) != 0) {
            latched = 0;
            return latch >>> 8;
        }
        int value = count(now);
        boolean high = access == 2 || access != 1 && readHighNext;
        if (access != 1 && access != 2) {
            readHighNext = !readHighNext;
        }
        return high ? value >>> 8 : value & 0xFF;
    }

    /** {@return the first clock after {@code after} at which OUT goes up, or {@link #NEVER}} */
    long nextRise(long after) {
        if (!counting() || edgeTriggered() && !triggered) {
            return NEVER;
        }
        if (periodic()) {
            long done = Math.max(0, after - start) / reload;
            return start + (done + 1) * reload;
        }
        long rise = mode == 4 || mode == 5 ? start + reload + 1 : start + reload;
        return rise > after ? rise : NEVER;
    }

    private static int fromBcd(int raw) {
        return (raw >>> 12 & 15) * 1000 + (raw >>> 8 & 15) * 100 + (raw >>> 4 & 15) * 10 + (raw & 15);
    }

    private static int toBcd(int n) {
        return n / 1000 % 10 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
    }

    PitState.Channel save() {
        return new PitState.Channel(mode, access, bcd, reload, start, triggered, gate, heldAt, writeLow, writeHighNext, readHighNext, latch,
                latched, latchedStatus);
    }

    /** @param shift clocks by which the partition's time has moved since the save */
    void restore(PitState.Channel s, long shift) {
        mode = s.mode();
        access = s.access();
        bcd = s.bcd();
        reload = s.reload();
        start = s.start() + shift;
        triggered = s.triggered();
        gate = s.gate();
        heldAt = s.heldAt();
        writeLow = s.writeLow();
        writeHighNext = s.writeHighNext();
        readHighNext = s.readHighNext();
        latch = s.latch();
        latched = s.latched();
        latchedStatus = s.latchedStatus();
    }
}
