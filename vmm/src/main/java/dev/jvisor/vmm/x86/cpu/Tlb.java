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
    final long[] codeTag = new long[CODE_SIZE];
    final int[] codePage = new int[CODE_SIZE];
    final boolean[] codeGlobal = new boolean[CODE_SIZE];

    Tlb() {
        flush();
    }

    void flush() {
        Arrays.fill(readTag, NONE);
        Arrays.fill(writeTag, NONE);
        Arrays.fill(codeTag, NONE);
    }

    void flushLocal() {
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

    boolean dropWrites(int hostPage) {
        boolean any = false;
        for (int i = 0; i < SIZE; i++) {
            if (writeTag[i] != NONE && writeTag[i] + addend[i] >>> 12 == hostPage) {
                writeTag[i] = NONE;
                any = true;
            }
        }
        return any;
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
