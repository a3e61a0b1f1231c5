package dev.jvisor.vmm.apic;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A set of interrupt vectors that any thread may change without a lock: IRR, ISR and TMR. */
final class VectorSet {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] words = new long[4];

    void set(int vector) {
        WORD.getAndBitwiseOr(words, vector >> 6, 1L << vector);
    }

    /** {@return whether it was set} */
    boolean clear(int vector) {
        return ((long) WORD.getAndBitwiseAnd(words, vector >> 6, ~(1L << vector)) & 1L << vector) != 0;
    }

    boolean contains(int vector) {
        return ((long) WORD.getVolatile(words, vector >> 6) & 1L << vector) != 0;
    }

    /** {@return the highest vector in the set, or -1} */
    int highest() {
        for (int i = 3; i >= 0; i--) {
            long w = (long) WORD.getVolatile(words, i);
            if (w != 0) {
                return i * 64 + 63 - Long.numberOfLeadingZeros(w);
            }
        }
        return -1;
    }

    /** {@return vectors {@code 32 * i} to {@code 32 * i + 31} as a register} */
    int register(int i) {
        return (int) ((long) WORD.getVolatile(words, i >> 1) >>> (i & 1) * 32);
    }

    void clearAll() {
        for (int i = 0; i < 4; i++) {
            WORD.setVolatile(words, i, 0L);
        }
    }

    long[] save() {
        long[] copy = new long[4];
        for (int i = 0; i < 4; i++) {
            copy[i] = (long) WORD.getVolatile(words, i);
        }
        return copy;
    }

    void restore(long[] from) {
        for (int i = 0; i < 4; i++) {
            WORD.setVolatile(words, i, from[i]);
        }
    }
}
