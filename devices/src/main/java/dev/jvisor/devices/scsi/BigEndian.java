package dev.jvisor.devices.scsi;

/** Fields of SCSI structures, which are big-endian, in byte arrays. Values come back zero-extended. */
final class BigEndian {
    private BigEndian() { }

    static int get8(byte[] a, int at) {
        return Byte.toUnsignedInt(a[at]);
    }

    static int get16(byte[] a, int at) {
        return get8(a, at) << 8 | get8(a, at + 1);
    }

    static int get24(byte[] a, int at) {
        return get8(a, at) << 16 | get16(a, at + 1);
    }

    static long get32(byte[] a, int at) {
        return (long) get16(a, at) << 16 | get16(a, at + 2);
    }

    /** {@return 64 bits; a number that is not positive in Java is beyond any disk} */
    static long get64(byte[] a, int at) {
        return get32(a, at) << 32 | get32(a, at + 4);
    }

    static void put16(byte[] a, int at, int value) {
        a[at] = (byte) (value >>> 8);
        a[at + 1] = (byte) value;
    }

    static void put24(byte[] a, int at, int value) {
        a[at] = (byte) (value >>> 16);
        put16(a, at + 1, value);
    }

    static void put32(byte[] a, int at, long value) {
        put16(a, at, (int) (value >>> 16));
        put16(a, at + 2, (int) value);
    }

    static void put64(byte[] a, int at, long value) {
        put32(a, at, value >>> 32);
        put32(a, at + 4, value);
    }

    /** Writes text padded with blanks, as SCSI identifiers are. */
    static void putText(byte[] a, int at, int width, String text) {
        for (int i = 0; i < width; i++) {
            char c = i < text.length() ? text.charAt(i) : ' ';
            a[at + i] = (byte) (c >= ' ' && c <= '~' ? c : '_');
        }
    }
}
