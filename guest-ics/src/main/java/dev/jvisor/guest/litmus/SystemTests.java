package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Seg;
import dev.jvisor.guest.baremetal.TimeStampCounter;
import dev.jvisor.guest.litmus.LitmusTest.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Code that is stored to while it is run, by the protocols of SDM volume 3, 9.1.3; and page tables that one processor changes and another
 * walks: accessed and dirty bits (5.8), invalidation (5.10); and the time-stamp counter, which is one for all (3B, 18.17).
 */
public final class SystemTests {
    private static final int ACCESSED_DIRTY = 0x60;
    private static final int SOFTWARE_BIT = 1 << 9;

    private SystemTests() {
    }

    /** {@return all of them} */
    public static List<LitmusTest> all() {
        List<LitmusTest> tests = new ArrayList<>();
        code(tests);
        pageTables(tests);
        time(tests);
        return tests;
    }

    private static void code(List<LitmusTest> to) {
        to.add(LitmusTest.named("SMC").large().before(LitmusCode::writeFunction).thread(c -> {
            c.callFunction();
            c.a().mov(c.code(1).dword(), 1);
            c.callFunction();
            c.observe(0, RAX);
        }).never(1, o -> o[0] != 1));
        to.add(crossModified("XMC", c -> { }, LitmusCode::serialize));
        // The first store to the page is the one that a translator notices; it may then think that the page is only data.
        to.add(crossModified("XMC+two-stores", c -> c.a().mov(c.code(64).dword(), 0), LitmusCode::serialize));
        to.add(crossModified("XMC+iret", c -> c.a().mov(c.code(64).dword(), 0), SystemTests::interruptReturn));
    }

    /** One changes a function and then raises a flag; the other, once it has seen the flag and has serialized, must run the new one. */
    private static LitmusTest crossModified(String name, Consumer<LitmusCode> first, Consumer<LitmusCode> serialize) {
        return LitmusTest.named(name).large().before(c -> {
            c.clearWords();
            c.writeFunction();
        }).thread(c -> {
            first.accept(c);
            c.a().mov(c.code(1).dword(), 1);
            c.store(0, 1);
        }).thread(c -> {
            c.callFunction();
            c.a().mov(R8, c.word(0));
            serialize.accept(c);
            c.callFunction();
            c.observe(0, R8);
            c.observe(1, RAX);
        }).never(2, o -> o[0] == 1 && o[1] != 1);
    }

    private static void interruptReturn(LitmusCode c) {
        Label after = c.a().label("after");
        c.a().mov(RDI, RSP);
        c.a().mov(EAX, Seg.SS);
        c.a().push(RAX);
        c.a().push(RDI);
        c.a().pushf();
        c.a().mov(EAX, Seg.CS);
        c.a().push(RAX);
        c.a().lea(RAX, mem(after));
        c.a().push(RAX);
        c.a().iretq();
        c.a().bind(after);
    }

    private static void pageTables(List<LitmusTest> to) {
        // An entry taken away does not come back as a bit or two; and a store went through only if the bits told of it.
        to.add(LitmusTest.named("AD-cleared-entry").large().supervisor().before(c -> mapSpare(c, 0)).thread(c -> {
            c.windowEntry(RDX);
            c.a().xor(EAX, EAX);
            c.a().xchg(mem(RDX), RAX);
            c.a().shr(EAX, 5);
            c.a().and(EAX, 3);
            c.observe(0, RAX);
        }).thread(c -> {
            c.window(RDI);
            c.a().xor(R9D, R9D);
            c.a().invlpg(mem(RDI));
            c.maybeFaulting(() -> {
                c.a().mov(mem(RDI).qword(), 1);
                c.a().mov(R9D, 1);
            });
            c.observe(1, R9);
        }).after(c -> {
            c.windowEntry(RDX);
            c.a().cmp(mem(RDX).qword(), 0);
            c.observe(2, Cond.NE);
            c.a().mov(RAX, c.spare());
            c.observe(3, RAX);
        }).never(4, o -> o[2] != 0 || o[3] != o[1] || o[1] == 1 && o[0] != 3));
        // Bits set by the processor and a bit set by software at the same time: neither is lost.
        to.add(LitmusTest.named("AD+lock-or").large().supervisor().before(c -> mapSpare(c, 0)).thread(c -> {
            c.windowEntry(RDX);
            c.a().lock().or(mem(RDX).qword(), SOFTWARE_BIT);
        }).thread(c -> {
            c.window(RDI);
            c.a().invlpg(mem(RDI));
            c.a().mov(mem(RDI).qword(), 1);
        }).after(c -> {
            c.windowEntry(RDX);
            c.a().mov(EAX, mem(RDX));
            c.a().and(EAX, ACCESSED_DIRTY | SOFTWARE_BIT);
            c.a().cmp(EAX, ACCESSED_DIRTY | SOFTWARE_BIT);
            c.observe(0, Cond.E);
        }).never(1, o -> o[0] != 1));
        // A new entry, then a flag; the other sees the flag, invalidates, and must use the new entry.
        to.add(LitmusTest.named("INVLPG").large().supervisor().before(c -> mapSpare(c, ACCESSED_DIRTY)).thread(c -> {
            c.windowEntry(RDX);
            c.entry(RAX, false);
            c.a().mov(mem(RDX), RAX);
            c.store(0, 1);
        }).thread(c -> {
            c.window(RDI);
            c.a().invlpg(mem(RDI));
            c.a().mov(RAX, mem(RDI));
            c.a().mov(R8, c.word(0));
            c.a().invlpg(mem(RDI));
            c.a().mov(R9, mem(RDI));
            c.observe(0, R8);
            c.observe(1, R9);
        }).judge(2, o -> o[0] == 1 && o[1] != 1 ? Verdict.FORBIDDEN : Verdict.PLAIN));
        // As an operating system does it: a new entry, an interrupt to those that may know the old one, and once they have answered the old
        // page is used for something else, which they must not see.
        to.add(LitmusTest.named("INVLPG-by-IPI").large().supervisor().before(c -> {
            mapSpare(c, ACCESSED_DIRTY);
            c.store(0, 1);
        }).thread(c -> {
            c.windowEntry(RDX);
            c.entry(RAX, false);
            c.a().mov(mem(RDX), RAX);
            c.sendShootdown();
            Label wait = c.a().bind("wait");
            c.a().pause();
            c.a().cmp(c.word(1), 0);
            c.a().j(Cond.E, wait);
            c.a().mov(c.spare(), 2);
        }).thread(c -> {
            c.window(RDI);
            c.a().invlpg(mem(RDI));
            c.a().xor(R8D, R8D);
            c.a().sti();
            Label loop = c.a().bind("loop");
            c.a().mov(RAX, mem(RDI));
            c.a().or(R8, RAX);
            c.a().cmp(c.word(1), 0);
            c.a().j(Cond.E, loop);
            c.a().cli();
            c.a().mov(R9, mem(RDI));
            c.observe(0, R8);
            c.observe(1, R9);
        }).never(2, o -> o[0] > 1 || o[1] != 1));
    }

    /** One time-stamp counter for all: who has seen what another read, reads no less. */
    private static void time(List<LitmusTest> to) {
        to.add(LitmusTest.named("TSC").supervisor().thread(c -> {
            TimeStampCounter.read(c.a());
            c.a().mov(c.word(0), RAX);
        }).thread(c -> {
            c.a().mov(R8, c.word(0));
            c.a().lfence();
            TimeStampCounter.read(c.a());
            c.a().cmp(RAX, R8);
            c.observe(0, Cond.B);
            c.a().test(R8, R8);
            c.observe(1, Cond.NE);
        }).never(2, o -> o[0] != 0));
    }

    private static void mapSpare(LitmusCode c, int bits) {
        c.clearWords();
        c.a().mov(c.spare(), 0);
        c.windowEntry(RDX);
        c.entry(RAX, true);
        if (bits != 0) {
            c.a().or(RAX, bits);
        }
        c.a().mov(mem(RDX), RAX);
    }
}
