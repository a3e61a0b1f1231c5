package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;

/**
 * Turns operands into steps. A memory operand is loaded into a temporary, worked on, and stored. AH, CH, DH and BH are taken out into a
 * temporary and put back. A register of 8, 4 or 2 bytes, or a low byte, is used where it is: whoever reads one ignores the bits above.
 */
public final class Operands {
    private Operands() { }

    // ---- memory

    private static <T extends Uop> T addressed(Insn i, T u) {
        u.a = i.base;
        u.b = i.index;
        u.scale = i.scale;
        u.imm = i.disp;
        u.seg = i.seg;
        return u;
    }

    private static Addressing addressing(Insn i) {
        if ((i.mode & Cpu.MODE_FLAT) == 0) {
            return Addressing.LINEAR;
        }
        boolean based = i.seg == Cpu.FS || i.seg == Cpu.GS;
        if (i.addrSize == 8) {
            return based ? Addressing.SEGMENT : i.index == Cpu.ZERO ? Addressing.BASE : Addressing.INDEX;
        }
        return i.addrSize == 4 && !based ? Addressing.WRAPPED : Addressing.LINEAR;
    }

    /** Adds a load of the memory operand into {@code r[d]}. @param signTo 0, or bytes to extend the sign to */
    public static void load(Emitter e, Insn i, int d, int bytes, int signTo) {
        Load u = switch (addressing(i)) {
            case BASE -> LoadBase.of(bytes, signTo);
            case INDEX -> LoadIndex.of(bytes, signTo);
            case SEGMENT -> LoadSegment.of(bytes, signTo);
            case WRAPPED -> LoadWrapped.of(bytes, signTo);
            case LINEAR -> {
                e.address(bytes, false);
                yield LoadLinear.of(bytes, signTo);
            }
        };
        u.d = d;
        addressed(i, e.add(u));
    }

    /** Adds a store of {@code r[d]} to the memory operand. */
    public static void store(Emitter e, Insn i, int d, int bytes) {
        Store u = switch (addressing(i)) {
            case BASE -> StoreBase.of(bytes);
            case INDEX -> StoreIndex.of(bytes);
            case SEGMENT -> StoreSegment.of(bytes);
            case WRAPPED -> StoreWrapped.of(bytes);
            case LINEAR -> {
                e.address(bytes, true);
                yield StoreLinear.of(bytes);
            }
        };
        u.d = d;
        addressed(i, e.add(u));
    }

    /** Adds a store of a constant to the memory operand. */
    static void storeConstant(Emitter e, Insn i, long value, int bytes) {
        if (addressing(i) == Addressing.BASE) {
            addressed(i, e.add(StoreConstant.of(bytes, value)));
        } else {
            constant(e, Cpu.T1, value);
            store(e, i, Cpu.T1, bytes);
        }
    }

    /** Adds the load of a read-modify-write; {@link #storeModified} must follow in the same instruction. */
    static void loadModify(Emitter e, Insn i, int d, int bytes) {
        e.address(bytes, true);
        e.add(Modify.load(bytes)).d = d;
    }

    /** Adds the store that ends a read-modify-write. It cannot fault, so flags and registers may have been changed before it. */
    static void storeModified(Emitter e, int d, int bytes) {
        e.add(Modify.store(bytes)).d = d;
    }

    // ---- registers

    /** Adds {@code r[d] = value}. */
    static void constant(Emitter e, int d, long value) {
        Uop u = e.add(new RegisterUops.Constant());
        u.d = d;
        u.imm = value;
    }

    /** Adds {@code r[d] = r[a]}, all 64 bits. */
    static void copy(Emitter e, int d, int a) {
        Uop u = e.add(new RegisterUops.Move64());
        u.d = d;
        u.a = a;
    }

    /** {@return a register whose low bytes hold the register operand {@code register}: itself, or {@code temp} for AH to BH} */
    static int source(Emitter e, Insn i, int register, int bytes, int temp) {
        if (bytes != 1 || !i.highByte(register)) {
            return register;
        }
        Uop u = e.add(new RegisterUops.TakeHigh());
        u.d = temp;
        u.a = register - 4;
        return temp;
    }

    /** Adds the write of {@code r[a]} to the register operand {@code register}, as wide as {@code bytes}: 4 clears the upper half. */
    static void write(Emitter e, Insn i, int register, int bytes, int a) {
        Uop u = e.add(switch (bytes) {
            case 8 -> new RegisterUops.Move64();
            case 4 -> new RegisterUops.Move32();
            case 2 -> new RegisterUops.Move16();
            default -> i.highByte(register) ? new RegisterUops.PutHigh() : new RegisterUops.Move8();
        });
        u.d = bytes == 1 && i.highByte(register) ? register - 4 : register;
        u.a = a;
    }

    // ---- ModRM operands

    /** {@return a register that holds the ModRM.rm operand's value: loaded into {@code temp}, or where it is} */
    static int sourceRm(Emitter e, Insn i, int bytes, int temp) {
        if (i.isMem()) {
            load(e, i, temp, bytes, 0);
            return temp;
        }
        return source(e, i, i.rm, bytes, temp);
    }

    /** {@return a register that holds the ModRM.rm operand, to be changed and handed to {@link #finishModify}} */
    static int beginModify(Emitter e, Insn i, int bytes, int temp) {
        if (i.isMem()) {
            loadModify(e, i, temp, bytes);
            return temp;
        }
        return source(e, i, i.rm, bytes, temp);
    }

    /** Ends what {@link #beginModify} began; {@code at} is the register it returned. */
    static void finishModify(Emitter e, Insn i, int bytes, int at) {
        if (i.isMem()) {
            storeModified(e, at, bytes);
        } else {
            finishRegister(e, i, i.rm, bytes, at);
        }
    }

    /** Puts a changed AH to BH back; nothing to do for others. */
    static void finishRegister(Emitter e, Insn i, int register, int bytes, int at) {
        if (at != register) {
            write(e, i, register, bytes, at);
        }
    }
}
