package dev.jvisor.vmm.x86.cpu;

import java.util.Arrays;

/**
 * A direct-mapped soft-TLB for one privilege situation. A tag is the linear page address; {@link #NONE} matches nothing, because bit 0 is
 * set. An addend turns a linear address into an offset in the partition's memory.
 */
final class Tlb {
    static final int SIZE = 1024;
    static final int CODE_SIZE = 512;
    static final long NONE = 1;

    final long[] readTag = new long[SIZE];
    final long[] writeTag = new long[SIZE];
    final long[] addend = new long[SIZE];
    final boolean[] global = new boolean[SIZE];
    final long[] codeTag;
    final int[] codePage;
    final boolean[] codeGlobal;
    /** Slots filled with pages that are not global since the last flush, code slots counted from {@link #SIZE}; so that a flush need not look at all. */
    private final int[] local = new int[SIZE];
    private int locals;

    /** @param codeOf shares its translations for fetches; or null */
    Tlb(Tlb codeOf) {
        codeTag = codeOf == null ? new long[CODE_SIZE] : codeOf.codeTag;
        codePage = codeOf == null ? new int[CODE_SIZE] : codeOf.codePage;
        codeGlobal = codeOf == null ? new boolean[CODE_SIZE] : codeOf.codeGlobal;
        flush();
    }

    /** Notes that a slot now holds a page that is not global. @param slot index, plus {@link #SIZE} for code */
    void noteLocal(int slot) {
        if (locals < local.length) {
            local[locals] = slot;
        }
        locals++;
    }

    void flush() {
        locals = 0;
        Arrays.fill(readTag, NONE);
        Arrays.fill(writeTag, NONE);
        Arrays.fill(codeTag, NONE);
    }

    void flushLocal() {
        int n = locals;
        locals = 0;
        if (n > local.length) {
            flushEveryLocal();
            return;
        }
        for (int k = 0; k < n; k++) {
            int i = local[k];
            if (i >= SIZE) {
                if (!codeGlobal[i - SIZE]) {
                    codeTag[i - SIZE] = NONE;
                }
            } else if (!global[i]) {
                readTag[i] = NONE;
                writeTag[i] = NONE;
            }
        }
    }

    private void flushEveryLocal() {
        for (int i = 0; i < SIZE; i++) {
            if (!global[i]) {
                readTag[i] = NONE;
                writeTag[i] = NONE;
            }
        }
        for (int i = 0; i < CODE_SIZE; i++) {
            if (!codeGlobal[i]) {
                codeTag[i] = NONE;
            }
        }
    }

    void flushWrites() {
        Arrays.fill(writeTag, NONE);
    }

    void dropWrites(int hostPage) {
        for (int i = 0; i < SIZE; i++) {
            if (writeTag[i] != NONE && writeTag[i] + addend[i] >>> 12 == hostPage) {
                writeTag[i] = NONE;
            }
        }
    }

    void flushPage(long linear) {
        long page = linear & -4096L;
        int i = (int) (linear >>> 12) & SIZE - 1;
        if (readTag[i] == page || writeTag[i] == page) {
            readTag[i] = NONE;
            writeTag[i] = NONE;
        }
        int k = (int) (linear >>> 12) & CODE_SIZE - 1;
        if (codeTag[k] == page) {
            codeTag[k] = NONE;
        }
    }
}
