package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** CMPXCHG, CMPXCHG8B and CMPXCHG16B. */
final class CompareExchange {
    private static final VarHandle VH64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private CompareExchange() { }

    static void emit(Emitter e, Insn i, int size) {
        int src = Operands.source(e, i, i.reg, size, Cpu.T1);
        if (i.isMem()) {
            // Atomic with or without LOCK: allowed, and one way less to get it wrong.
            Locked.emit(e, i, Locked.CMPXCHG, size, src);
            return;
        }
        int dst = Operands.source(e, i, i.rm, size, Cpu.T0);
        Uop u = e.add(new Registers(size));
        u.d = dst;
        u.b = src;
        Operands.finishRegister(e, i, i.rm, size, dst);
    }

    static void emitPair(Emitter e, Insn i) {
        if (i.opSize == 8) {
            e.address(16, true);
            e.call(CompareExchange::pair16);
        } else {
            e.address(8, true);
            e.call(CompareExchange::pair8);
        }
    }

    private static void setZero(Cpu c, boolean equal) {
        Flags.setStatus(c, Flags.status(c) & ~Flags.ZF | (equal ? Flags.ZF : 0));
    }

    private static void pair8(Cpu c, Uop u) {
        long va = c.r[Cpu.TA];
        long expected = c.r[Cpu.RAX] & 0xFFFFFFFFL | c.r[Cpu.RDX] << 32;
        long wanted = c.r[Cpu.RBX] & 0xFFFFFFFFL | c.r[Cpu.RCX] << 32;
        long host = c.hostForWrite(va, 8, u);
        long old;
        if (host >= 0 && (host & 7) == 0) {
            old = (long) VH64.compareAndExchange(c.ram(), host, expected, wanted);
        } else {
            if (host >= 0 || ((va ^ va + 7) & -4096L) != 0) {
                c.needUndisturbed(u);
            }
            synchronized (c.gpa.busLock()) {
                old = c.ld64(va, u);
                c.st64(va, old == expected ? wanted : old, u);
            }
        }
        if (old != expected) {
            c.r[Cpu.RAX] = old & 0xFFFFFFFFL;
            c.r[Cpu.RDX] = old >>> 32;
        }
        setZero(c, old == expected);
    }

    /**
     * The host has no 16-byte compare-and-set for us, so this holds the partition's lock and changes the halves with compare-and-sets that
     * notice a writer who does not hold it; such a writer's value may be seen half-changed only by one that reads without LOCK.
     */
    private static void pair16(Cpu c, Uop u) {
        long va = c.r[Cpu.TA];
        if ((va & 15) != 0) {
            throw c.fault(Cpu.GP, 0, u);
        }
        long host = c.hostForWrite(va, 16, u);
        boolean equal;
        synchronized (c.gpa.busLock()) {
            while (true) {
                long low = host >= 0 ? (long) VH64.getVolatile(c.ram(), host) : c.ld64(va, u);
                long high = host >= 0 ? (long) VH64.getVolatile(c.ram(), host + 8) : c.ld64(va + 8, u);
                equal = low == c.r[Cpu.RAX] && high == c.r[Cpu.RDX];
                long newLow = equal ? c.r[Cpu.RBX] : low;
                long newHigh = equal ? c.r[Cpu.RCX] : high;
                if (host < 0) {
                    c.st64(va, newLow, u);
                    c.st64(va + 8, newHigh, u);
                } else {
                    if (!VH64.compareAndSet(c.ram(), host, low, newLow)) {
                        continue;
                    }
                    if (!VH64.compareAndSet(c.ram(), host + 8, high, newHigh)) {
                        VH64.compareAndSet(c.ram(), host, newLow, low);
                        continue;
                    }
                }
                if (!equal) {
                    c.r[Cpu.RAX] = low;
                    c.r[Cpu.RDX] = high;
                }
                break;
            }
        }
        setZero(c, equal);
    }

    /** CMPXCHG {@code r[d], r[b]} between registers. */
    private static final class Registers extends Uop {
        private final int shift;
        private final long mask;
        private final int size;

        Registers(int size) {
            this.size = size;
            this.shift = 64 - 8 * size;
            this.mask = -1L >>> shift;
        }

        @Override
        public void exec(Cpu c) {
            long old = c.r[d] & mask;
            long accumulator = c.r[Cpu.RAX] & mask;
            c.ccDst = accumulator << shift >> shift;
            c.ccSrc = old << shift >> shift;
            c.ccOp = Flags.SUB | Integer.numberOfTrailingZeros(size);
            if (old == accumulator) {
                c.r[d] = size >= 4 ? c.r[b] & mask : c.r[d] & ~mask | c.r[b] & mask;
            } else {
                // The destination keeps even its upper half, as processors do.
                c.r[Cpu.RAX] = size >= 4 ? old : c.r[Cpu.RAX] & ~mask | old;
            }
        }
    }
}
