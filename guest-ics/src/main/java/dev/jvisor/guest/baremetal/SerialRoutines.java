package dev.jvisor.guest.baremetal;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Mode;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Printing over COM1 (a 16550 at 0x3F8), polling LSR before each byte: routines for the mode they are emitted in, and
 * calls of them. Texts collect here and are emitted with the routines by {@link #emit()}, which must come after the last
 * call of the print methods. Registers are preserved but for the accumulator and the source index.
 */
public final class SerialRoutines {
    private static final int DATA = 0x3F8;
    private static final int LINE_STATUS = DATA + 5;
    private static final int TRANSMITTER_EMPTY = 0x20;
    /** Register offset and value of each write that sets 115200 baud, 8N1, FIFOs on, no interrupts. */
    private static final int[][] SETUP = {{1, 0}, {3, 0x80}, {0, 1}, {1, 0}, {3, 3}, {2, 7}, {4, 3}};

    private final Assembler a;
    private final Mode mode;
    private final Label putChar;
    private final Label printString;
    private final Label printDecimal;
    private final Label printHex;
    private final Map<String, Label> texts = new LinkedHashMap<>();

    /**
     * Makes routines for the assembler's current mode.
     *
     * @param assembler where to
     */
    public SerialRoutines(Assembler assembler) {
        a = assembler;
        mode = assembler.mode();
        putChar = a.label("putChar" + mode);
        printString = a.label("printString" + mode);
        printDecimal = a.label("printDecimal" + mode);
        printHex = a.label("printHex" + mode);
    }

    private Gpr register(int code) {
        return Gpr.of(mode.addressBytes(), code);
    }

    private Gpr accumulator() {
        return register(0);
    }

    /** Emits, inline, the set-up of the port. */
    public void setUp() {
        for (int[] write : SETUP) {
            a.mov(Gpr.DX, DATA + write[0]);
            a.mov(Gpr.AL, write[1]);
            a.out(Gpr.DX, Gpr.AL);
        }
    }

    /**
     * Emits the printing of a text.
     *
     * @param text ASCII
     */
    public void print(String text) {
        a.mov(register(6), texts.computeIfAbsent(text, t -> a.label("text '" + t.strip() + "'")));
        a.call(printString);
    }

    /**
     * Emits the printing of a text and an end of line.
     *
     * @param text ASCII
     */
    public void printLine(String text) {
        print(text + "\r\n");
    }

    /** Emits the printing of the text, ended by a zero byte, that the source index points to. */
    public void printText() {
        a.call(printString);
    }

    /** Emits the printing of the character in AL. */
    public void printCharacter() {
        a.call(putChar);
    }

    /** Emits the printing of the accumulator (AX, EAX, RAX) as an unsigned decimal number. */
    public void printDecimal() {
        a.call(printDecimal);
    }

    /**
     * Emits the printing of a variable as an unsigned decimal number.
     *
     * @param variable of the mode's width
     */
    public void printDecimal(Mem variable) {
        a.mov(accumulator(), variable);
        printDecimal();
    }

    /** Emits the printing of the accumulator as a hexadecimal number of all its digits. */
    public void printHex() {
        a.call(printHex);
    }

    /** Emits the routines and the texts. Not to be run into. */
    public void emit() {
        Gpr ax = accumulator();
        Gpr cx = register(1);
        Gpr dx = register(2);
        Gpr bx = register(3);

        a.bind(putChar);
        a.push(dx);
        a.push(ax);
        a.mov(Gpr.DX, LINE_STATUS);
        Label busy = a.bind("busy");
        a.in(Gpr.AL, Gpr.DX);
        a.test(Gpr.AL, TRANSMITTER_EMPTY);
        a.j(Cond.E, busy);
        a.pop(ax);
        a.mov(Gpr.DX, DATA);
        a.out(Gpr.DX, Gpr.AL);
        a.pop(dx);
        a.ret();

        a.bind(printString);
        Label end = a.label("end");
        Label next = a.bind("next");
        a.lods(1);
        a.test(Gpr.AL, Gpr.AL);
        a.jShort(Cond.E, end);
        a.call(putChar);
        a.jmp(next);
        a.bind(end);
        a.ret();

        // Digits are pushed from the last to the first, above a zero that ends them.
        a.bind(printDecimal);
        a.push(dx);
        a.push(cx);
        a.mov(Gpr.of(Math.min(4, mode.addressBytes()), 1), 10);
        a.push(0);
        Label divide = a.bind("divide");
        a.xor(Gpr.of(Math.min(4, mode.addressBytes()), 2), Gpr.of(Math.min(4, mode.addressBytes()), 2));
        a.div(cx);
        a.add(dx, '0');
        a.push(dx);
        a.test(ax, ax);
        a.j(Cond.NE, divide);
        Label digit = a.bind("digit");
        Label digitsEnd = a.label("digitsEnd");
        a.pop(ax);
        a.test(Gpr.AL, Gpr.AL);
        a.jShort(Cond.E, digitsEnd);
        a.call(putChar);
        a.jmp(digit);
        a.bind(digitsEnd);
        a.pop(cx);
        a.pop(dx);
        a.ret();

        a.bind(printHex);
        a.push(cx);
        a.push(bx);
        a.mov(bx, ax);
        a.mov(Gpr.of(Math.min(4, mode.addressBytes()), 1), 2 * mode.addressBytes());
        Label nibble = a.bind("nibble");
        a.rol(bx, 4);
        a.mov(Gpr.AL, Gpr.BL);
        a.and(Gpr.AL, 15);
        a.add(Gpr.AL, '0');
        a.cmp(Gpr.AL, '9');
        Label decimal = a.label("decimal");
        a.jShort(Cond.BE, decimal);
        a.add(Gpr.AL, 'a' - '9' - 1);
        a.bind(decimal);
        a.call(putChar);
        a.dec(Gpr.of(Math.min(4, mode.addressBytes()), 1));
        a.j(Cond.NE, nibble);
        a.pop(bx);
        a.pop(cx);
        a.ret();

        texts.forEach((text, label) -> {
            a.bind(label);
            a.asciz(text);
        });
        texts.clear();
    }
}
