package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Read-modify-writes with LOCK, and XCHG with memory, at {@code r[TA]}: atomic towards other VPs. An operand that lies in one aligned
 * unit of 4 or 8 bytes is changed by compare-and-set of that unit; for any other all VPs but this one stand still.
 */
public final class Locked extends Uop {
    /** Operation numbers that follow those of {@link Alu}: unary ones, exchanges, bit tests. */
    static final int UNARY = 16, XCHG = 24, XADD = 25, CMPXCHG = 26, BTS = 27, BTR = 28, BTC = 29;

    private static final VarHandle VH32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle VH64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    /** The operation. */
    public final int op;
    /** Operand size in bytes. */
    public final int size;
    private final int shift;
    private final long mask;
    private final int sizeCode;

    private Locked(int op, int size) {
        this.op = op;
        this.size = size;
        this.shift = 64 - 8 * size;
        this.mask = -1L >>> shift;
        this.sizeCode = Integer.numberOfTrailingZeros(size);
    }

    /**
     * Adds the address step and the locked operation.
     *
     * @param b register with the second operand; for the bit tests, with the bit number
     */
    static void emit(Emitter e, Insn i, int op, int size, int b) {
        e.address(size, true);
        add(e, op, size, Cpu.T0, b);
    }

    /** Adds the locked operation on {@code r[TA]}. @param d receives the old value, zero-extended, where it is wanted */
    static void add(Emitter e, int op, int size, int d, int b) {
        Locked u = e.add(new Locked(op, size));
        u.d = d;
        u.b = b;
    }

    @Override
    public void exec(Cpu c) {
        long va = c.r[Cpu.TA];
        long host = c.hostForWrite(va, size, this);
        long y = c.r[b] & mask;
        long accumulator = c.r[Cpu.RAX] & mask;
        int carry = (op == Alu.ADC || op == Alu.SBB) && Flags.cf(c) ? 1 : 0;
        long old;
        if (host >= 0) {
            old = inRam(c, host, y, accumulator, carry);
        } else {
            if (((va ^ va + size - 1) & -4096L) != 0) {
                c.needUndisturbed(this);
            }
            synchronized (c.gpa.busLock()) {
                old = load(c, va);
                long next = apply(old, y, accumulator, carry);
                // CMPXCHG writes in any case, the old value if need be.
                store(c, va, next);
            }
        }
        c.r[d] = old;
        flags(c, old, y, accumulator, carry);
    }

    private long inRam(Cpu c, long host, long y, long accumulator, int carry) {
        MemorySegment ram = c.ram();
        if (((int) host & 3) + size <= 4) {
            long at = host & -4L;
            int bit = ((int) host & 3) * 8;
            while (true) {
                int unit = (int) VH32.getVolatile(ram, at);
                long old = unit >>> bit & mask;
                long next = apply(old, y, accumulator, carry);
                int replaced = (int) (unit & ~(mask << bit) | next << bit);
                if (VH32.compareAndSet(ram, at, unit, replaced)) {
                    return old;
                }
            }
        }
        if (((int) host & 7) + size <= 8) {
            long at = host & -8L;
            int bit = ((int) host & 7) * 8;
            while (true) {
                long unit = (long) VH64.getVolatile(ram, at);
                long old = unit >>> bit & mask;
                long next = apply(old, y, accumulator, carry);
                if (VH64.compareAndSet(ram, at, unit, unit & ~(mask << bit) | next << bit)) {
                    return old;
                }
            }
        }
        c.needUndisturbed(this);
        long old = load(c, c.r[Cpu.TA]);
        store(c, c.r[Cpu.TA], apply(old, y, accumulator, carry));
        VarHandle.fullFence();
        return old;
    }

    private long load(Cpu c, long va) {
        return switch (size) {
            case 1 -> c.ld8(va, this);
            case 2 -> c.ld16(va, this);
            case 4 -> c.ld32(va, this);
            default -> c.ld64(va, this);
        };
    }

    private void store(Cpu c, long va, long value) {
        switch (size) {
            case 1 -> c.st8(va, value, this);
            case 2 -> c.st16(va, value, this);
            case 4 -> c.st32(va, value, this);
            default -> c.st64(va, value, this);
        }
    }

    private long apply(long old, long y, long accumulator, int carry) {
        long v = switch (op) {
            case Alu.ADD, Alu.ADC, XADD -> old + y + carry;
            case Alu.OR -> old | y;
            case Alu.AND -> old & y;
            case Alu.SUB, Alu.SBB -> old - y - carry;
            case Alu.XOR -> old ^ y;
            case UNARY + Unary.INC -> old + 1;
            case UNARY + Unary.DEC -> old - 1;
            case UNARY + Unary.NOT -> ~old;
            case UNARY + Unary.NEG -> -old;
            case CMPXCHG -> old == accumulator ? y : old;
            case BTS -> old | 1L << (y & 8 * size - 1);
            case BTR -> old & ~(1L << (y & 8 * size - 1));
            case BTC -> old ^ 1L << (y & 8 * size - 1);
            default -> y;
        };
        return v & mask;
    }

    private long signed(long v) {
        return v << shift >> shift;
    }

    private void flags(Cpu c, long old, long y, long accumulator, int carry) {
        long x = signed(old);
        long sy = signed(y);
        switch (op) {
            case Alu.ADD, Alu.ADC, XADD -> set(c, carry != 0 ? Flags.ADC1 : Flags.ADD, signed(old + y + carry), sy);
            case Alu.OR -> set(c, Flags.LOGIC, x | sy, 0);
            case Alu.AND -> set(c, Flags.LOGIC, x & sy, 0);
            case Alu.XOR -> set(c, Flags.LOGIC, x ^ sy, 0);
            case Alu.SUB, Alu.SBB -> set(c, carry != 0 ? Flags.SBB1 : Flags.SUB, x, sy);
            case UNARY + Unary.INC -> set(c, Flags.INC, signed(old + 1), Flags.cf(c) ? 1 : 0);
            case UNARY + Unary.DEC -> set(c, Flags.DEC, signed(old - 1), Flags.cf(c) ? 1 : 0);
            case UNARY + Unary.NEG -> set(c, Flags.SUB, 0, x);
            case CMPXCHG -> {
                set(c, Flags.SUB, signed(accumulator), x);
                if (old != accumulator) {
                    c.r[Cpu.RAX] = size >= 4 ? old : c.r[Cpu.RAX] & ~mask | old;
                }
            }
            case BTS, BTR, BTC -> BitTests.setCarry(c, (old >>> (y & 8 * size - 1) & 1) != 0);
            default -> { }
        }
    }

    private void set(Cpu c, int kind, long dst, long src) {
        c.ccDst = dst;
        c.ccSrc = src;
        c.ccOp = kind | sizeCode;
    }
}
