package dev.jvisor.guest.asm;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Labels, data and the texts of errors, which need no oracle. */
class AssemblerTest {
    private static void bytes(String hex, Mode mode, Consumer<Assembler> code) {
        Assembler a = new Assembler(0x1000, mode);
        code.accept(a);
        assertEquals(hex, HexFormat.ofDelimiter(" ").formatHex(a.assemble()));
    }

    private static void refuses(String text, Mode mode, Consumer<Assembler> code) {
        Assembler a = new Assembler(0x1000, mode);
        AssemblyException e = assertThrows(AssemblyException.class, () -> {
            code.accept(a);
            a.assemble();
        });
        assertTrue(e.getMessage().contains(text), e.getMessage());
    }

    @Test
    void labelsGiveAddressesInData() {
        bytes("0c 10 00 00 0c 10 00 00 00 00 00 00 90", Mode.BITS64, a -> {
            Label end = a.label("end");
            a.dd(end);
            a.dq(end);
            a.bind(end);
            a.nop();
        });
    }

    @Test
    void labelsGiveAddressesInInstructions() {
        bytes("b8 0d 10 00 00 8b 83 0d 10 00 00 eb fe", Mode.BITS32, a -> {
            Label end = a.label("end");
            a.mov(EAX, end);
            a.mov(EAX, mem(EBX).at(end));
            Label self = a.bind("self");
            a.jmp(self);
            a.bind(end);
        });
        bytes("66 ea 08 10 00 00 10 00", Mode.BITS16, a -> {
            Label end = a.label("end");
            a.jmpFar(0x10, end, 4);
            a.bind(end);
        });
    }

    @Test
    void modesMayFollowEachOther() {
        bytes("66 b8 01 00 00 00 b8 01 00 00 00 48 c7 c0 01 00 00 00", Mode.BITS16, a -> {
            a.mov(EAX, 1);
            a.bits(Mode.BITS32);
            a.mov(EAX, 1);
            a.bits(Mode.BITS64);
            a.mov(RAX, 1);
        });
    }

    @Test
    void dataAndAlignment() {
        bytes("01 ff 34 12 00 00 00 00 41 42 00 00 00 00 00 00", Mode.BITS64, a -> {
            a.db(1, -1);
            a.dw(0x1234);
            a.align(8);
            a.asciz("AB");
            a.padTo(16);
        });
        Assembler a = new Assembler(0x1004, Mode.BITS64);
        a.align(16);
        assertEquals(0x1010, a.here());
        assertArrayEquals(new byte[12], a.assemble());
    }

    @Test
    void refusesOperandsOfDifferentSizes() {
        refuses("mov rax, ecx: operands have different sizes: 8 and 4 bytes", Mode.BITS64, a -> a.mov(RAX, ECX));
    }

    @Test
    void refusesMemoryOfUnknownSize() {
        refuses("size of the memory operand is not known", Mode.BITS64, a -> a.inc(mem(RAX)));
    }

    @Test
    void refusesWideRegistersOutsideLongMode() {
        refuses("only in 64-bit mode", Mode.BITS32, a -> a.mov(RAX, RBX));
        refuses("only in 64-bit mode", Mode.BITS32, a -> a.mov(R8D, EAX));
        refuses("only in 64-bit mode", Mode.BITS16, a -> a.mov(SIL, AL));
    }

    @Test
    void refusesHighBytesBesideRex() {
        refuses("can not be used in an instruction that needs REX", Mode.BITS64, a -> a.mov(AH, R8B));
        refuses("can not be used in an instruction that needs REX", Mode.BITS64, a -> a.mov(mem(R8), AH));
    }

    @Test
    void refusesImmediatesThatDoNotFit() {
        refuses("immediate does not fit", Mode.BITS64, a -> a.add(AL, 256));
        refuses("sign-extended 32-bit", Mode.BITS64, a -> a.add(RAX, 0x80000000L));
    }

    @Test
    void refusesAddressesThatDoNotFit() {
        refuses("put the address in a register", Mode.BITS64, a -> a.mov(EAX, mem(0xFEE00000L)));
        refuses("not a 16-bit address", Mode.BITS16, a -> a.mov(AX, mem(BX).index(BP, 1)));
        refuses("can not be an index", Mode.BITS64, a -> a.mov(EAX, mem(RAX).index(RSP, 1)));
        refuses("scale of an index", Mode.BITS64, a -> a.mov(EAX, mem(RAX).index(RCX, 3)));
    }

    @Test
    void refusesMemoryToMemory() {
        refuses("does not take these operands", Mode.BITS64, a -> a.mov(mem(RAX).dword(), mem(RBX).dword()));
        refuses("does not take these operands", Mode.BITS64, a -> a.shl(EAX, DL));
    }

    @Test
    void refusesLabelsOutOfReachOrUnbound() {
        refuses("'far' is out of reach", Mode.BITS64, a -> {
            Label far = a.label("far");
            a.jmpShort(far);
            a.zeros(128);
            a.bind(far);
        });
        refuses("'never' is not bound", Mode.BITS64, a -> a.jmp(a.label("never")));
        refuses("bound twice", Mode.BITS64, a -> a.bind(a.bind("twice")));
        refuses("belongs to another assembler", Mode.BITS64, a -> a.jmp(new Assembler(0, Mode.BITS64).bind("there")));
    }

    @Test
    void refusesWhatTheModeDoesNotHave() {
        refuses("not encodable in BITS64", Mode.BITS64, Assembler::pusha);
        refuses("no stack operand of 4 bytes", Mode.BITS64, a -> a.push(EAX));
        refuses("a port above 255 must be in dx", Mode.BITS64, a -> a.out(0x3F8, AL));
        refuses("ports are read and written through al, ax or eax", Mode.BITS64, a -> a.out(DX, BL));
    }
}
