package dev.jvisor.vmm.x86.cpu;

/**
 * RFLAGS bits, and the lazy status flags. An arithmetic micro-op leaves what it did in {@code ccOp} (kind and size), {@code ccDst} and
 * {@code ccSrc}; flags are computed when somebody asks. <b>Both values are stored sign-extended from the operand size to 64 bits</b>, which
 * keeps signed and unsigned order, so that most conditions need no look at the size.
 *
 * <table>
 * <caption>What the fields hold</caption>
 * <tr><th>kind</th><th>ccDst</th><th>ccSrc</th></tr>
 * <tr><td>FLAGS</td><td>-</td><td>the status bits themselves</td></tr>
 * <tr><td>LOGIC</td><td>result</td><td>-</td></tr>
 * <tr><td>ADD, ADC1</td><td>result</td><td>second operand</td></tr>
 * <tr><td>SUB, SBB1</td><td>first operand</td><td>second operand</td></tr>
 * <tr><td>INC, DEC</td><td>result</td><td>CF before, 0 or 1</td></tr>
 * <tr><td>SHL, SHR</td><td>result</td><td>value before the last one-bit step</td></tr>
 * <tr><td>MUL</td><td>low half of the result</td><td>0, or not 0 when CF and OF are set</td></tr>
 * </table>
 * ADC1 and SBB1 are additions and subtractions with a carry of 1 coming in; without one they are ADD and SUB. SHR stands for SAR too.
 */
public final class Flags {
    /** Status flags. */
    public static final int CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800;
    /** Control and system flags. */
    public static final int TF = 0x100, IF = 0x200, DF = 0x400, IOPL = 0x3000, NT = 0x4000, RF = 0x10000, VM = 0x20000, AC = 0x40000,
            VIF = 0x80000, VIP = 0x100000, ID = 0x200000;
    /** All status flags. */
    public static final int STATUS = CF | PF | AF | ZF | SF | OF;

    /** Kinds, shifted left by 2; add the size code 0 to 3 for 1, 2, 4, 8 bytes. FLAGS has no size. */
    public static final int FLAGS = 0, LOGIC = 1 << 2, ADD = 2 << 2, SUB = 3 << 2, ADC1 = 4 << 2, SBB1 = 5 << 2, INC = 6 << 2, DEC = 7 << 2,
            SHL = 8 << 2, SHR = 9 << 2, MUL = 10 << 2;

    private Flags() { }

    private static boolean parity(long v) {
        return (Integer.bitCount((int) v & 0xFF) & 1) == 0;
    }

    /** {@return the result of the last operation, sign-extended; not for FLAGS} */
    private static long result(int op, long dst, long src) {
        return switch (op & ~3) {
            case SUB -> extend(op, dst - src);
            case SBB1 -> extend(op, dst - src - 1);
            default -> dst;
        };
    }

    private static long extend(int op, long v) {
        int shift = 64 - (8 << (op & 3));
        return v << shift >> shift;
    }

    /** {@return whether the carry flag is set} */
    public static boolean cf(Cpu c) {
        int op = c.ccOp;
        long dst = c.ccDst;
        long src = c.ccSrc;
        return switch (op & ~3) {
            case FLAGS, INC, DEC -> (src & 1) != 0;
            case LOGIC -> false;
            case ADD, SUB -> dst + Long.MIN_VALUE < src + Long.MIN_VALUE;
            case ADC1, SBB1 -> dst + Long.MIN_VALUE <= src + Long.MIN_VALUE;
            case SHL -> extend(op, src) < 0;
            case SHR -> (src & 1) != 0;
            default -> src != 0;
        };
    }

    /** {@return whether the zero flag is set} */
    public static boolean zf(Cpu c) {
        int op = c.ccOp;
        return switch (op & ~3) {
            case FLAGS -> (c.ccSrc & ZF) != 0;
            case SUB -> c.ccDst == c.ccSrc;
            case SBB1 -> extend(op, c.ccDst - c.ccSrc - 1) == 0;
            default -> c.ccDst == 0;
        };
    }

    /** {@return whether the sign flag is set} */
    public static boolean sf(Cpu c) {
        int op = c.ccOp;
        return op == FLAGS ? (c.ccSrc & SF) != 0 : result(op, c.ccDst, c.ccSrc) < 0;
    }

    /** {@return whether the overflow flag is set} */
    public static boolean of(Cpu c) {
        int op = c.ccOp;
        long dst = c.ccDst;
        long src = c.ccSrc;
        return switch (op & ~3) {
            case FLAGS -> (src & OF) != 0;
            case LOGIC -> false;
            case ADD -> {
                long first = dst - src;
                yield extend(op, (first ^ dst) & (src ^ dst)) < 0;
            }
            case ADC1 -> {
                long first = dst - src - 1;
                yield extend(op, (first ^ dst) & (src ^ dst)) < 0;
            }
            case SUB -> extend(op, (dst ^ src) & (dst ^ (dst - src))) < 0;
            case SBB1 -> extend(op, (dst ^ src) & (dst ^ (dst - src - 1))) < 0;
            case INC -> dst == extend(op, 1L << ((8 << (op & 3)) - 1));
            case DEC -> dst == (1L << ((8 << (op & 3)) - 1)) - 1;
            case SHL, SHR -> extend(op, src ^ dst) < 0;
            default -> src != 0;
        };
    }

    /** {@return whether the parity flag is set} */
    public static boolean pf(Cpu c) {
        return c.ccOp == FLAGS ? (c.ccSrc & PF) != 0 : parity(result(c.ccOp, c.ccDst, c.ccSrc));
    }

    /** {@return whether the auxiliary carry flag is set} */
    public static boolean af(Cpu c) {
        int op = c.ccOp;
        long dst = c.ccDst;
        long src = c.ccSrc;
        return switch (op & ~3) {
            case FLAGS -> (src & AF) != 0;
            case ADD -> ((dst - src ^ src ^ dst) & AF) != 0;
            case ADC1 -> ((dst - src - 1 ^ src ^ dst) & AF) != 0;
            case SUB -> ((dst ^ src ^ (dst - src)) & AF) != 0;
            case SBB1 -> ((dst ^ src ^ (dst - src - 1)) & AF) != 0;
            case INC -> (dst & 15) == 0;
            case DEC -> (dst & 15) == 15;
            default -> false;
        };
    }

    /** {@return the status flags, at their places in RFLAGS} */
    public static int status(Cpu c) {
        if (c.ccOp == FLAGS) {
            return (int) c.ccSrc;
        }
        return (cf(c) ? CF : 0) | (pf(c) ? PF : 0) | (af(c) ? AF : 0) | (zf(c) ? ZF : 0) | (sf(c) ? SF : 0) | (of(c) ? OF : 0);
    }

    /** Sets the status flags. @param status bits at their places in RFLAGS; others are ignored */
    public static void setStatus(Cpu c, int status) {
        c.ccOp = FLAGS;
        c.ccSrc = status & STATUS;
    }

    /**
     * Evaluates a condition as Jcc, SETcc and CMOVcc encode it.
     *
     * @param cc 0 to 15: O, NO, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G
     */
    public static boolean test(Cpu c, int cc) {
        boolean r = switch (cc >> 1) {
            case 0 -> of(c);
            case 1 -> cf(c);
            case 2 -> zf(c);
            case 3 -> cf(c) || zf(c);
            case 4 -> sf(c);
            case 5 -> pf(c);
            case 6 -> less(c);
            default -> zf(c) || less(c);
        };
        return r ^ (cc & 1) != 0;
    }

    private static boolean less(Cpu c) {
        return (c.ccOp & ~3) == SUB ? c.ccDst < c.ccSrc : sf(c) != of(c);
    }
}
