package dev.jvisor.guest.asm;

/**
 * Turns an opcode and operands into bytes: prefixes, REX, opcode, ModRM, SIB, displacement, immediate, in the order GNU
 * {@code as} writes them (segment, address size, operand size, repeat, lock, REX). Intel SDM volume 2, chapter 2.
 */
abstract class InstructionEncoder extends CodeBuffer {
    private Mode mode;
    private int pendingRepeat;
    private boolean pendingLock;

    InstructionEncoder(long origin, Mode mode) {
        super(origin);
        this.mode = mode;
    }

    /** {@return the mode instructions are assembled for} */
    public Mode mode() {
        return mode;
    }

    /**
     * Assembles what follows for a mode. Writes nothing: the code itself must switch the processor.
     *
     * @param next the mode
     */
    public void bits(Mode next) {
        mode = next;
    }

    final void pendRepeat(int prefix) {
        pendingRepeat = prefix;
    }

    final void pendLock() {
        pendingLock = true;
    }

    /**
     * An instruction without ModRM.
     *
     * @param size operand size in bytes, deciding the 0x66 prefix and REX.W; 0 for neither
     * @param low  register encoded in the opcode's low bits, or null
     */
    final void plain(String name, int size, int prefix, int opcode, Gpr low) {
        checkSize(name, size);
        int rex = size == 8 ? 0x48 : 0;
        if (low != null) {
            rex |= rexFor(name, low, 1);
        }
        prefixes(name, null, 0, size, prefix, rex);
        opcode(low == null ? opcode : opcode | low.code() & 7);
    }

    /** An instruction with a register in ModRM.reg; see {@link #digit}. */
    final void modrm(String name, int size, int prefix, int opcode, Operand reg, Operand rm, int immediateBytes) {
        int code = code(reg);
        int rex = reg instanceof Gpr gpr ? rexFor(name, gpr, 4) : code >= 8 ? 0x44 : 0;
        boolean high = reg instanceof Gpr gpr && gpr.isHighByte();
        encode(name, size, prefix, opcode, code, rex, high, rm, immediateBytes);
    }

    /**
     * An instruction with an opcode extension in ModRM.reg.
     *
     * @param prefix         mandatory prefix (0x66, 0xF2, 0xF3) or 0
     * @param opcode         one to three bytes, big endian, escapes included
     * @param immediateBytes how many bytes of immediate the caller writes next; RIP-relative operands count from the end
     */
    final void digit(String name, int size, int prefix, int opcode, int digit, Operand rm, int immediateBytes) {
        encode(name, size, prefix, opcode, digit, 0, false, rm, immediateBytes);
    }

    /** Writes an immediate that may be given signed or unsigned. */
    final void immediate(String name, long value, int bytes) {
        if (!fits(value, bytes)) {
            throw new AssemblyException(name + ": immediate does not fit: value=" + value + ", bytes=" + bytes);
        }
        emit(value, bytes);
    }

    /**
     * The size of an operation from its operands.
     *
     * @throws AssemblyException if they disagree, or none tells
     */
    static int sizeOf(String name, Operand first, Operand second) {
        int a = bytes(first);
        int b = second == null ? 0 : bytes(second);
        if (a != 0 && b != 0 && a != b) {
            throw new AssemblyException(name + " " + first + ", " + second + ": operands have different sizes: " + a + " and " + b + " bytes");
        }
        int size = Math.max(a, b);
        if (size != 1 && size != 2 && size != 4 && size != 8) {
            throw new AssemblyException(name + " " + first + (second == null ? "" : ", " + second) + (size == 0
                    ? ": size of the memory operand is not known, give it one: mem(...).dword()"
                    : ": no operand size of this instruction: bytes=" + size));
        }
        return size;
    }

    static AssemblyException wrong(String name, Operand... operands) {
        StringBuilder text = new StringBuilder(name);
        String before = " ";
        for (Operand operand : operands) {
            text.append(before).append(operand);
            before = ", ";
        }
        return new AssemblyException(text.append(": the instruction does not take these operands").toString());
    }

    /** {@return whether it is AL, AX, EAX or RAX, which some instructions have a shorter form for} */
    static boolean isAccumulator(Gpr gpr) {
        return gpr.code() == 0 && !gpr.isHighByte();
    }

    /** Refuses an immediate that an operation of this size, 1 to 8 bytes, does not take; 8 bytes take a sign-extended 4. */
    static void checkImmediate(String name, Operand dst, long value, int size) {
        if (size == 8 ? !fitsSigned(value, 4) : !fits(value, size)) {
            throw new AssemblyException(name + " " + dst + ", " + value + ": immediate does not fit"
                    + (size == 8 ? " (a sign-extended 32-bit one is needed)" : ""));
        }
    }

    final void needMode(String name, boolean possible) {
        if (!possible) {
            throw new AssemblyException(name + ": not encodable in " + mode);
        }
    }

    private static int bytes(Operand operand) {
        return switch (operand) {
            case Gpr gpr -> gpr.bytes();
            case Mem mem -> mem.bytes();
            default -> throw new AssemblyException(operand + ": not a general register or memory");
        };
    }

    private static int code(Operand register) {
        return switch (register) {
            case Gpr gpr -> gpr.code();
            case Xmm xmm -> xmm.code();
            case Seg seg -> seg.code();
            case Cr cr -> cr.code();
            case Dr dr -> dr.code();
            case Mem mem -> throw new AssemblyException(mem + ": a register is needed here");
        };
    }

    private void checkSize(String name, int size) {
        if (size == 8 && mode != Mode.BITS64) {
            throw new AssemblyException(name + ": 64-bit operands exist only in 64-bit mode, not in " + mode);
        }
    }

    /** The REX bits a register needs: {@code bit} (1 B, 2 X, 4 R) when its number is 8 or more. */
    private int rexFor(String name, Gpr register, int bit) {
        if (mode != Mode.BITS64 && (register.needsRex() || register.bytes() == 8)) {
            throw new AssemblyException(name + ": register " + register + " exists only in 64-bit mode, not in " + mode);
        }
        int rex = register.bytes() == 1 && register.needsRex() ? 0x40 : 0;
        return register.code() >= 8 ? rex | 0x40 | bit : rex;
    }

    private void encode(String name, int size, int prefix, int opcode, int regCode, int regRex, boolean highByte, Operand rm,
            int immediateBytes) {
        checkSize(name, size);
        int rex = regRex | (size == 8 ? 0x48 : 0);
        if (rm instanceof Mem mem) {
            if (mem.base() != null) {
                rex |= rexFor(name, mem.base(), 1);
            }
            if (mem.index() != null) {
                rex |= rexFor(name, mem.index(), 2);
            }
            checkHighByte(name, highByte, rex);
            prefixes(name, mem.segment(), addressPrefix(name, mem), size, prefix, rex);
            opcode(opcode);
            memory(name, regCode & 7, mem, immediateBytes);
        } else {
            int rmCode = code(rm);
            boolean high = highByte;
            if (rm instanceof Gpr gpr) {
                rex |= rexFor(name, gpr, 1);
                high |= gpr.isHighByte();
            } else if (rmCode >= 8) {
                rex |= 0x41;
            }
            checkHighByte(name, high, rex);
            prefixes(name, null, 0, size, prefix, rex);
            opcode(opcode);
            emit(0xC0 | (regCode & 7) << 3 | rmCode & 7, 1);
        }
    }

    private void checkHighByte(String name, boolean high, int rex) {
        if (high && rex != 0) {
            throw new AssemblyException(name + ": ah, ch, dh and bh can not be used in an instruction that needs REX");
        }
        if (rex != 0 && mode != Mode.BITS64) {
            throw new AssemblyException(name + ": registers 8 to 15 exist only in 64-bit mode, not in " + mode);
        }
    }

    private void prefixes(String name, Seg segment, int address, int size, int mandatory, int rex) {
        if (segment != null) {
            emit(switch (segment) {
                case ES -> 0x26;
                case CS -> 0x2E;
                case SS -> 0x36;
                case DS -> 0x3E;
                case FS -> 0x64;
                case GS -> 0x65;
            }, 1);
        }
        if (address != 0) {
            emit(address, 1);
        }
        boolean otherSize = size == 2 && mode != Mode.BITS16 || size == 4 && mode == Mode.BITS16;
        if (otherSize || mandatory == 0x66) {
            emit(0x66, 1);
        }
        if (pendingRepeat != 0) {
            if (mandatory == 0xF2 || mandatory == 0xF3) {
                throw new AssemblyException(name + ": can not be repeated");
            }
            emit(pendingRepeat, 1);
            pendingRepeat = 0;
        }
        if (mandatory == 0xF2 || mandatory == 0xF3) {
            emit(mandatory, 1);
        }
        if (pendingLock) {
            emit(0xF0, 1);
            pendingLock = false;
        }
        if (rex != 0) {
            emit(rex, 1);
        }
    }

    private void opcode(int opcode) {
        if (opcode > 0xFFFF) {
            emit(opcode >>> 16, 1);
        }
        if (opcode > 0xFF) {
            emit(opcode >>> 8, 1);
        }
        emit(opcode, 1);
    }

    private int addressPrefix(String name, Mem mem) {
        int width = mem.addressBytes();
        if (width == 0 || width == mode.addressBytes()) {
            return 0;
        }
        if (width == 8 || width == 2 && mode == Mode.BITS64) {
            throw new AssemblyException(name + " " + mem + ": these address registers are not usable in " + mode);
        }
        return 0x67;
    }

    private void memory(String name, int reg, Mem mem, int immediateBytes) {
        int width = mem.addressBytes() == 0 ? mode.addressBytes() : mem.addressBytes();
        if (width == 2) {
            memory16(name, reg, mem);
            return;
        }
        Gpr base = mem.base();
        Gpr index = mem.index();
        if (base == null && index == null) {
            if (mode != Mode.BITS64) {
                emit(reg << 3 | 5, 1);
                displacement(name, mem, 4);
            } else if (mem.label() != null) {
                emit(reg << 3 | 5, 1);
                reference(mem.label(), 4, mem.disp() - 4 - immediateBytes, true, name + " " + mem);
            } else {
                emit(reg << 3 | 4, 1);
                emit(0x25, 1);
                displacement(name, mem, 4);
            }
            return;
        }
        int mod;
        if (base == null) {
            mod = 0;
        } else if (mem.label() != null) {
            mod = 2;
        } else if (mem.disp() == 0 && (base.code() & 7) != 5) {
            mod = 0;
        } else {
            mod = fitsSigned(mem.disp(), 1) ? 1 : 2;
        }
        if (index != null || (base.code() & 7) == 4) {
            emit(mod << 6 | reg << 3 | 4, 1);
            int scaleBits = Integer.numberOfTrailingZeros(mem.scale()) << 6;
            emit(scaleBits | (index == null ? 4 : index.code() & 7) << 3 | (base == null ? 5 : base.code() & 7), 1);
        } else {
            emit(mod << 6 | reg << 3 | base.code() & 7, 1);
        }
        if (base == null || mod == 2) {
            displacement(name, mem, 4);
        } else if (mod == 1) {
            emit(mem.disp(), 1);
        }
    }

    /** Intel SDM volume 2, table 2-1. */
    private void memory16(String name, int reg, Mem mem) {
        if (mem.base() == null && mem.index() == null) {
            emit(reg << 3 | 6, 1);
            displacement(name, mem, 2);
            return;
        }
        int rm = mem.scale() != 1 ? -1 : switch (mem.base()) {
            case BX -> mem.index() == null ? 7 : mem.index() == Gpr.SI ? 0 : mem.index() == Gpr.DI ? 1 : -1;
            case BP -> mem.index() == null ? 6 : mem.index() == Gpr.SI ? 2 : mem.index() == Gpr.DI ? 3 : -1;
            case SI -> mem.index() == null ? 4 : mem.index() == Gpr.BX ? 0 : mem.index() == Gpr.BP ? 2 : -1;
            case DI -> mem.index() == null ? 5 : mem.index() == Gpr.BX ? 1 : mem.index() == Gpr.BP ? 3 : -1;
            case null, default -> -1;
        };
        if (rm < 0) {
            throw new AssemblyException(name + " " + mem + ": not a 16-bit address (bx or bp, plus si or di)");
        }
        int mod = mem.label() != null ? 2 : mem.disp() == 0 && rm != 6 ? 0 : fitsSigned(mem.disp(), 1) ? 1 : 2;
        emit(mod << 6 | reg << 3 | rm, 1);
        if (mod == 2) {
            displacement(name, mem, 2);
        } else if (mod == 1) {
            emit(mem.disp(), 1);
        }
    }

    private void displacement(String name, Mem mem, int bytes) {
        if (mem.label() != null) {
            reference(mem.label(), bytes, mem.disp(), false, name + " " + mem);
            return;
        }
        boolean reachable = mode == Mode.BITS64 && mem.addressBytes() != 4 ? fitsSigned(mem.disp(), bytes) : fits(mem.disp(), bytes);
        if (!reachable) {
            throw new AssemblyException(name + " " + mem + ": displacement does not fit in " + bytes
                    + " bytes" + (mode == Mode.BITS64 ? " sign-extended; put the address in a register" : ""));
        }
        emit(mem.disp(), bytes);
    }
}
