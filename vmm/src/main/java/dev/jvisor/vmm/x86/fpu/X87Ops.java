package dev.jvisor.vmm.x86.fpu;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Puts the x87 instructions, opcodes D8 to DF and 9B, into the opcode table. */
public final class X87Ops {
    private static final String[] ARITHMETIC = {"FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR"};

    private X87Ops() { }

    /** Defines them all. */
    public static void register(OpcodeTable t) {
        t.def("FWAIT", ONE_BYTE, ANY, 0x9B, false, Imm.NONE, (i, e) -> e.call(X87Control::fwait));
        int[] kinds = {X87Arithmetic.M32, X87Arithmetic.I32, X87Arithmetic.M64, X87Arithmetic.I16};
        String[] names = {"m32fp", "m32int", "m64fp", "m16int"};
        for (int k = 0; k < 4; k++) {
            int kind = kinds[k];
            int size = k == 0 || k == 1 ? 4 : k == 2 ? 8 : 2;
            for (int op = 0; op < 8; op++) {
                int which = op;
                memory(t, ARITHMETIC[op] + " " + names[k], 0xD8 + 2 * k, op, size, false, X87Arithmetic::memory, which, kind, 0);
            }
        }
        loadsAndStores(t);
        controlInMemory(t);
        registers(t);
    }

    private static void loadsAndStores(OpcodeTable t) {
        int m32 = X87Arithmetic.M32;
        int m64 = X87Arithmetic.M64;
        int i16 = X87Arithmetic.I16;
        int i32 = X87Arithmetic.I32;
        int pop = X87Transfer.POP;
        int chop = X87Transfer.POP | X87Transfer.TRUNCATE;
        memory(t, "FLD m32fp", 0xD9, 0, 4, false, X87Transfer::load, 0, m32, 0);
        memory(t, "FST m32fp", 0xD9, 2, 4, true, X87Transfer::store, 0, m32, 0);
        memory(t, "FSTP m32fp", 0xD9, 3, 4, true, X87Transfer::store, 0, m32, pop);
        memory(t, "FILD m32int", 0xDB, 0, 4, false, X87Transfer::load, 0, i32, 0);
        memory(t, "FISTTP m32int", 0xDB, 1, 4, true, X87Transfer::store, 0, i32, chop);
        memory(t, "FIST m32int", 0xDB, 2, 4, true, X87Transfer::store, 0, i32, 0);
        memory(t, "FISTP m32int", 0xDB, 3, 4, true, X87Transfer::store, 0, i32, pop);
        memory(t, "FLD m80fp", 0xDB, 5, 10, false, X87Transfer::load, 0, X87Transfer.M80, 0);
        memory(t, "FSTP m80fp", 0xDB, 7, 10, true, X87Transfer::store, 0, X87Transfer.M80, pop);
        memory(t, "FLD m64fp", 0xDD, 0, 8, false, X87Transfer::load, 0, m64, 0);
        memory(t, "FISTTP m64int", 0xDD, 1, 8, true, X87Transfer::store, 0, X87Transfer.I64, chop);
        memory(t, "FST m64fp", 0xDD, 2, 8, true, X87Transfer::store, 0, m64, 0);
        memory(t, "FSTP m64fp", 0xDD, 3, 8, true, X87Transfer::store, 0, m64, pop);
        memory(t, "FILD m16int", 0xDF, 0, 2, false, X87Transfer::load, 0, i16, 0);
        memory(t, "FISTTP m16int", 0xDF, 1, 2, true, X87Transfer::store, 0, i16, chop);
        memory(t, "FIST m16int", 0xDF, 2, 2, true, X87Transfer::store, 0, i16, 0);
        memory(t, "FISTP m16int", 0xDF, 3, 2, true, X87Transfer::store, 0, i16, pop);
        memory(t, "FBLD m80bcd", 0xDF, 4, 10, false, X87Transfer::load, 0, X87Transfer.BCD, 0);
        memory(t, "FILD m64int", 0xDF, 5, 8, false, X87Transfer::load, 0, X87Transfer.I64, 0);
        memory(t, "FBSTP m80bcd", 0xDF, 6, 10, true, X87Transfer::store, 0, X87Transfer.BCD, pop);
        memory(t, "FISTP m64int", 0xDF, 7, 8, true, X87Transfer::store, 0, X87Transfer.I64, pop);
    }

    private static void controlInMemory(OpcodeTable t) {
        environment(t, "FLDENV", 0xD9, 4, 14, 28, false, X87Control::loadEnvironment);
        memory(t, "FLDCW", 0xD9, 5, 2, false, X87Control::loadControl, 0, 0, 0);
        environment(t, "FNSTENV", 0xD9, 6, 14, 28, true, X87Control::storeEnvironment);
        memory(t, "FNSTCW", 0xD9, 7, 2, true, X87Control::storeControl, 0, 0, 0);
        environment(t, "FRSTOR", 0xDD, 4, 94, 108, false, X87Control::restore);
        environment(t, "FNSAVE", 0xDD, 6, 94, 108, true, X87Control::save);
        memory(t, "FNSTSW m16", 0xDD, 7, 2, true, X87Control::storeStatus, 0, 0, 0);
    }

    private static void memory(OpcodeTable t, String name, int op, int ext, int size, boolean write, Semantic f, int d, int a, int flags) {
        t.groupMem(name, ONE_BYTE, ANY, op, ext, Imm.NONE, (i, e) -> {
            e.address(size, write);
            e.call(f, d, a, 0, lastOpcode(i)).scale = flags;
        });
    }

    private static void environment(OpcodeTable t, String name, int op, int ext, int size16, int size32, boolean write, Semantic f) {
        t.groupMem(name, ONE_BYTE, ANY, op, ext, Imm.NONE, (i, e) -> {
            boolean small = i.opSize == 2;
            e.address(small ? size16 : size32, write);
            e.call(f, 0, small ? 2 : 4, 0, lastOpcode(i));
        });
    }

    private static long lastOpcode(Insn i) {
        return (i.op & 7) << 8 | i.mod << 6 | (i.reg & 7) << 3 | i.rm & 7;
    }

    /** Defines a register form on ST(i). */
    private static void onRegister(OpcodeTable t, String name, int op, int ext, Semantic f, int d, int a, int flags) {
        t.groupReg(name, ONE_BYTE, ANY, op, ext, Imm.NONE, (i, e) -> e.call(f, d, a, i.rm & 7, lastOpcode(i)).scale = flags);
    }

    private static void registers(OpcodeTable t) {
        int[] reversed = {X87Arithmetic.ADD, X87Arithmetic.MUL, X87Arithmetic.COM, X87Arithmetic.COMP, X87Arithmetic.SUBR, X87Arithmetic.SUB,
                X87Arithmetic.DIVR, X87Arithmetic.DIV};
        for (int op = 0; op < 8; op++) {
            if (op == X87Arithmetic.COM || op == X87Arithmetic.COMP) {
                int pops = op - X87Arithmetic.COM;
                onRegister(t, ARITHMETIC[op] + " ST(i)", 0xD8, op, X87Arithmetic::compareRegister, pops, 0, 0);
                onRegister(t, ARITHMETIC[op] + "2 ST(i)", 0xDC, op, X87Arithmetic::compareRegister, pops, 0, 0);
                continue;
            }
            onRegister(t, ARITHMETIC[op] + " ST,ST(i)", 0xD8, op, X87Arithmetic::register, op, 0, 0);
            // With ST(i) as the destination the encodings of SUB and SUBR, DIV and DIVR are swapped: ST(i) - ST is E8, ST - ST(i) is E0.
            int swapped = reversed[op];
            onRegister(t, ARITHMETIC[swapped] + " ST(i),ST", 0xDC, op, X87Arithmetic::register, swapped, 0, X87Arithmetic.TO_STI);
            onRegister(t, ARITHMETIC[swapped] + "P ST(i),ST", 0xDE, op, X87Arithmetic::register, swapped, 0,
                    X87Arithmetic.TO_STI | X87Arithmetic.POP);
        }
        onRegister(t, "FCOMP5 ST(i)", 0xDE, 2, X87Arithmetic::compareRegister, 1, 0, 0);
        only(t, "FCOMPP", 0xDE, 3, 1, X87Arithmetic::compareRegister, 2, 0, 1);
        onRegister(t, "FLD ST(i)", 0xD9, 0, X87Transfer::loadRegister, 0, 0, 0);
        onRegister(t, "FXCH ST(i)", 0xD9, 1, X87Transfer::exchange, 0, 0, 0);
        onRegister(t, "FXCH4 ST(i)", 0xDD, 1, X87Transfer::exchange, 0, 0, 0);
        onRegister(t, "FXCH7 ST(i)", 0xDF, 1, X87Transfer::exchange, 0, 0, 0);
        only(t, "FNOP", 0xD9, 2, 0, X87Control::nop, 0, 0, 0);
        onRegister(t, "FSTP1 ST(i)", 0xD9, 3, X87Transfer::storeQuietly, 0, 0, 0);
        t.groupReg("FCHS FABS FTST FXAM", ONE_BYTE, ANY, 0xD9, 4, Imm.NONE, X87Ops::d9e0);
        t.groupReg("FLD constant", ONE_BYTE, ANY, 0xD9, 5, Imm.NONE, X87Ops::d9e8);
        t.groupReg("F2XM1 FYL2X FPTAN FPATAN FXTRACT FPREM1 FDECSTP FINCSTP", ONE_BYTE, ANY, 0xD9, 6, Imm.NONE, X87Ops::d9f0);
        t.groupReg("FPREM FYL2XP1 FSQRT FSINCOS FRNDINT FSCALE FSIN FCOS", ONE_BYTE, ANY, 0xD9, 7, Imm.NONE, X87Ops::d9f8);
        String[] conditions = {"B", "E", "BE", "U"};
        int[] codes = {2, 4, 6, 10};
        for (int k = 0; k < 4; k++) {
            onRegister(t, "FCMOV" + conditions[k], 0xDA, k, X87Transfer::conditional, codes[k], 0, 0);
            onRegister(t, "FCMOVN" + conditions[k], 0xDB, k, X87Transfer::conditional, codes[k] + 1, 0, 0);
        }
        only(t, "FUCOMPP", 0xDA, 5, 1, X87Arithmetic::compareRegister, 2, 1, 1);
        t.groupReg("FNENI FNDISI FNCLEX FNINIT FNSETPM", ONE_BYTE, ANY, 0xDB, 4, Imm.NONE, X87Ops::dbe0);
        onRegister(t, "FUCOMI", 0xDB, 5, X87Arithmetic::compareToFlags, 0, 1, 0);
        onRegister(t, "FCOMI", 0xDB, 6, X87Arithmetic::compareToFlags, 0, 0, 0);
        onRegister(t, "FFREE", 0xDD, 0, X87Control::free, 0, 0, 0);
        onRegister(t, "FFREEP", 0xDF, 0, X87Control::free, 1, 0, 0);
        onRegister(t, "FST ST(i)", 0xDD, 2, X87Transfer::storeRegister, 0, 0, 0);
        onRegister(t, "FSTP ST(i)", 0xDD, 3, X87Transfer::storeRegister, 0, 0, X87Transfer.POP);
        onRegister(t, "FSTP8 ST(i)", 0xDF, 2, X87Transfer::storeRegister, 0, 0, X87Transfer.POP);
        onRegister(t, "FSTP9 ST(i)", 0xDF, 3, X87Transfer::storeRegister, 0, 0, X87Transfer.POP);
        onRegister(t, "FUCOM", 0xDD, 4, X87Arithmetic::compareRegister, 0, 1, 0);
        onRegister(t, "FUCOMP", 0xDD, 5, X87Arithmetic::compareRegister, 1, 1, 0);
        only(t, "FNSTSW AX", 0xDF, 4, 0, X87Control::storeStatusAx, 0, 0, 0);
        onRegister(t, "FUCOMIP", 0xDF, 5, X87Arithmetic::compareToFlags, 1, 1, 0);
        onRegister(t, "FCOMIP", 0xDF, 6, X87Arithmetic::compareToFlags, 1, 0, 0);
    }

    /** Defines a register form that exists for one value of rm only. */
    private static void only(OpcodeTable t, String name, int op, int ext, int rm, Semantic f, int d, int a, int b) {
        t.groupReg(name, ONE_BYTE, ANY, op, ext, Imm.NONE, (i, e) -> {
            if ((i.rm & 7) == rm) {
                e.call(f, d, a, b, lastOpcode(i));
            } else {
                e.invalid();
            }
        });
    }

    private static void d9e0(Insn i, Emitter e) {
        long op = lastOpcode(i);
        switch (i.rm & 7) {
            case 0, 1 -> e.call(X87Arithmetic::sign, i.rm & 7, 0, 0, op);
            case 4 -> e.call(X87Arithmetic::test, 0, 0, 0, op);
            case 5 -> e.call(X87Arithmetic::examine, 0, 0, 0, op);
            default -> e.invalid();
        }
    }

    private static void d9e8(Insn i, Emitter e) {
        if ((i.rm & 7) == 7) {
            e.invalid();
        } else {
            e.call(X87Transfer::constant, i.rm & 7, 0, 0, lastOpcode(i));
        }
    }

    private static void d9f0(Insn i, Emitter e) {
        long op = lastOpcode(i);
        switch (i.rm & 7) {
            case 0 -> e.call(X87Arithmetic::unary, X87Arithmetic.F2XM1, 0, 0, op);
            case 1 -> e.call(X87Arithmetic::binary, X87Arithmetic.YL2X, 0, 0, op);
            case 2 -> e.call(X87Arithmetic::twoResults, 0, 0, 0, op);
            case 3 -> e.call(X87Arithmetic::binary, X87Arithmetic.PATAN, 0, 0, op);
            case 4 -> e.call(X87Arithmetic::extract, 0, 0, 0, op);
            case 5 -> e.call(X87Arithmetic::remainder, 1, 0, 0, op);
            case 6 -> e.call(X87Control::turn, 7, 0, 0, op);
            default -> e.call(X87Control::turn, 1, 0, 0, op);
        }
    }

    private static void d9f8(Insn i, Emitter e) {
        long op = lastOpcode(i);
        switch (i.rm & 7) {
            case 0 -> e.call(X87Arithmetic::remainder, 0, 0, 0, op);
            case 1 -> e.call(X87Arithmetic::binary, X87Arithmetic.YL2XP1, 0, 0, op);
            case 2 -> e.call(X87Arithmetic::unary, X87Arithmetic.SQRT, 0, 0, op);
            case 3 -> e.call(X87Arithmetic::twoResults, 1, 0, 0, op);
            case 4 -> e.call(X87Arithmetic::unary, X87Arithmetic.RNDINT, 0, 0, op);
            case 5 -> e.call(X87Arithmetic::scale, 0, 0, 0, op);
            case 6 -> e.call(X87Arithmetic::unary, X87Arithmetic.SIN, 0, 0, op);
            default -> e.call(X87Arithmetic::unary, X87Arithmetic.COS, 0, 0, op);
        }
    }

    private static void dbe0(Insn i, Emitter e) {
        switch (i.rm & 7) {
            case 0, 1, 4 -> e.call(X87Control::oldNop);
            case 2 -> e.call(X87Control::clearExceptions);
            case 3 -> e.call(X87Control::init);
            default -> e.invalid();
        }
    }
}
