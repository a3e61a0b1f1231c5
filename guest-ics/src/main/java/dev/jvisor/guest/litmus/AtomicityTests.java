package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Xmm;
import dev.jvisor.guest.litmus.LitmusCode.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * What happens at one stroke: LOCK and XCHG wherever the operand lies (SDM volume 3, 9.1.2), among themselves and towards ordinary stores;
 * aligned loads and stores (9.1.1).
 */
public final class AtomicityTests {
    private static final int TIMES = 12;

    private AtomicityTests() {
    }

    /** {@return all of them} */
    public static List<LitmusTest> all() {
        List<LitmusTest> tests = new ArrayList<>();
        for (Place place : Place.values()) {
            String where = place == Place.ALIGNED ? "" : "+" + place.name().toLowerCase(Locale.ROOT).replace('_', '-');
            counters(tests, place, where);
            halves(tests, place, where);
        }
        sixteenBytes(tests);
        pieces(tests);
        return tests;
    }

    /** Several count one word up; nothing may be lost. */
    private static void counters(List<LitmusTest> to, Place place, String where) {
        to.add(counter("XADD" + where, place, c -> c.repeat(TIMES, () -> {
            c.a().mov(EDX, 1);
            c.a().lock().xadd(c.at(place), RDX);
        })));
        to.add(counter("INC" + where, place, c -> c.repeat(TIMES, () -> c.a().lock().inc(c.at(place)))));
        to.add(counter("CMPXCHG" + where, place, c -> c.repeat(TIMES, () -> {
            c.a().mov(RAX, c.at(place));
            Label again = c.a().bind("again");
            c.a().lea(RDX, mem(RAX).disp(1));
            c.a().lock().cmpxchg(c.at(place), RDX);
            c.a().j(Cond.NE, again);
        })));
        // The count of rounds lives in R8, as CMPXCHG8B takes RBX to RDX; RDI keeps the instance's address.
        to.add(counter("CMPXCHG8B" + where, place, c -> {
            c.a().mov(RDI, RBX);
            c.a().mov(R8D, TIMES);
            Mem there = new Mem(8, RDI, null, 1, c.at(place).disp(), null, null);
            Label round = c.a().bind("round");
            c.a().mov(EAX, there.dword());
            c.a().mov(EDX, there.disp(there.disp() + 4).dword());
            Label again = c.a().bind("again");
            c.a().mov(EBX, EAX);
            c.a().mov(ECX, EDX);
            c.a().add(EBX, 1);
            c.a().adc(ECX, 0);
            c.a().lock().cmpxchg8b(there);
            c.a().j(Cond.NE, again);
            c.a().dec(R8D);
            c.a().j(Cond.NE, round);
            c.a().mov(RBX, RDI);
        }));
        // XCHG as a lock around a counter in word 3.
        LitmusTest lock = LitmusTest.named("XCHG-lock" + where).large().before(LitmusCode::clearAll);
        for (int t = 0; t < 2; t++) {
            lock.thread(c -> c.repeat(TIMES, () -> {
                Label spin = c.a().label("spin");
                Label taken = c.a().label("taken");
                c.a().bind(spin);
                c.a().mov(RAX, -1);
                c.a().xchg(c.at(place), RAX);
                c.a().test(RAX, RAX);
                c.a().j(Cond.E, taken);
                c.a().pause();
                c.a().jmp(spin);
                c.a().bind(taken);
                c.a().inc(c.word(3));
                c.a().mov(c.at(place), 0);
            }));
        }
        to.add(lock.after(c -> {
            c.a().cmp(c.word(3), 2 * TIMES);
            c.observe(0, Cond.E);
        }).never(1, o -> o[0] != 1));
    }

    private static LitmusTest counter(String name, Place place, Consumer<LitmusCode> program) {
        return LitmusTest.named(name).large().before(LitmusCode::clearAll).thread(program).thread(program).after(c -> {
            c.a().cmp(c.at(place), 2 * TIMES);
            c.observe(0, Cond.E);
        }).never(1, o -> o[0] != 1);
    }

    /** Two halves of a locked word: others store to one of them, or read both. */
    private static void halves(List<LitmusTest> to, Place place, String where) {
        // What one stores to the upper half must not be undone by the other's LOCK ADD to the whole that changes only the lower.
        to.add(LitmusTest.named("LOCK-keeps-neighbour" + where).large().before(LitmusCode::clearAll)
                .thread(c -> c.repeat(4 * TIMES, () -> c.a().lock().add(c.at(place), 1)))
                .thread(c -> {
                    Mem upper = upper(c, place);
                    c.a().mov(R8D, 1);
                    c.repeat(4 * TIMES, () -> {
                        c.a().mov(upper, ECX);
                        c.a().mov(EAX, upper);
                        c.a().cmp(EAX, ECX);
                        c.a().mov(EAX, 0);
                        c.a().cmov(Cond.NE, R8D, EAX);
                    });
                    c.observe(0, R8);
                }).after(c -> {
                    c.a().mov(EAX, c.at(place).dword());
                    c.a().cmp(EAX, 4 * TIMES);
                    c.observe(1, Cond.E);
                    c.a().mov(EAX, upper(c, place));
                    c.observe(2, RAX);
                }).never(3, o -> o[0] != 1 || o[1] != 1 || o[2] != 1));
        // An exchange of both halves shows in both at once, whichever is looked at first.
        for (boolean upperFirst : new boolean[] {false, true}) {
            to.add(LitmusTest.named("XCHG-whole+" + (upperFirst ? "upper" : "lower") + where).large().before(LitmusCode::clearAll).thread(c -> {
                c.a().mov(RAX, 0x1_0000_0001L);
                c.a().xchg(c.at(place), RAX);
            }).thread(c -> {
                Mem lower = c.at(place).dword();
                c.a().mov(R8D, upperFirst ? upper(c, place) : lower);
                c.a().mov(R9D, upperFirst ? lower : upper(c, place));
                c.observe(0, R8);
                c.observe(1, R9);
            }).never(2, o -> o[0] == 1 && o[1] == 0));
        }
        // Two exchanges meet: each sees all of the other's or nothing.
        LitmusTest meet = LitmusTest.named("XCHG-meets-XCHG" + where).large().before(LitmusCode::clearAll);
        for (int t = 0; t < 2; t++) {
            meet.thread(c -> {
                c.a().mov(RAX, c.thread() == 0 ? 0x1_0000_0001L : 0x2_0000_0002L);
                c.a().xchg(c.at(place), RAX);
                c.a().mov(EDX, EAX);
                c.a().shr(RAX, 32);
                c.observe(2 * c.thread(), RAX);
                c.observe(2 * c.thread() + 1, RDX);
            });
        }
        to.add(meet.never(4, o -> o[0] != o[1] || o[2] != o[3] || (o[0] == 0) == (o[2] == 0)));
    }

    private static Mem upper(LitmusCode c, Place place) {
        return c.at(place).disp(c.at(place).disp() + 4).dword();
    }

    private static void sixteenBytes(List<LitmusTest> to) {
        LitmusTest count = LitmusTest.named("CMPXCHG16B");
        for (int t = 0; t < 2; t++) {
            count.thread(c -> {
                c.a().mov(RDI, RBX);
                c.a().mov(R8D, TIMES);
                Label round = c.a().bind("round");
                c.a().mov(RAX, mem(RDI));
                c.a().mov(RDX, mem(RDI).disp(8));
                Label again = c.a().bind("again");
                c.a().lea(RBX, mem(RAX).disp(1));
                c.a().lea(RCX, mem(RDX).disp(-1));
                c.a().lock().cmpxchg16b(mem(RDI).oword());
                c.a().j(Cond.NE, again);
                c.a().dec(R8D);
                c.a().j(Cond.NE, round);
                c.a().mov(RBX, RDI);
            });
        }
        to.add(count.before(c -> {
            c.clearWords();
            c.a().mov(mem(RBX).disp(8).qword(), 0);
        }).after(c -> {
            c.a().cmp(c.word(0), 2 * TIMES);
            c.observe(0, Cond.E);
            c.a().cmp(mem(RBX).disp(8).qword(), -2 * TIMES);
            c.observe(1, Cond.E);
        }).never(2, o -> o[0] != 1 || o[1] != 1));
        // Ordinary loads of the halves, in either order, and an ordinary store beside it.
        for (boolean upperFirst : new boolean[] {false, true}) {
            to.add(LitmusTest.named("CMPXCHG16B-whole+" + (upperFirst ? "upper" : "lower")).before(AtomicityTests::clearPair)
                    .thread(c -> exchangePair(c, 0, 0, 1, 1)).thread(c -> {
                        c.a().mov(R8, mem(RBX).disp(upperFirst ? 8 : 0));
                        c.a().mov(R9, mem(RBX).disp(upperFirst ? 0 : 8));
                        c.observe(0, R8);
                        c.observe(1, R9);
                    }).never(2, o -> o[0] == 1 && o[1] == 0));
        }
        // The store comes before the exchange, which then fails and changes nothing, or after it, and stays.
        to.add(LitmusTest.named("CMPXCHG16B-keeps-store").before(AtomicityTests::clearPair).thread(c -> {
            exchangePair(c, 0, 0, 1, 1);
            c.observe(0, R9);
        }).thread(c -> c.a().mov(mem(RBX).disp(8).qword(), 2)).after(c -> {
            c.load(0, 1);
            c.a().mov(RAX, mem(RBX).disp(8));
            c.observe(2, RAX);
        }).never(3, o -> o[2] != 2 || o[0] != o[1]));
        to.add(LitmusTest.named("CMPXCHG16B-keeps-lower-store").before(AtomicityTests::clearPair).thread(c -> {
            exchangePair(c, 0, 0, 1, 1);
            c.observe(0, R9);
        }).thread(c -> c.a().mov(mem(RBX).qword(), 2)).after(c -> {
            c.load(0, 1);
            c.a().mov(RAX, mem(RBX).disp(8));
            c.observe(2, RAX);
        }).never(3, o -> o[1] != 2 || o[0] != o[2]));
    }

    private static void clearPair(LitmusCode c) {
        c.clearWords();
        c.a().mov(mem(RBX).disp(8).qword(), 0);
    }

    /** One CMPXCHG16B on the first sixteen bytes; leaves in R9 whether it exchanged. */
    private static void exchangePair(LitmusCode c, int low, int high, int newLow, int newHigh) {
        c.a().mov(RDI, RBX);
        c.a().mov(EAX, low);
        c.a().mov(EDX, high);
        c.a().mov(EBX, newLow);
        c.a().mov(ECX, newHigh);
        c.a().lock().cmpxchg16b(mem(RDI).oword());
        c.a().set(Cond.E, AL);
        c.a().movzx(R9D, AL);
        c.a().mov(RBX, RDI);
    }

    /** Ordinary loads and stores: of one piece where the architecture says so, and counted where only most processors do so. */
    private static void pieces(List<LitmusTest> to) {
        to.add(piece("8-bytes", 0, 8, false));
        to.add(piece("4-bytes", 4, 4, false));
        to.add(piece("2-bytes", 6, 2, false));
        to.add(piece("4-bytes-in-8-unaligned", 2, 4, true));
        to.add(piece("8-bytes-in-line-unaligned", 4, 8, true));
        to.add(LitmusTest.named("piece-16-bytes").before(AtomicityTests::clearPair).thread(c -> {
            c.a().mov(EAX, 1);
            c.a().movq(Xmm.XMM0, RAX);
            c.a().punpcklqdq(Xmm.XMM0, Xmm.XMM0);
            c.a().movdqa(mem(RBX).oword(), Xmm.XMM0);
        }).thread(c -> {
            c.a().movdqa(Xmm.XMM1, mem(RBX).oword());
            c.a().movq(R8, Xmm.XMM1);
            c.a().pshufd(Xmm.XMM1, Xmm.XMM1, 0xEE);
            c.a().movq(R9, Xmm.XMM1);
            c.observe(0, R8);
            c.observe(1, R9);
        }).sometimes(2, o -> o[0] != o[1]));
    }

    private static LitmusTest piece(String name, int offset, int bytes, boolean relaxed) {
        Gpr[] accumulator = {null, AL, AX, null, EAX, null, null, null, RAX};
        LitmusTest test = LitmusTest.named("piece-" + name).thread(c -> {
            c.a().mov(RAX, -1);
            c.a().mov(mem(RBX).disp(offset), accumulator[bytes]);
        }).thread(c -> {
            c.a().xor(EAX, EAX);
            c.a().mov(accumulator[bytes], mem(RBX).disp(offset));
            // 0, 1 for all bits set, 2 for anything else.
            c.a().mov(R8D, 2);
            c.a().xor(EDX, EDX);
            c.a().test(accumulator[bytes], accumulator[bytes]);
            c.a().cmov(Cond.E, R8D, EDX);
            c.a().inc(EDX);
            c.a().cmp(accumulator[bytes], -1);
            c.a().cmov(Cond.E, R8D, EDX);
            c.observe(0, R8);
        }).before(AtomicityTests::clearPair);
        return relaxed ? test.sometimes(1, o -> o[0] > 1) : test.never(1, o -> o[0] > 1);
    }
}
