package dev.jvisor.devices.scsi;

import static dev.jvisor.devices.scsi.BigEndian.*;
import static dev.jvisor.devices.scsi.ScsiOpcodes.*;

import dev.jvisor.devices.disk.DiskStatus;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A logical unit: what disks and DVD drives have in common. Unit attentions, INQUIRY, REQUEST SENSE. Thread-safe.
 *
 * <p>Autosense is the transport's: sense data goes with each failed command, so REQUEST SENSE has only unit attentions to tell.
 */
public abstract sealed class ScsiUnit permits ScsiDisk, ScsiDvd {
    static final int INQUIRY_BYTES = 36;
    static final int VPD_SUPPORTED_PAGES = 0x00;
    static final int VPD_SERIAL_NUMBER = 0x80;
    static final int VPD_IDENTIFICATION = 0x83;
    private static final String VENDOR = "Msft";
    private static final int SPC_3 = 5;
    private static final int EVPD = 1;
    private static final int DESCRIPTOR_FORMAT = 1;

    /** Bit n set: the attention of index n is waiting. The order is that of telling. */
    private static final int[] ATTENTIONS = {Sense.RESET_OCCURRED, Sense.REPORTED_LUNS_CHANGED, Sense.MEDIUM_MAY_HAVE_CHANGED,
        Sense.CAPACITY_CHANGED, Sense.MODE_PARAMETERS_CHANGED};

    private final AtomicInteger attentions = new AtomicInteger();
    final ScsiMetrics metrics = new ScsiMetrics();

    ScsiUnit() { }

    /** {@return its counters} */
    public ScsiMetrics metrics() {
        return metrics;
    }

    /** {@return unit attentions that wait, for saving} */
    int attentions() {
        return attentions.get();
    }

    void setAttentions(int mask) {
        attentions.set(mask & (1 << ATTENTIONS.length) - 1);
    }

    /** Has the next command told of something that happened. */
    void attention(int sense) {
        for (int i = 0; i < ATTENTIONS.length; i++) {
            if (ATTENTIONS[i] == sense) {
                attentions.accumulateAndGet(1 << i, (was, bit) -> was | bit);
                return;
            }
        }
        throw new IllegalArgumentException("not a unit attention: sense=0x" + Integer.toHexString(sense));
    }

    private int takeAttention() {
        while (true) {
            int was = attentions.get();
            if (was == 0) {
                return Sense.NONE;
            }
            if (attentions.compareAndSet(was, was & was - 1)) {
                return ATTENTIONS[Integer.numberOfTrailingZeros(was)];
            }
        }
    }

    /** Carries out a command; it is complete now or later. */
    final void execute(ScsiRequest r) {
        int opcode = get8(r.cdb(), 0);
        switch (opcode) {
            case INQUIRY -> inquiry(r);
            case REQUEST_SENSE -> requestSense(r);
            default -> {
                int attention = tellsAttention(opcode) ? takeAttention() : Sense.NONE;
                if (attention == Sense.NONE) {
                    command(r, opcode);
                } else {
                    r.fail(attention);
                }
            }
        }
    }

    /** {@return whether a command ends with the unit attention that waits; INQUIRY and REQUEST SENSE never do} */
    boolean tellsAttention(int opcode) {
        return true;
    }

    /** Carries out a command that is neither INQUIRY nor REQUEST SENSE. */
    abstract void command(ScsiRequest r, int opcode);

    /** A disk request begun by {@link ScsiRequest#transfer} and its like is done. On a disk's thread. */
    abstract void diskDone(ScsiRequest r, DiskStatus result);

    /** Forgets what a guest has set, and says so with a unit attention. */
    abstract void reset();

    abstract int deviceType();

    abstract boolean removable();

    abstract String product();

    /** {@return what tells this unit from all others, in ASCII} */
    abstract String serialNumber();

    /** Writes a page of vital product data behind its four bytes of header. {@return its length, or -1 when there is no such page} */
    abstract int vitalProductData(int page, byte[] to);

    void reject(ScsiRequest r, int sense) {
        metrics.rejected.increment();
        r.fail(sense);
    }

    private void inquiry(ScsiRequest r) {
        byte[] cdb = r.cdb();
        int page = get8(cdb, 2);
        int allocation = get16(cdb, 3);
        if ((cdb[1] & ~EVPD) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
        } else if ((cdb[1] & EVPD) != 0) {
            byte[] to = r.response();
            java.util.Arrays.fill(to, (byte) 0);
            int length = page == VPD_SERIAL_NUMBER ? serialNumberPage(to) : page == VPD_IDENTIFICATION ? identificationPage(to)
                    : vitalProductData(page, to);
            if (length < 0) {
                reject(r, Sense.INVALID_FIELD_IN_CDB);
                return;
            }
            to[0] = (byte) deviceType();
            to[1] = (byte) page;
            put16(to, 2, length);
            r.respond(length + 4, allocation);
        } else if (page != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
        } else {
            writeInquiry(r.response(INQUIRY_BYTES), deviceType(), removable(), product());
            r.respond(INQUIRY_BYTES, allocation);
        }
    }

    /** Standard INQUIRY data (SPC-4 6.4.2). */
    static void writeInquiry(byte[] to, int peripheral, boolean removable, String product) {
        to[0] = (byte) peripheral;
        to[1] = (byte) (removable ? 0x80 : 0);
        to[2] = SPC_3;
        to[3] = 0x12; // hierarchical LUNs, format 2
        to[4] = INQUIRY_BYTES - 5;
        to[7] = 0x02; // command queuing
        putText(to, 8, 8, VENDOR);
        putText(to, 16, 16, product);
        putText(to, 32, 4, "1.0");
    }

    private int serialNumberPage(byte[] to) {
        String serial = serialNumber();
        putText(to, 4, serial.length(), serial);
        return serial.length();
    }

    /** Two names: vendor and serial number in ASCII, and a 64-bit one made of it, locally assigned (SPC-4 7.8.6). */
    private int identificationPage(byte[] to) {
        String serial = serialNumber();
        int at = 4;
        to[at] = 2;      // ASCII
        to[at + 1] = 1;  // of the logical unit, T10 vendor identification
        to[at + 3] = (byte) (8 + serial.length());
        putText(to, at + 4, 8, VENDOR);
        putText(to, at + 12, serial.length(), serial);
        at += 12 + serial.length();
        to[at] = 1;      // binary
        to[at + 1] = 3;  // of the logical unit, NAA
        to[at + 3] = 8;
        put64(to, at + 4, 3L << 60 | localName(serial) >>> 4);
        return at + 12 - 4;
    }

    /** FNV-1a, for a name that is the same on every host. */
    private static long localName(String serial) {
        long hash = 0xCBF29CE484222325L;
        for (int i = 0; i < serial.length(); i++) {
            hash = (hash ^ serial.charAt(i)) * 0x100000001B3L;
        }
        return hash;
    }

    private void requestSense(ScsiRequest r) {
        if ((r.cdb()[1] & DESCRIPTOR_FORMAT) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        Sense.writeFixed(takeAttention(), -1, r.response());
        r.respond(Sense.FIXED_BYTES, get8(r.cdb(), 4));
    }
}
