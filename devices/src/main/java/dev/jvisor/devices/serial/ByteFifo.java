package dev.jvisor.devices.serial;

/** A ring of bytes of fixed size. Not synchronized. */
final class ByteFifo {
    private final byte[] bytes;
    private int head;
    private int size;

    ByteFifo(int capacity) {
        bytes = new byte[capacity];
    }

    int size() {
        return size;
    }

    int room() {
        return bytes.length - size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void clear() {
        size = 0;
    }

    /** Adds a byte; there must be room. */
    void add(int value) {
        bytes[(head + size) % bytes.length] = (byte) value;
        size++;
    }

    /** {@return the oldest byte, taken out; the ring must not be empty} */
    int take() {
        int value = bytes[head] & 0xFF;
        head = (head + 1) % bytes.length;
        size--;
        return value;
    }

    /** Adds as many of the bytes as fit. {@return how many} */
    int add(byte[] from, int offset, int length) {
        int n = Math.min(length, room());
        for (int done = 0; done < n; ) {
            int at = (head + size) % bytes.length;
            int run = Math.min(n - done, bytes.length - at);
            System.arraycopy(from, offset + done, bytes, at, run);
            size += run;
            done += run;
        }
        return n;
    }

    /** Takes out the oldest bytes. {@return how many} */
    int take(byte[] into) {
        int n = Math.min(into.length, size);
        for (int done = 0; done < n; ) {
            int run = Math.min(n - done, bytes.length - head);
            System.arraycopy(bytes, head, into, done, run);
            head = (head + run) % bytes.length;
            size -= run;
            done += run;
        }
        return n;
    }

    /** {@return a copy of the contents, oldest first} */
    byte[] toArray() {
        byte[] copy = new byte[size];
        for (int i = 0; i < size; i++) {
            copy[i] = bytes[(head + i) % bytes.length];
        }
        return copy;
    }
}
