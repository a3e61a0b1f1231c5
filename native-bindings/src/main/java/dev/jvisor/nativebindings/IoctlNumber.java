package dev.jvisor.nativebindings;

/**
 * The encoding of ioctl request numbers on x86 Linux (asm-generic/ioctl.h): direction in bits 31-30, argument size in bits 29-16,
 * the driver's type letter in bits 15-8, the number in bits 7-0. For requests that the installed headers do not know yet; those they
 * know are generated, and a test holds the two against each other.
 */
public final class IoctlNumber {
    private static final int WRITE = 1;
    private static final int READ = 2;
    private static final int MAX_SIZE = (1 << 14) - 1;

    private IoctlNumber() {
    }

    /** {@return the request without argument struct, C's {@code _IO(type, nr)}} */
    public static long io(int type, int nr) {
        return encode(0, type, nr, 0);
    }

    /** {@return the request whose {@code size} bytes argument the kernel writes, C's {@code _IOR(type, nr, T)}} */
    public static long ior(int type, int nr, long size) {
        return encode(READ, type, nr, size);
    }

    /** {@return the request whose {@code size} bytes argument the kernel reads, C's {@code _IOW(type, nr, T)}} */
    public static long iow(int type, int nr, long size) {
        return encode(WRITE, type, nr, size);
    }

    /** {@return the request whose {@code size} bytes argument the kernel reads and writes, C's {@code _IOWR(type, nr, T)}} */
    public static long iowr(int type, int nr, long size) {
        return encode(READ | WRITE, type, nr, size);
    }

    private static long encode(int direction, int type, int nr, long size) {
        if ((type & ~0xff) != 0 || (nr & ~0xff) != 0 || size < 0 || size > MAX_SIZE) {
            throw new IllegalArgumentException("not an ioctl: type=" + type + ", nr=" + nr + ", size=" + size);
        }
        return (long) direction << 30 | size << 16 | (long) type << 8 | nr;
    }
}
