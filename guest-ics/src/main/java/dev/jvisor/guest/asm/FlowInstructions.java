package dev.jvisor.guest.asm;

/** Stack, jump, call and return instructions. */
abstract class FlowInstructions extends SystemInstructions {
    FlowInstructions(long origin, Mode mode) {
        super(origin, mode);
    }

    /** Pushes a register or memory. */
    public void push(Operand operand) {
        switch (operand) {
            case Gpr gpr -> plain("push", stackSize("push", gpr, gpr.bytes()), 0, 0x50, gpr);
            case Mem mem -> digit("push", stackSize("push", mem, mem.bytes()), 0, 0xFF, 6, mem, 0);
            case Seg seg -> segment("push", seg, 0);
            default -> throw wrong("push", operand);
        }
    }

    /** Pops into a register or memory. */
    public void pop(Operand operand) {
        switch (operand) {
            case Gpr gpr -> plain("pop", stackSize("pop", gpr, gpr.bytes()), 0, 0x58, gpr);
            case Mem mem -> digit("pop", stackSize("pop", mem, mem.bytes()), 0, 0x8F, 0, mem, 0);
            case Seg seg when seg != Seg.CS -> segment("pop", seg, 1);
            default -> throw wrong("pop", operand);
        }
    }

    private void segment(String name, Seg seg, int pop) {
        if (seg == Seg.FS || seg == Seg.GS) {
            plain(name, 0, 0, (seg == Seg.FS ? 0x0FA0 : 0x0FA8) | pop, null);
        } else {
            needMode(name + " " + seg, mode() != Mode.BITS64);
            plain(name, 0, 0, seg.code() << 3 | 6 | pop, null);
        }
    }

    /** The operand size to encode for an operand on the stack: 64-bit ones need no REX.W, 32-bit ones do not exist there. */
    private int stackSize(String name, Operand operand, int bytes) {
        if (mode() == Mode.BITS64) {
            if (bytes == 8 || bytes == 0) {
                return 0;
            }
            if (bytes == 2) {
                return 2;
            }
        } else if (bytes == 0) {
            return mode().operandBytes();
        } else if (bytes == 2 || bytes == 4) {
            return bytes;
        }
        throw new AssemblyException(name + " " + operand + ": no stack operand of " + bytes + " bytes in " + mode());
    }

    /** Pushes an immediate in the mode's stack width. */
    public void push(long value) {
        int bytes = mode().operandBytes();
        if (fitsSigned(value, 1)) {
            plain("push", 0, 0, 0x6A, null);
            emit(value, 1);
        } else {
            if (mode() == Mode.BITS64 ? !fitsSigned(value, 4) : !fits(value, bytes)) {
                throw new AssemblyException("push " + value + ": immediate does not fit");
            }
            plain("push", 0, 0, 0x68, null);
            emit(value, bytes);
        }
    }

    /** Pushes the flags in the mode's stack width. */
    public void pushf() {
        plain("pushf", 0, 0, 0x9C, null);
    }

    /** Pops the flags in the mode's stack width. */
    public void popf() {
        plain("popf", 0, 0, 0x9D, null);
    }

    /** Pushes the eight general registers. Not in 64-bit mode. */
    public void pusha() {
        needMode("pusha", mode() != Mode.BITS64);
        plain("pusha", 0, 0, 0x60, null);
    }

    /** Pops the eight general registers. Not in 64-bit mode. */
    public void popa() {
        needMode("popa", mode() != Mode.BITS64);
        plain("popa", 0, 0, 0x61, null);
    }

    /** Jumps, taking the short form when the label is bound and near. */
    public void jmp(Label target) {
        branch("jmp", 0xEB, 0xE9, target);
    }

    /** Jumps by the short form. */
    public void jmpShort(Label target) {
        plain("jmp", 0, 0, 0xEB, null);
        reference(target, 1, -1, true, "jmp short");
    }

    /** Jumps through a register or memory. */
    public void jmp(Operand target) {
        indirect("jmp", 4, target);
    }

    /** Calls. */
    public void call(Label target) {
        branch("call", -1, 0xE8, target);
    }

    /** Calls through a register or memory. */
    public void call(Operand target) {
        indirect("call", 2, target);
    }

    private void indirect(String name, int number, Operand target) {
        int bytes = switch (target) {
            case Gpr gpr -> gpr.bytes();
            case Mem mem -> mem.bytes();
            default -> throw wrong(name, target);
        };
        digit(name, stackSize(name, target, bytes), 0, 0xFF, number, target, 0);
    }

    /** Jumps if, taking the short form when the label is bound and near. */
    public void j(Cond condition, Label target) {
        branch("j" + condition, 0x70 | condition.code(), 0x0F80 | condition.code(), target);
    }

    /** Jumps if, by the short form. */
    public void jShort(Cond condition, Label target) {
        plain("j" + condition, 0, 0, 0x70 | condition.code(), null);
        reference(target, 1, -1, true, "j" + condition + " short");
    }

    private void branch(String name, int shortOpcode, int longOpcode, Label target) {
        if (shortOpcode >= 0 && target.isBound() && target.offset() - (offset() + 2) >= -128) {
            plain(name, 0, 0, shortOpcode, null);
            reference(target, 1, -1, true, name);
        } else {
            int bytes = mode().operandBytes();
            plain(name, 0, 0, longOpcode, null);
            reference(target, bytes, -bytes, true, name);
        }
    }

    /** Jumps when the count register of the mode's address width is zero. Short only. */
    public void jcxz(Label target) {
        counted("jcxz", 0xE3, target);
    }

    /** Counts down and jumps while not zero. Short only. */
    public void loop(Label target) {
        counted("loop", 0xE2, target);
    }

    private void counted(String name, int opcode, Label target) {
        plain(name, 0, 0, opcode, null);
        reference(target, 1, -1, true, name);
    }

    /** Returns. */
    public void ret() {
        plain("ret", 0, 0, 0xC3, null);
    }

    /** Returns and drops bytes of arguments. */
    public void ret(int bytes) {
        plain("ret", 0, 0, 0xC2, null);
        immediate("ret", bytes, 2);
    }

    /** Makes a stack frame. */
    public void enter(int bytes, int level) {
        plain("enter", 0, 0, 0xC8, null);
        immediate("enter", bytes, 2);
        immediate("enter", level, 1);
    }

    /** Removes a stack frame. */
    public void leave() {
        plain("leave", 0, 0, 0xC9, null);
    }
}
