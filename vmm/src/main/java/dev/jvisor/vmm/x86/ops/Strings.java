package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Link;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.SegmentCheck;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * MOVS, STOS, LODS, CMPS and SCAS. With REP they end their block, move as much at a time as lies in one page of source and destination,
 * and let interrupts in between; RCX, RSI and RDI are right at every fault.
 */
final class Strings {
    private static final int MOVS = 0, CMPS = 1, STOS = 2, LODS = 3, SCAS = 4;
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Elements between two looks at what is pending, where they go one by one. */
    private static final int PATIENCE = 4096;

    private Strings() { }

    static void register(OpcodeTable t) {
        String[] names = {"MOVS", "CMPS", "STOS", "LODS", "SCAS"};
        int[] opcodes = {0xA4, 0xA6, 0xAA, 0xAC, 0xAE};
        for (int k = 0; k < 5; k++) {
            int op = k;
            t.def(names[k] + "B", ONE_BYTE, ANY, opcodes[k], false, Imm.NONE, (i, e) -> emit(e, i, op, 1));
            t.def(names[k] + "W/D/Q", ONE_BYTE, ANY, opcodes[k] + 1, false, Imm.NONE, (i, e) -> emit(e, i, op, i.opSize));
        }
    }

    private static void emit(Emitter e, Insn i, int op, int size) {
        if (i.rep == 0) {
            e.add(new One(op, size, i.addrSize)).seg = i.seg;
        } else {
            e.end(new Repeat(op, size, i.addrSize, i.rep == 0xF3, Jumps.nextLink(i))).seg = i.seg;
        }
    }

    private static long mask(int addrSize) {
        return addrSize == 8 ? -1L : addrSize == 4 ? 0xFFFFFFFFL : 0xFFFF;
    }

    private static long source(Cpu c, Uop u, long mask, int bytes) {
        return SegmentCheck.linear(c, u.seg, c.r[Cpu.RSI] & mask, bytes, false, u);
    }

    private static long destination(Cpu c, Uop u, long mask, int bytes, boolean write) {
        return SegmentCheck.linear(c, Cpu.ES, c.r[Cpu.RDI] & mask, bytes, write, u);
    }

    private static void advance(Cpu c, int register, long by, int addrSize) {
        Semantics.setRegister(c, register, c.r[register] + by, addrSize);
    }

    /** Does one element and moves the index registers. */
    private static void element(Cpu c, Uop u, int op, int size, int addrSize) {
        long mask = mask(addrSize);
        long step = (c.sysFlags & Flags.DF) != 0 ? -size : size;
        switch (op) {
            case MOVS -> {
                long v = Semantics.load(c, source(c, u, mask, size), size, u);
                Semantics.store(c, destination(c, u, mask, size, true), v, size, u);
            }
            case STOS -> Semantics.store(c, destination(c, u, mask, size, true), c.r[Cpu.RAX], size, u);
            case LODS -> {
                long v = Semantics.load(c, source(c, u, mask, size), size, u);
                Semantics.setRegister(c, Cpu.RAX, v, size);
            }
            case CMPS -> {
                long x = Semantics.load(c, source(c, u, mask, size), size, u);
                compare(c, x, Semantics.load(c, destination(c, u, mask, size, false), size, u), size);
            }
            default -> compare(c, c.r[Cpu.RAX], Semantics.load(c, destination(c, u, mask, size, false), size, u), size);
        }
        if (op <= CMPS || op == LODS) {
            advance(c, Cpu.RSI, step, addrSize);
        }
        if (op != LODS) {
            advance(c, Cpu.RDI, step, addrSize);
        }
    }

    private static void compare(Cpu c, long x, long y, int size) {
        int up = 64 - 8 * size;
        c.ccDst = x << up >> up;
        c.ccSrc = y << up >> up;
        c.ccOp = Flags.SUB | Integer.numberOfTrailingZeros(size);
    }

    /** One element, without REP. */
    private static final class One extends Uop {
        private final int op;
        private final int size;
        private final int addrSize;

        One(int op, int size, int addrSize) {
            this.op = op;
            this.size = size;
            this.addrSize = addrSize;
        }

        @Override
        public void exec(Cpu c) {
            element(c, this, op, size, addrSize);
        }
    }

    /** With REP, REPE or REPNE. */
    private static final class Repeat extends Uop {
        private final int op;
        private final int size;
        private final int addrSize;
        private final boolean whileEqual;
        private final Link after;

        Repeat(int op, int size, int addrSize, boolean whileEqual, Link after) {
            this.op = op;
            this.size = size;
            this.addrSize = addrSize;
            this.whileEqual = whileEqual;
            this.after = after;
        }

        @Override
        public void forgetLinks() {
            after.to = null;
        }

        @Override
        public void exec(Cpu c) {
            c.next = leave(c);
        }

        @Override
        public Block leave(Cpu c) {
            long mask = mask(addrSize);
            boolean single = (c.mode & Cpu.MODE_SINGLE) != 0;
            boolean forward = (c.sysFlags & Flags.DF) == 0;
            int patience = PATIENCE;
            c.repeating = false;
            while (true) {
                long count = c.r[Cpu.RCX] & mask;
                if (count == 0) {
                    return after.go(c);
                }
                long done = 0;
                if (forward && !single && count > 1 && !c.checks.alignment()) {
                    if (op == MOVS) {
                        done = move(c, count, mask);
                    } else if (op == STOS) {
                        done = fill(c, count, mask);
                    }
                }
                if (done == 0) {
                    element(c, this, op, size, addrSize);
                    advance(c, Cpu.RCX, -1, addrSize);
                    if ((op == CMPS || op == SCAS) && Flags.zf(c) != whileEqual) {
                        return after.go(c);
                    }
                    patience--;
                } else {
                    advance(c, Cpu.RCX, -done, addrSize);
                    patience -= 64;
                }
                if (c.pending != 0 || single || patience <= 0) {
                    if ((c.r[Cpu.RCX] & mask) == 0) {
                        return after.go(c);
                    }
                    if (c.pending != 0 || single) {
                        c.rip = ip;
                        c.repeating = true;
                        return null;
                    }
                    patience = PATIENCE;
                }
            }
        }

        /** {@return how many elements from {@code offset} on lie in one page and before the address wraps; 0 to go one by one} */
        private long inPage(long offset, long linear, long mask) {
            long room = 4096 - (linear & 4095);
            if (mask != -1L) {
                room = Math.min(room, mask - offset + 1);
            }
            return room / size;
        }

        private boolean within(Cpu c, int seg, long offset, long bytes) {
            if (c.long64()) {
                return true;
            }
            // Only segments that expand up: others go one by one.
            return (c.segAttr[seg] & 0xC) != 4 && offset + bytes - 1 <= Integer.toUnsignedLong(c.segLimit[seg]);
        }

        /** Moves forward as many as can be moved at once. {@return how many; 0 when one must be moved on its own} */
        private long move(Cpu c, long count, long mask) {
            long from = source(c, this, mask, size);
            long to = destination(c, this, mask, size, true);
            long n = Math.min(count, Math.min(inPage(c.r[Cpu.RSI] & mask, from, mask), inPage(c.r[Cpu.RDI] & mask, to, mask)));
            if (n == 0 || !within(c, seg, c.r[Cpu.RSI] & mask, n * size) || !within(c, Cpu.ES, c.r[Cpu.RDI] & mask, n * size)) {
                return 0;
            }
            long source = c.hostForRead(from, (int) (n * size), this);
            long target = c.hostForWrite(to, (int) (n * size), this);
            if (source < 0 || target < 0) {
                return 0;
            }
            long distance = target - source;
            if (distance > 0 && distance < n * size) {
                // What is written is read again further on: no more at a time than lies between.
                n = distance / size;
                if (n == 0) {
                    return 0;
                }
            }
            MemorySegment ram = c.ram();
            MemorySegment.copy(ram, source, ram, target, n * size);
            advance(c, Cpu.RSI, n * size, addrSize);
            advance(c, Cpu.RDI, n * size, addrSize);
            return n;
        }

        private long fill(Cpu c, long count, long mask) {
            long to = destination(c, this, mask, size, true);
            long n = Math.min(count, inPage(c.r[Cpu.RDI] & mask, to, mask));
            if (n == 0 || !within(c, Cpu.ES, c.r[Cpu.RDI] & mask, n * size)) {
                return 0;
            }
            long target = c.hostForWrite(to, (int) (n * size), this);
            if (target < 0) {
                return 0;
            }
            long v = c.r[Cpu.RAX];
            long pattern = switch (size) {
                case 1 -> (v & 0xFF) * 0x0101010101010101L;
                case 2 -> (v & 0xFFFF) * 0x0001000100010001L;
                case 4 -> (v & 0xFFFFFFFFL) * 0x0000000100000001L;
                default -> v;
            };
            MemorySegment ram = c.ram();
            long bytes = n * size;
            long k = 0;
            for (; k + 8 <= bytes; k += 8) {
                ram.set(LE64, target + k, pattern);
            }
            for (; k < bytes; k++) {
                ram.set(ValueLayout.JAVA_BYTE, target + k, (byte) (pattern >>> 8 * (k & 7)));
            }
            advance(c, Cpu.RDI, bytes, addrSize);
            return n;
        }
    }
}
