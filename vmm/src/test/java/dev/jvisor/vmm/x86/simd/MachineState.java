package dev.jvisor.vmm.x86.simd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What one instruction sees and leaves: the record that the native oracle and the software CPU both work on. Layout shared with the
 * generated C program: XMM0 to XMM3 at 0, 64 bytes of memory at 64, MM0 and MM1 at 128, RAX, RCX, RDX at 144, RFLAGS at 168, MXCSR at 176,
 * exception vector or 0 at 180.
 */
final class MachineState {
    static final int SIZE = 192;
    static final int MEMORY = 64;
    static final int MMX = 128;
    static final int GENERAL = 144;
    static final int FLAGS = 168;
    static final int MXCSR = 176;
    static final int VECTOR = 180;

    final ByteBuffer bytes = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);

    long q(int at) {
        return bytes.getLong(at);
    }

    void q(int at, long v) {
        bytes.putLong(at, v);
    }

    int mxcsr() {
        return bytes.getInt(MXCSR);
    }

    void mxcsr(int v) {
        bytes.putInt(MXCSR, v);
    }

    int vector() {
        return bytes.getInt(VECTOR);
    }

    void vector(int v) {
        bytes.putInt(VECTOR, v);
    }

    MachineState copy() {
        MachineState m = new MachineState();
        m.bytes.put(0, bytes.array());
        return m;
    }

    /** {@return how {@code other} differs, one line a field; empty when it does not} */
    String difference(MachineState other) {
        StringBuilder s = new StringBuilder();
        for (int at = 0; at < SIZE; at += 8) {
            if (q(at) != other.q(at)) {
                s.append(String.format("  %s: native %016x software %016x%n", name(at), q(at), other.q(at)));
            }
        }
        return s.toString();
    }

    /** {@return all fields, for a message} */
    String dump() {
        StringBuilder s = new StringBuilder();
        for (int at = 0; at < SIZE; at += 8) {
            s.append(String.format("%s=%016x%s", name(at), q(at), at % 32 == 24 ? "\n" : " "));
        }
        return s.toString();
    }

    private static String name(int at) {
        if (at < MEMORY) {
            return "xmm" + at / 16 + (at % 16 == 0 ? ".low" : ".high");
        }
        if (at < MMX) {
            return "mem+" + (at - MEMORY);
        }
        if (at < GENERAL) {
            return "mm" + (at - MMX) / 8;
        }
        return switch (at) {
            case GENERAL -> "rax";
            case GENERAL + 8 -> "rcx";
            case GENERAL + 16 -> "rdx";
            case FLAGS -> "rflags";
            case MXCSR -> "vector:mxcsr";
            default -> "pad";
        };
    }
}
