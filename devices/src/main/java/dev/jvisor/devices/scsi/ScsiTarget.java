package dev.jvisor.devices.scsi;

import static dev.jvisor.devices.scsi.BigEndian.*;
import static dev.jvisor.devices.scsi.ScsiOpcodes.*;

import java.util.concurrent.atomic.AtomicReferenceArray;

/** A SCSI target: units by LUN, any of which may be added or taken away while a guest runs. Thread-safe. */
public final class ScsiTarget {
    /** LUNs are from 0 to one below this. */
    public static final int MAX_LUNS = 64;
    /** INQUIRY: a unit of no known type could be here, but is not (SPC-4 6.4.2, qualifier 3, type 1Fh). */
    private static final int NO_UNIT = 0x7F;
    private static final int LUN_ENTRY_BYTES = 8;
    private static final int WELL_KNOWN_ONLY = 1;
    private static final int ALL_UNITS = 2;
    private static final int MIN_REPORT_LUNS_ALLOCATION = 16;

    private final AtomicReferenceArray<ScsiUnit> units = new AtomicReferenceArray<>(MAX_LUNS);
    private volatile Runnable changed = () -> { };
    /** Whether a guest has spoken to it: nobody needs to be told of what changed before. */
    private volatile boolean used;

    /** Makes a target without units. */
    public ScsiTarget() { }

    /** Sets who is told after units were added, taken away or resized, on the thread that did it. */
    public void onChange(Runnable listener) {
        changed = listener;
    }

    /**
     * Adds a unit. Guests are told by unit attention and by the transport.
     *
     * @throws IllegalArgumentException when there is one already at that LUN, or no such LUN
     */
    public void attach(int lun, ScsiUnit unit) {
        if (lun < 0 || lun >= MAX_LUNS || !units.compareAndSet(lun, null, unit)) {
            throw new IllegalArgumentException("no unit can be added at that LUN: lun=" + lun);
        }
        tellOthers(lun);
    }

    /**
     * Takes a unit away. Commands that it has begun complete as usual; close its disk after.
     *
     * @return the unit; null when there was none
     */
    public ScsiUnit detach(int lun) {
        ScsiUnit unit = lun < 0 || lun >= MAX_LUNS ? null : units.getAndSet(lun, null);
        if (unit != null) {
            tellOthers(lun);
        }
        return unit;
    }

    private void tellOthers(int lun) {
        for (int i = 0; i < MAX_LUNS && used; i++) {
            ScsiUnit other = units.get(i);
            if (other != null && i != lun) {
                other.attention(Sense.REPORTED_LUNS_CHANGED);
            }
        }
        changed.run();
    }

    /** Tells the guest that the disk of a unit has another size now. */
    public void resized(int lun) {
        ScsiUnit unit = unit(lun);
        if (unit != null) {
            unit.attention(Sense.CAPACITY_CHANGED);
            changed.run();
        }
    }

    /** {@return the unit at a LUN, or null} */
    public ScsiUnit unit(int lun) {
        return lun < 0 || lun >= MAX_LUNS ? null : units.get(lun);
    }

    /**
     * Carries out a command. The request is complete before this returns, or later on another thread.
     *
     * @param lun any number; where no unit is, commands end with {@link Sense#LUN_NOT_SUPPORTED}, but INQUIRY and REPORT LUNS are answered
     */
    public void execute(int lun, ScsiRequest r) {
        if (!used) {
            used = true;
        }
        ScsiUnit unit = unit(lun);
        int opcode = get8(r.cdb(), 0);
        if (opcode == REPORT_LUNS) {
            reportLuns(r);
        } else if (unit != null) {
            unit.execute(r);
        } else if (opcode == INQUIRY && r.cdb()[1] == 0 && r.cdb()[2] == 0) {
            ScsiUnit.writeInquiry(r.response(ScsiUnit.INQUIRY_BYTES), NO_UNIT, false, "");
            r.respond(ScsiUnit.INQUIRY_BYTES, get16(r.cdb(), 3));
        } else if (opcode == REQUEST_SENSE) {
            Sense.writeFixed(Sense.LUN_NOT_SUPPORTED, -1, r.response());
            r.respond(Sense.FIXED_BYTES, get8(r.cdb(), 4));
        } else {
            r.fail(Sense.LUN_NOT_SUPPORTED);
        }
    }

    /** Resets one unit. Commands on their way complete as usual: who resets waits for them first. */
    public void reset(int lun) {
        ScsiUnit unit = unit(lun);
        if (unit != null) {
            unit.reset();
        }
    }

    /** Resets all units. */
    public void reset() {
        for (int i = 0; i < MAX_LUNS; i++) {
            reset(i);
        }
    }

    /** SPC-4 6.33; our LUNs are below 256, so that the simple addressing of SAM-5 4.7.4 will do. */
    private void reportLuns(ScsiRequest r) {
        long allocation = get32(r.cdb(), 6);
        int select = get8(r.cdb(), 2);
        if (select > ALL_UNITS || allocation < MIN_REPORT_LUNS_ALLOCATION) {
            r.fail(Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        byte[] to = r.response(LUN_ENTRY_BYTES * (MAX_LUNS + 1));
        int length = 0;
        for (int i = 0; i < MAX_LUNS && select != WELL_KNOWN_ONLY; i++) {
            if (units.get(i) != null) {
                length += LUN_ENTRY_BYTES;
                to[length + 1] = (byte) i;
            }
        }
        put32(to, 0, length);
        r.respond(LUN_ENTRY_BYTES + length, allocation);
    }
}
