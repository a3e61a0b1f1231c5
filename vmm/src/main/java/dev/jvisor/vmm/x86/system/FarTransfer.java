package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** JMP and CALL to another segment, gate or task, and the far return (Intel SDM 2A "CALL", "JMP", 2B "RET"; 3A, 5.8). */
final class FarTransfer {
    private FarTransfer() { }

    private static void end(Cpu c) {
        c.next = null;
        c.link = null;
        c.modeChanged();
    }

    /** Checks an offset against the code segment it is to be used in. */
    static void checkOffset(Cpu c, long offset, long d, Uop u) {
        if (c.longActive() && Descriptor.isLong(d) ? !Descriptor.canonical(offset)
                : Long.compareUnsigned(offset, Integer.toUnsignedLong(Descriptor.limit(d))) > 0) {
            throw Operands.gp(c, u);
        }
    }

    private static void checkRealOffset(Cpu c, long offset, Uop u) {
        if (offset > Integer.toUnsignedLong(c.segLimit[Cpu.CS])) {
            throw Operands.gp(c, u);
        }
    }

    /** In long mode a code segment may not have both L and D. */
    static void checkLong(Cpu c, long d, int error, Uop u) {
        if (c.longActive() && Descriptor.isLong(d) && Descriptor.isBig(d)) {
            throw c.fault(Cpu.GP, error, u);
        }
    }

    /** JMP far. @param offset zero-extended from the operand size */
    static void jump(Cpu c, int selector, long offset, Uop u) {
        if ((c.mode & Cpu.MODE_REAL) != 0) {
            checkRealOffset(c, offset, u);
            SegmentLoad.real(c, Cpu.CS, selector);
            c.rip = offset;
            end(c);
            return;
        }
        long d = target(c, selector, u);
        if (Descriptor.isSegment(d)) {
            direct(c, selector, d, u);
            checkOffset(c, offset, d, u);
            d = Descriptor.access(c, selector, d, u);
            SegmentLoad.setCode(c, selector, d, c.cpl);
            c.rip = offset;
            end(c);
            return;
        }
        switch (systemType(c, selector, d, u)) {
            case Descriptor.CALL_GATE16, Descriptor.CALL_GATE32 -> jumpGate(c, selector, d, u);
            case Descriptor.TASK_GATE ->
                    TaskSwitch.throughGate(c, Descriptor.gateSelector(d), TaskSwitch.Source.JUMP, 0, c.rflags(), c.truncateIp(u.nextIp()), u);
            default -> TaskSwitch.to(c, selector, d, TaskSwitch.Source.JUMP, 0, c.rflags(), c.truncateIp(u.nextIp()), u);
        }
    }

    private static long target(Cpu c, int selector, Uop u) {
        if (Descriptor.isNull(selector)) {
            throw Operands.gp(c, u);
        }
        return Descriptor.read(c, selector, Cpu.GP, 0, u);
    }

    /** Rights of a direct transfer to a code segment. */
    private static void direct(Cpu c, int selector, long d, Uop u) {
        int error = selector & 0xFFFC;
        int dpl = Descriptor.dpl(d);
        boolean allowed = Descriptor.isConforming(d) ? dpl <= c.cpl : (selector & 3) <= c.cpl && dpl == c.cpl;
        if (!Descriptor.isCode(d) || !allowed) {
            throw c.fault(Cpu.GP, error, u);
        }
        checkLong(c, d, error, u);
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
    }

    /** Checks what gates and TSS have in common. {@return the type} */
    private static int systemType(Cpu c, int selector, long d, Uop u) {
        int error = selector & 0xFFFC;
        int type = Descriptor.type(d);
        boolean known = c.longActive() ? type == Descriptor.CALL_GATE32 : type == Descriptor.CALL_GATE16 || type == Descriptor.CALL_GATE32
                || type == Descriptor.TASK_GATE || (type == Descriptor.TSS16 || type == Descriptor.TSS32) && (selector & 4) == 0;
        int dpl = Descriptor.dpl(d);
        if (!known || dpl < c.cpl || dpl < (selector & 3)) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        return type;
    }

    /** {@return the offset a call gate leads to} */
    private static long gateOffset(Cpu c, int selector, long gate, Uop u) {
        if (c.longActive()) {
            long high = Descriptor.readHigh(c, selector, Cpu.GP, 0, u);
            if ((high >>> 40 & 0x1F) != 0) {
                throw c.fault(Cpu.GP, selector & 0xFFFC, u);
            }
            return Descriptor.gateOffset(gate) | high << 32;
        }
        return (Descriptor.type(gate) & 8) != 0 ? Descriptor.gateOffset(gate) : gate & 0xFFFF;
    }

    /** Reads and checks the code segment of a call gate. */
    private static long gateCode(Cpu c, int selector, boolean call, Uop u) {
        int error = selector & 0xFFFC;
        long d = target(c, selector, u);
        int dpl = Descriptor.dpl(d);
        boolean allowed = dpl <= c.cpl && (call || Descriptor.isConforming(d) || dpl == c.cpl);
        if (!Descriptor.isCode(d) || !allowed) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (c.longActive() && (!Descriptor.isLong(d) || Descriptor.isBig(d))) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        return Descriptor.access(c, selector, d, u);
    }

    private static void jumpGate(Cpu c, int selector, long gate, Uop u) {
        long offset = gateOffset(c, selector, gate, u);
        int to = Descriptor.gateSelector(gate);
        long d = gateCode(c, to, false, u);
        checkOffset(c, offset, d, u);
        SegmentLoad.setCode(c, to, d, c.cpl);
        c.rip = offset;
        end(c);
    }

    /** CALL far. @param size operand size, 2, 4 or 8 */
    static void call(Cpu c, int selector, long offset, int size, Uop u) {
        long back = c.truncateIp(u.nextIp());
        if ((c.mode & Cpu.MODE_REAL) != 0) {
            checkRealOffset(c, offset, u);
            pushReturn(c, size, back, u);
            SegmentLoad.real(c, Cpu.CS, selector);
            c.rip = offset;
            end(c);
            return;
        }
        long d = target(c, selector, u);
        if (Descriptor.isSegment(d)) {
            direct(c, selector, d, u);
            checkOffset(c, offset, d, u);
            d = Descriptor.access(c, selector, d, u);
            pushReturn(c, size, back, u);
            SegmentLoad.setCode(c, selector, d, c.cpl);
            c.rip = offset;
            end(c);
            return;
        }
        switch (systemType(c, selector, d, u)) {
            case Descriptor.CALL_GATE16, Descriptor.CALL_GATE32 -> callGate(c, selector, d, back, u);
            case Descriptor.TASK_GATE -> TaskSwitch.throughGate(c, Descriptor.gateSelector(d), TaskSwitch.Source.CALL, 0, c.rflags(), back, u);
            default -> TaskSwitch.to(c, selector, d, TaskSwitch.Source.CALL, 0, c.rflags(), back, u);
        }
    }

    /** Pushes CS and the return address on the current stack; all or nothing. */
    private static void pushReturn(Cpu c, int size, long back, Uop u) {
        long rsp = c.r[Cpu.RSP];
        if (c.long64()) {
            pushLong(c, rsp - 2L * size, rsp, c.cpl, u);
            Stack.store(c, rsp - size, size, c.segSel[Cpu.CS], c.cpl, u);
            Stack.store(c, rsp - 2L * size, size, back, c.cpl, u);
            c.r[Cpu.RSP] = rsp - 2L * size;
            return;
        }
        long base = c.segBase[Cpu.SS];
        int attr = c.segAttr[Cpu.SS];
        Stack.check(c, base, c.segLimit[Cpu.SS], attr, rsp, 2, size, 0, c.cpl, u);
        rsp = Stack.push(c, base, attr, rsp, size, c.segSel[Cpu.CS], c.cpl, u);
        Stack.setPointer(c, Stack.push(c, base, attr, rsp, size, back, c.cpl, u));
    }

    /** Checks that a 64-bit stack can be written from {@code bottom} up to {@code top}. */
    private static void pushLong(Cpu c, long bottom, long top, int level, Uop u) {
        if (!Descriptor.canonical(bottom) || !Descriptor.canonical(top - 1)) {
            throw c.fault(Cpu.STACK, 0, u);
        }
        Stack.probe(c, bottom, (int) (top - bottom), level, u);
    }

    private static void callGate(Cpu c, int selector, long gate, long back, Uop u) {
        long offset = gateOffset(c, selector, gate, u);
        int to = Descriptor.gateSelector(gate);
        long d = gateCode(c, to, true, u);
        int level = Descriptor.isConforming(d) ? c.cpl : Descriptor.dpl(d);
        checkOffset(c, offset, d, u);
        if (c.longActive()) {
            callGateLong(c, to, d, level, offset, back, u);
        } else if (level < c.cpl) {
            callInner(c, gate, to, d, level, offset, back, u);
        } else {
            int size = (Descriptor.type(gate) & 8) != 0 ? 4 : 2;
            pushReturn(c, size, back, u);
            SegmentLoad.setCode(c, to, d, level);
            c.rip = offset;
            end(c);
        }
    }

    private static void callGateLong(Cpu c, int to, long d, int level, long offset, long back, Uop u) {
        boolean inner = level < c.cpl;
        // From compatibility mode without a change of level, the same stack goes on: its address is ESP within SS.
        long top = inner ? TaskState.rsp(c, level, 0, u) : c.long64() ? c.r[Cpu.RSP] : c.r[Cpu.RSP] & Stack.mask(c);
        long bottom = top - (inner ? 32 : 16);
        pushLong(c, bottom, top, level, u);
        if (inner) {
            Stack.store(c, top - 8, 8, c.segSel[Cpu.SS], level, u);
            Stack.store(c, top - 16, 8, c.r[Cpu.RSP], level, u);
        }
        Stack.store(c, bottom + 8, 8, c.segSel[Cpu.CS], level, u);
        Stack.store(c, bottom, 8, back, level, u);
        if (inner) {
            SegmentLoad.setNullStack(c, level, level);
        }
        c.r[Cpu.RSP] = bottom;
        SegmentLoad.setCode(c, to, d, level);
        c.rip = offset;
        end(c);
    }

    private static void callInner(Cpu c, long gate, int to, long d, int level, long offset, long back, Uop u) {
        int size = (Descriptor.type(gate) & 8) != 0 ? 4 : 2;
        int count = (int) (gate >>> 32) & 31;
        int ss = TaskState.ss(c, level, 0, u);
        long esp = TaskState.esp(c, level, 0, u);
        long sd = TaskState.innerStack(c, ss, level, 0, u);
        long base = Descriptor.base(sd);
        int attr = Descriptor.attr(sd);
        Stack.check(c, base, Descriptor.limit(sd), attr, esp, 4 + count, size, ss & 0xFFFC, level, u);
        long from = c.r[Cpu.RSP];
        for (int k = 0; k < count; k++) {
            Stack.peek(c, from + (long) k * size, size, u);
        }
        esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.SS], level, u);
        esp = Stack.push(c, base, attr, esp, size, from, level, u);
        for (int k = count - 1; k >= 0; k--) {
            esp = Stack.push(c, base, attr, esp, size, Stack.peek(c, from + (long) k * size, size, u), level, u);
        }
        esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.CS], level, u);
        esp = Stack.push(c, base, attr, esp, size, back, level, u);
        SegmentLoad.set(c, Cpu.SS, ss, sd);
        SegmentLoad.setCode(c, to, d, level);
        c.rip = offset;
        end(c);
        Stack.setPointer(c, esp);
    }

    /** RETF. @param size operand size; @param drop bytes of parameters to release */
    static void ret(Cpu c, int size, int drop, Uop u) {
        long sp = c.r[Cpu.RSP];
        long offset = Stack.peek(c, sp, size, u);
        int selector = (int) Stack.peek(c, sp + size, size, u) & 0xFFFF;
        if ((c.mode & Cpu.MODE_REAL) != 0) {
            checkRealOffset(c, offset, u);
            Stack.setPointer(c, sp + 2L * size + drop);
            SegmentLoad.real(c, Cpu.CS, selector);
            c.rip = offset;
            end(c);
            return;
        }
        long d = returnCode(c, selector, u);
        checkOffset(c, offset, d, u);
        int level = selector & 3;
        if (level == c.cpl) {
            Stack.setPointer(c, sp + 2L * size + drop);
            SegmentLoad.setCode(c, selector, d, level);
            c.rip = offset;
            end(c);
            return;
        }
        long outer = sp + 2L * size + drop;
        long newSp = Stack.peek(c, outer, size, u);
        int ss = (int) Stack.peek(c, outer + size, size, u) & 0xFFFF;
        long sd = returnStack(c, ss, level, d, u);
        SegmentLoad.setCode(c, selector, d, level);
        c.rip = offset;
        toOuter(c, ss, sd, level, newSp + drop);
        SegmentLoad.dropPrivileged(c);
        c.modeChanged();
    }

    /** Checks and reads the code segment to return to; its RPL is the level. */
    static long returnCode(Cpu c, int selector, Uop u) {
        if (Descriptor.isNull(selector)) {
            throw Operands.gp(c, u);
        }
        int error = selector & 0xFFFC;
        int rpl = selector & 3;
        long d = Descriptor.read(c, selector, Cpu.GP, 0, u);
        int dpl = Descriptor.dpl(d);
        if (rpl < c.cpl || !Descriptor.isCode(d) || (Descriptor.isConforming(d) ? dpl > rpl : dpl != rpl)) {
            throw c.fault(Cpu.GP, error, u);
        }
        checkLong(c, d, error, u);
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        return Descriptor.access(c, selector, d, u);
    }

    /** Checks and reads the stack segment to return to. {@return its descriptor, 0 for a null that is allowed} */
    static long returnStack(Cpu c, int ss, int level, long code, Uop u) {
        if (Descriptor.isNull(ss)) {
            if (!c.longActive() || !Descriptor.isLong(code) || level == 3 || (ss & 3) != level) {
                throw Operands.gp(c, u);
            }
            return 0;
        }
        int error = ss & 0xFFFC;
        long sd = Descriptor.read(c, ss, Cpu.GP, 0, u);
        if ((ss & 3) != level || !Descriptor.isWritableData(sd) || Descriptor.dpl(sd) != level) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(sd)) {
            throw c.fault(Cpu.STACK, error, u);
        }
        return Descriptor.access(c, ss, sd, u);
    }

    /** Commits the stack of a return, after CS and the level were set. */
    static void toOuter(Cpu c, int ss, long sd, int level, long sp) {
        if (sd == 0) {
            SegmentLoad.setNullStack(c, ss, level);
        } else {
            SegmentLoad.set(c, Cpu.SS, ss, sd);
        }
        end(c);
        Stack.setPointer(c, sp);
    }
}
