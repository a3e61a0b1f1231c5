package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;

/**
 * What the programs of a litmus test are written with: the assembler, and the places of one instance. RAX, RCX, RDX, RDI, R8, R9 and XMM
 * registers are the program's; RBX (the instance) and RSI (what is observed) it must leave as they are.
 *
 * <pre>
 * RBX + 0, 64, 128, 192   words 0 to 3, each in a cache line of its own; eight bytes
 * RBX + 60                a word across two cache lines
 * RBX + 4092              a word across two pages          (large instances only)
 * RBX + 4096              the spare page                   (large instances only)
 * RBX + 4096 + 64         code                             (large instances only)
 * </pre>
 *
 * <p>At CPL0 each large instance also has a page of linear addresses with a page table entry of its own: the window.
 */
public final class LitmusCode {
    static final int LINE = 64;
    static final int WORDS = 4;
    static final int PAGE = 4096;
    private static final int CODE = PAGE + LINE;

    /** Where a word lies. */
    public enum Place {
        /** Eight bytes, aligned. */
        ALIGNED(0),
        /** Eight bytes, the last four in the next cache line. */
        ACROSS_LINES(LINE - 4),
        /** Eight bytes, the last four in the next page. */
        ACROSS_PAGES(PAGE - 4);

        private final int offset;

        Place(int offset) {
            this.offset = offset;
        }
    }

    private static final int PRESENT_WRITABLE = 3;

    private final Assembler a;
    private final int thread;
    private final Label sendIpi;

    LitmusCode(Assembler assembler, int thread, Label sendIpi) {
        this.a = assembler;
        this.thread = thread;
        this.sendIpi = sendIpi;
    }

    /** {@return the assembler} */
    public Assembler a() {
        return a;
    }

    /** {@return which of the test's programs this is, from 0} */
    public int thread() {
        return thread;
    }

    /** {@return word {@code n}, 0 to 3, as eight bytes} */
    public Mem word(int n) {
        return mem(RBX).disp((long) LINE * n).qword();
    }

    /** {@return the word at a place, as eight bytes} */
    public Mem at(Place place) {
        return mem(RBX).disp(place.offset).qword();
    }

    /** {@return a byte of the instance's code page, by its offset from where code begins} */
    public Mem code(int offset) {
        return mem(RBX).disp(CODE + offset);
    }

    /** Stores a number to a word. */
    public void store(int word, int value) {
        a.mov(word(word), value);
    }

    /** Loads a word and observes it. */
    public void load(int word, int slot) {
        Gpr r = slot % 2 == 0 ? R8 : R9;
        a.mov(r, word(word));
        observe(slot, r);
    }

    /** Notes a value observed; to be done after the test's own accesses. @param value eight bytes, no part of an address */
    public void observe(int slot, Gpr value) {
        a.mov(mem(RSI).disp((long) LINE * slot), value);
    }

    /** Loads two words in a row, then notes both: nothing stands between the loads. */
    public void loadBoth(int firstWord, int firstSlot, int secondWord, int secondSlot) {
        a.mov(R8, word(firstWord));
        a.mov(R9, word(secondWord));
        observe(firstSlot, R8);
        observe(secondSlot, R9);
    }

    /** Observes 1 if a condition holds now, else 0. Changes RAX. */
    public void observe(int slot, Cond condition) {
        a.set(condition, AL);
        a.movzx(EAX, AL);
        observe(slot, RAX);
    }

    /** Zeroes the four words, and the one across lines with them. */
    public void clearWords() {
        for (int n = 0; n < WORDS; n++) {
            a.mov(word(n), 0);
        }
        a.mov(at(Place.ACROSS_LINES), 0);
    }

    /** {@link #clearWords} and the word across pages. */
    public void clearAll() {
        clearWords();
        a.mov(at(Place.ACROSS_PAGES), 0);
    }

    /** Does something a number of times, counting in RCX from {@code times} down to 1. */
    public void repeat(int times, Runnable body) {
        a.mov(ECX, times);
        Label again = a.bind("again");
        body.run();
        a.dec(ECX);
        a.j(Cond.NE, again);
    }

    /** Puts the function that returns a number, 0 at first, where {@link #code} begins. Changes RAX. */
    public void writeFunction() {
        // MOV EAX, 0; RET
        a.mov(RAX, 0xC300_0000_00B8L);
        a.mov(code(0), RAX);
    }

    /** Calls the function; its number is in EAX. Changes RDX. */
    public void callFunction() {
        a.lea(RDX, code(0));
        a.call(RDX);
    }

    /** Executes CPUID, which serializes. Changes RAX, RCX, RDX and RDI. */
    public void serialize() {
        a.mov(RDI, RBX);
        a.xor(EAX, EAX);
        a.cpuid();
        a.mov(RBX, RDI);
    }

    /** {@return the first word of the spare page} */
    public Mem spare() {
        return mem(RBX).disp(PAGE).qword();
    }

    private void number(Gpr into) {
        a.mov(into, RBX);
        a.sub(into, LitmusArea.GPA);
        a.shr(into, LitmusArea.LARGE_SHIFT);
    }

    /** Puts the address of the instance's window into a register. */
    public void window(Gpr into) {
        number(into);
        a.shl(into, 12);
        a.add(into, LitmusArea.WINDOW);
    }

    /** Puts the address of the window's page table entry into a register. */
    public void windowEntry(Gpr into) {
        number(into);
        a.shl(into, 3);
        a.add(into, LitmusArea.WINDOW_TABLE);
    }

    /** Puts into a register an entry, present and writable, for the spare page, or for the words' own page. */
    public void entry(Gpr into, boolean forSpare) {
        a.lea(into, mem(RBX).disp((forSpare ? PAGE : 0) + PRESENT_WRITABLE));
    }

    /** Does something that may page-fault, and goes on after it all the same. Changes R10. */
    public void maybeFaulting(Runnable access) {
        Label resume = a.label("resume");
        a.lea(R10, mem(resume));
        access.run();
        a.bind(resume);
    }

    /** Sends the interrupt that {@link LitmusGuest} answers by INVLPG of [RDI] and a 1 in word 1 to the next processor. Changes RDI. */
    public void sendShootdown() {
        a.push(RSI);
        a.lea(EDI, mem(R15).disp(1));
        a.mov(ESI, LitmusGuest.SHOOTDOWN_COMMAND);
        a.call(sendIpi);
        a.pop(RSI);
    }
}
