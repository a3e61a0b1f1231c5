package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;

/**
 * x87 errors as DOS programs met them: in real mode, by IRQ 13 with CR0.NE clear, then by #MF with CR0.NE set. Each round divides by zero, looks
 * at the status word and prints, which no error hinders, and executes an instruction that waits; then it prints
 *
 * <pre>
 *   NAME: status word before, interrupts so far (INT 75h, and #MF times 256), bytes from that instruction to where the handler
 *         returns, status word in the handler
 * </pre>
 *
 * in hexadecimal. The handler of INT 75h writes to port F0h and then uses the x87, with instructions that wait as well, before it clears
 * the error and ends the interrupt at both PICs. A flat binary that is also a boot sector, without parameters.
 */
public final class X87ErrorGuest {
    private static final int ADDRESS = 0x7C00;
    private static final int SECTOR_BYTES = 512;
    private static final int VECTOR_MF = 0x10;
    private static final int VECTOR_IRQ13 = 0x75;
    /** Everything masked but the cascade, and IRQ 13. */
    private static final int MASTER_MASK = 0xFB, SLAVE_MASK = 0xDF;
    private static final int CR0_NE = 0x20;
    private static final int CR0_MP_EM_TS_NE = 0x2E;
    /** All masked but division by zero. */
    private static final int CONTROL = 0x37B;

    private final Assembler a = new Assembler(ADDRESS, Mode.BITS16);
    private final SerialRoutines serial = new SerialRoutines(a);
    private final Label control = a.label("control");
    private final Label count = a.label("count");
    private final Label returns = a.label("returns");
    private final Label inHandler = a.label("inHandler");
    private final Label divide = a.label("divide");
    private final Label report = a.label("report");

    private X87ErrorGuest() { }

    /** {@return the guest} */
    public static GuestProgram program() {
        return new X87ErrorGuest().build();
    }

    private GuestProgram build() {
        Label irq13 = a.label("irq13");
        Label mf = a.label("mf");
        setUp(irq13, mf);
        round("FWAIT", 0x9B);
        round("FLD1", 0xD9, 0xE8);
        round("EMMS", 0x0F, 0x77);
        a.mov(EAX, Cr.CR0);
        a.or(AL, CR0_NE);
        a.mov(Cr.CR0, EAX);
        round("NE", 0x9B);
        PowerOff.emit(a, 0);

        a.bind(divide);
        a.db(0xDB, 0xE3); // fninit
        a.mov(BX, control);
        a.db(0xD9, 0x2F); // fldcw [bx]
        a.db(0xD9, 0xE8, 0xD9, 0xEE, 0xDE, 0xF9); // fld1; fldz; fdivp
        a.db(0xDF, 0xE0); // fnstsw ax
        a.ret();

        a.bind(report);
        for (Label word : new Label[] {count, returns, inHandler}) {
            a.mov(AX, mem(word));
            serial.printHex();
            a.mov(AL, ' ');
            serial.printCharacter();
        }
        serial.print("\r\n");
        a.ret();

        a.bind(irq13);
        a.push(AX);
        a.inc(word(count));
        a.out(0xF0, AL);
        a.db(0x9B, 0xD9, 0xE8, 0xDD, 0xD8); // fwait; fld1; fstp st(0)
        noteAndClear();
        a.mov(AL, 0x20);
        a.out(Pics.SLAVE_COMMAND, AL);
        a.out(Pics.MASTER_COMMAND, AL);
        a.pop(AX);
        a.iretw();

        a.bind(mf);
        a.push(AX);
        a.add(word(count), 0x100);
        noteAndClear();
        a.pop(AX);
        a.iretw();

        serial.emit();
        a.bind(control);
        a.dw(CONTROL);
        for (Label word : new Label[] {count, returns, inHandler}) {
            a.bind(word);
            a.dw(0);
        }
        a.padTo(SECTOR_BYTES - 2);
        a.dw(0xAA55);
        return new GuestProgram("x87-error", a.assemble(), ADDRESS, ADDRESS, EntryMode.REAL_16);
    }

    private static Mem word(Label label) {
        return mem(label).word();
    }

    private void setUp(Label irq13, Label mf) {
        a.cli();
        a.cld();
        a.xor(AX, AX);
        a.mov(Seg.DS, AX);
        a.mov(Seg.SS, AX);
        a.mov(SP, ADDRESS);
        a.mov(mem(4 * VECTOR_IRQ13 + 2), AX);
        a.mov(mem(4 * VECTOR_MF + 2), AX);
        a.mov(AX, irq13);
        a.mov(mem(4 * VECTOR_IRQ13), AX);
        a.mov(AX, mf);
        a.mov(mem(4 * VECTOR_MF), AX);
        // At their usual vectors.
        Pics.initialize(a, 0x08, 0x70);
        Pics.write(a, Pics.MASTER_MASK, MASTER_MASK);
        Pics.write(a, Pics.SLAVE_MASK, SLAVE_MASK);
        a.mov(EAX, Cr.CR0);
        a.and(AL, ~CR0_MP_EM_TS_NE & 0xFF);
        a.mov(Cr.CR0, EAX);
        serial.setUp();
        a.sti();
    }

    /** Keeps the status word, and how far the return address, below the saved AX, is from the instruction at DI; clears the error. */
    private void noteAndClear() {
        a.db(0xDF, 0xE0); // fnstsw ax
        a.mov(mem(inHandler), AX);
        a.db(0xDB, 0xE2); // fnclex
        a.push(BP);
        a.mov(BP, SP);
        a.mov(AX, mem(BP).disp(4));
        a.sub(AX, DI);
        a.mov(mem(returns), AX);
        a.pop(BP);
    }

    private void round(String name, int... instruction) {
        Label here = a.label(name);
        serial.print(name + ": ");
        a.mov(DI, here);
        a.call(divide);
        serial.printHex();
        a.mov(AL, ' ');
        serial.printCharacter();
        a.bind(here);
        a.db(instruction);
        a.call(report);
    }
}
