package dev.jvisor.vmm.x86.simd;

import java.util.Random;

/** Random inputs with a liking for edges. */
final class Inputs {
    /** What an instruction takes its operands for. */
    enum Kind {
        INTEGER, TEXT, SINGLE, DOUBLE
    }

    private static final int[] BYTES = {0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x0F, 0x10};
    private static final int[] SINGLES = {0, 1, 2, 0x7FFFFF, 0x7FFFFE, 0x400000, 0x800000, 0x800001, 0x3F800000, 0x3F800001, 0x3F7FFFFF, 0x3F000000,
        0x3EFFFFFF, 0x3FC00000, 0x40000000, 0x40200000, 0x4B000000, 0x4B7FFFFF, 0x4AFFFFFF, 0x4F000000, 0x4EFFFFFF, 0x5F000000, 0x5EFFFFFF,
        0x7F7FFFFF, 0x7F7FFFFE, 0x7F000000, 0x7F800000, 0x7FC00000, 0x7FC12345, 0x7F800001, 0x7FA54321, 0x33800000, 0x34000000, 0x1A000000};
    private static final long[] DOUBLES = {0, 1, 2, 0xFFFFFFFFFFFFFL, 0x8000000000000L, 0x10000000000000L, 0x10000000000001L,
        0x3FF0000000000000L, 0x3FF0000000000001L, 0x3FEFFFFFFFFFFFFFL, 0x3FE0000000000000L, 0x3FDFFFFFFFFFFFFFL, 0x3FF8000000000000L,
        0x4000000000000000L, 0x4004000000000000L, 0x4330000000000000L, 0x433FFFFFFFFFFFFFL, 0x41E0000000000000L, 0x41DFFFFFFFE00000L,
        0x41DFFFFFFFC00000L, 0x43E0000000000000L, 0x43DFFFFFFFFFFFFFL, 0x7FEFFFFFFFFFFFFFL, 0x7FE0000000000000L, 0x7FF0000000000000L,
        0x7FF8000000000000L, 0x7FF8000012345678L, 0x7FF0000000000001L, 0x7FF4000054321000L, 0x3CA0000000000000L, 0x3CB0000000000000L,
        0x36A0000000000000L, 0x3690000000000000L, 0x380FFFFFFFFFFFFFL, 0x380FFFFFE0000000L, 0x380FFFFFF0000000L, 0x47EFFFFFE0000000L,
        0x47EFFFFFF0000000L, 0x47EFFFFFEFFFFFFFL, 0x1FF0000000000000L};

    private final Random random;

    Inputs(long seed) {
        random = new Random(seed);
    }

    MachineState next(Kind kind) {
        MachineState m = new MachineState();
        for (int at = 0; at < MachineState.FLAGS; at += 8) {
            m.q(at, switch (kind) {
                case INTEGER -> integer();
                case TEXT -> text();
                case SINGLE -> single() & 0xFFFFFFFFL | (long) single() << 32;
                case DOUBLE -> dbl();
            });
        }
        if (random.nextInt(8) == 0) {
            // Equal, or nearly equal, operands.
            long noise = random.nextBoolean() ? 0 : random.nextBoolean() ? 1L << random.nextInt(64) : Long.MIN_VALUE;
            for (int at = 16; at < MachineState.MMX; at += 8) {
                m.q(at, m.q(at % 16) ^ noise);
            }
        }
        if (kind == Kind.INTEGER && random.nextInt(3) == 0) {
            // Shift counts.
            long n = random.nextInt(72);
            m.q(16, n);
            m.q(MachineState.MEMORY, n);
            m.q(MachineState.MMX + 8, n);
        }
        if (kind == Kind.TEXT) {
            for (int at = MachineState.GENERAL; at < MachineState.FLAGS; at += 8) {
                m.q(at, random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(44) - 22);
            }
        }
        m.q(MachineState.FLAGS, 0x202 | random.nextInt() & 0x8D5);
        int mxcsr = 0x1F80;
        if (kind == Kind.SINGLE || kind == Kind.DOUBLE) {
            mxcsr |= random.nextInt(4) << 13;
            mxcsr |= random.nextInt(4) == 0 ? 0x8000 : 0;
            mxcsr |= random.nextInt(4) == 0 ? 0x40 : 0;
            mxcsr |= random.nextInt(3) == 0 ? random.nextInt(64) : 0;
            if (random.nextInt(4) == 0) {
                mxcsr &= ~(random.nextInt(64) << 7);
            }
            if (random.nextInt(4) == 0) {
                mxcsr = 0x1F80 | random.nextInt(2) << 5;
            }
        }
        m.mxcsr(mxcsr);
        return m;
    }

    private long integer() {
        return switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> {
                long v = 0;
                for (int k = 0; k < 8; k++) {
                    v = v << 8 | BYTES[random.nextInt(BYTES.length)];
                }
                yield v;
            }
            case 2 -> {
                long v = 0;
                for (int k = 0; k < 4; k++) {
                    v = v << 16 | new int[] {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0xFF, 0x100, random.nextInt(0x10000)}[random.nextInt(9)];
                }
                yield v;
            }
            case 3 -> random.nextLong() & random.nextLong() & random.nextLong();
            default -> new long[] {0, -1, 1, Long.MIN_VALUE, Long.MAX_VALUE, 0x7FFFFFFF80000000L, 0x8000000080000000L}[random.nextInt(7)];
        };
    }

    private long text() {
        long v = 0;
        boolean few = random.nextBoolean();
        for (int k = 0; k < 8; k++) {
            int b = random.nextInt(12) == 0 ? 0 : few ? 'a' + random.nextInt(3) : random.nextInt(256);
            v = v << 8 | b;
        }
        if (random.nextInt(4) == 0) {
            // Words with a small alphabet, zeros among them.
            v &= 0x00FF00FF00FF00FFL;
        }
        return v;
    }

    private int single() {
        int sign = random.nextInt() & Integer.MIN_VALUE;
        return sign | switch (random.nextInt(7)) {
            case 0, 1 -> SINGLES[random.nextInt(SINGLES.length)];
            case 2 -> random.nextInt() >>> 1;
            case 3 -> Float.floatToRawIntBits(random.nextInt(100) / (float) (1 << random.nextInt(8)));
            case 4 -> 127 + random.nextInt(70) - 35 << 23 | random.nextInt() >>> 9;
            case 5 -> Float.floatToRawIntBits(random.nextInt() >>> random.nextInt(31));
            default -> 127 + random.nextInt(70) - 35 << 23 | random.nextInt() >>> 9 & -(1 << random.nextInt(23));
        };
    }

    private long dbl() {
        long sign = random.nextLong() & Long.MIN_VALUE;
        return sign | switch (random.nextInt(8)) {
            case 0, 1 -> DOUBLES[random.nextInt(DOUBLES.length)];
            case 2 -> random.nextLong() >>> 1;
            case 3 -> Double.doubleToRawLongBits(random.nextInt(100) / (double) (1 << random.nextInt(8)));
            case 4 -> 1023L + random.nextInt(130) - 65 << 52 | random.nextLong() >>> 12;
            case 5 -> Double.doubleToRawLongBits((double) (random.nextLong() >>> random.nextInt(63)));
            case 6 -> Double.doubleToRawLongBits(Float.intBitsToFloat(random.nextInt() >>> 1)) & (random.nextBoolean() ? -1L : -1L << 29)
                    ^ (random.nextBoolean() ? 0 : 1L << random.nextInt(32));
            default -> 1023L + random.nextInt(130) - 65 << 52 | random.nextLong() >>> 12 & -(1L << random.nextInt(52));
        } & Long.MAX_VALUE;
    }
}
