package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Xmm;
import dev.jvisor.guest.litmus.LitmusCode.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The order in which loads and stores of one processor are seen by others. Names are those of the literature: SB, MP, LB, IRIW... */
public final class OrderTests {
    private static final int X = 0;
    private static final int Y = 1;

    private OrderTests() {
    }

    /** {@return all of them} */
    public static List<LitmusTest> all() {
        List<LitmusTest> tests = new ArrayList<>();
        storeBuffering(tests);
        messagePassing(tests);
        oneWord(tests);
        twoProcessors(tests);
        threeAndFour(tests);
        return tests;
    }

    private static void storeBuffering(List<LitmusTest> to) {
        to.add(sb("SB", c -> { }, true));
        to.add(sb("SB+mfence", c -> c.a().mfence(), false));
        to.add(sb("SB+lock", c -> c.a().lock().or(mem(RSP).disp(-8).dword(), 0), false));
        to.add(sb("SB+xadd", c -> c.a().lock().xadd(c.word(2 + c.thread()), RDX), false));
        to.add(sb("SB+cpuid", c -> {
            c.a().mov(RDI, RBX);
            c.a().xor(EAX, EAX);
            c.a().cpuid();
            c.a().mov(RBX, RDI);
        }, false));
        to.add(sb("SB+lfence", c -> c.a().lfence(), true));
        to.add(sb("SB+sfence", c -> c.a().sfence(), true));
        LitmusTest oneFence = LitmusTest.named("SB+mfence+po");
        for (int t = 0; t < 2; t++) {
            oneFence.thread(c -> {
                c.store(c.thread(), 1);
                if (c.thread() == 0) {
                    c.a().mfence();
                }
                c.load(1 - c.thread(), c.thread());
            });
        }
        to.add(oneFence.sometimes(2, o -> o[0] == 0 && o[1] == 0));
        LitmusTest exchange = LitmusTest.named("SB+xchg");
        for (int t = 0; t < 2; t++) {
            exchange.thread(c -> {
                c.a().mov(EAX, 1);
                c.a().xchg(c.word(c.thread()), RAX);
                c.load(1 - c.thread(), c.thread());
            });
        }
        to.add(exchange.never(2, o -> o[0] == 0 && o[1] == 0));
        // A processor sees its own store before others do, and only then may it read old what the other has stored.
        LitmusTest forwarding = LitmusTest.named("SB+forwarding");
        for (int t = 0; t < 2; t++) {
            forwarding.thread(c -> {
                c.store(c.thread(), 1);
                c.loadBoth(c.thread(), 2 * c.thread(), 1 - c.thread(), 2 * c.thread() + 1);
            });
        }
        to.add(forwarding.judge(4, o -> o[0] != 1 || o[2] != 1 ? LitmusTest.Verdict.FORBIDDEN
                : o[1] == 0 && o[3] == 0 ? LitmusTest.Verdict.RELAXED : LitmusTest.Verdict.PLAIN));
    }

    private static LitmusTest sb(String name, Consumer<LitmusCode> barrier, boolean relaxed) {
        LitmusTest test = LitmusTest.named(name);
        for (int t = 0; t < 2; t++) {
            test.thread(c -> {
                c.store(c.thread(), 1);
                barrier.accept(c);
                c.load(1 - c.thread(), c.thread());
            });
        }
        return relaxed ? test.sometimes(2, o -> o[0] == 0 && o[1] == 0) : test.never(2, o -> o[0] == 0 && o[1] == 0);
    }

    private static void messagePassing(List<LitmusTest> to) {
        to.add(mp("MP", c -> c.store(X, 1)));
        to.add(mp("MP+locked", c -> c.a().lock().add(c.word(X), 1)));
        to.add(mp("MP+byte", c -> c.a().mov(c.word(X).byte_(), 1)));
        to.add(mp("MP+rmw", c -> c.a().inc(c.word(X))));
        to.add(mp("MP+push", c -> {
            c.a().mov(RDI, RSP);
            c.a().lea(RSP, mem(RBX).disp(8));
            c.a().push(1);
            c.a().mov(RSP, RDI);
        }));
        to.add(mp("MP+xmm", c -> {
            c.a().mov(EAX, 1);
            c.a().movd(Xmm.XMM0, EAX);
            c.a().movdqa(c.word(X).oword(), Xmm.XMM0);
        }));
        to.add(mp("MP+movnti+sfence", c -> {
            c.a().mov(EAX, 1);
            c.a().movnti(c.word(X), RAX);
            c.a().sfence();
        }));
        // Bytes of a string may be stored in any order, but before what the next instruction stores (SDM 9.2.4.1).
        to.add(mp("MP+stos", c -> {
            c.a().mov(EAX, 1);
            c.a().lea(RDI, c.word(X));
            c.a().mov(ECX, 8);
            c.a().rep().stos(8);
        }));
        for (Place place : new Place[] {Place.ACROSS_LINES, Place.ACROSS_PAGES}) {
            // Not of one piece, but all of it before the next store. The flag is a word that the data do not touch.
            to.add(LitmusTest.named("MP+" + (place == Place.ACROSS_LINES ? "split-line" : "split-page")).large().before(LitmusCode::clearAll)
                    .thread(c -> {
                        c.a().mov(c.at(place), -1);
                        c.store(2, 1);
                    }).thread(c -> {
                        c.a().mov(R8, c.word(2));
                        c.a().mov(R9, c.at(place));
                        c.observe(0, R8);
                        c.a().cmp(R9, -1);
                        c.observe(1, Cond.E);
                    }).never(2, o -> o[0] == 1 && o[1] == 0));
        }
    }

    private static LitmusTest mp(String name, Consumer<LitmusCode> storesOne) {
        return LitmusTest.named(name).thread(c -> {
            storesOne.accept(c);
            c.store(Y, 1);
        }).thread(c -> c.loadBoth(Y, 0, X, 1)).never(2, o -> o[0] == 1 && o[1] == 0);
    }

    private static void oneWord(List<LitmusTest> to) {
        to.add(LitmusTest.named("CoRR").thread(c -> c.store(X, 1)).thread(c -> c.loadBoth(X, 0, X, 1)).never(2, o -> o[0] == 1 && o[1] == 0));
        to.add(LitmusTest.named("CoWW+CoRR").thread(c -> {
            c.store(X, 1);
            c.store(X, 2);
        }).thread(c -> c.loadBoth(X, 0, X, 1)).never(2, o -> o[0] > o[1]));
        to.add(LitmusTest.named("CoWR").thread(c -> {
            c.store(X, 1);
            c.load(X, 0);
        }).thread(c -> {
            c.store(X, 2);
            c.load(X, 1);
        }).after(c -> c.load(X, 2)).never(3, o -> o[0] == 0 || o[1] == 0 || o[2] == 0 || o[0] == 2 && o[1] == 1
                || o[0] == 2 && o[2] == 1 || o[1] == 1 && o[2] == 2));
        // Halves of one word, stored by two and read whole: each reader sees its own half, and both agree on an order.
        LitmusTest halves = LitmusTest.named("SB+halves");
        for (int t = 0; t < 2; t++) {
            halves.thread(c -> {
                c.a().mov(mem(RBX).disp(4 * c.thread()).dword(), 1);
                c.a().mov(R8, c.word(X));
                c.a().mov(EDI, R8D);
                c.a().shr(R8, 32);
                c.observe(2 * c.thread(), RDI);
                c.observe(2 * c.thread() + 1, R8);
            });
        }
        to.add(halves.judge(4, o -> o[0] != 1 || o[3] != 1 ? LitmusTest.Verdict.FORBIDDEN
                : o[1] == 0 && o[2] == 0 ? LitmusTest.Verdict.RELAXED : LitmusTest.Verdict.PLAIN));
    }

    private static void twoProcessors(List<LitmusTest> to) {
        LitmusTest lb = LitmusTest.named("LB");
        for (int t = 0; t < 2; t++) {
            lb.thread(c -> {
                c.a().mov(R8, c.word(c.thread()));
                c.store(1 - c.thread(), 1);
                c.observe(c.thread(), R8);
            });
        }
        to.add(lb.never(2, o -> o[0] == 1 && o[1] == 1));
        LitmusTest writes = LitmusTest.named("2+2W");
        for (int t = 0; t < 2; t++) {
            writes.thread(c -> {
                c.store(c.thread(), 1);
                c.store(1 - c.thread(), 2);
            });
        }
        to.add(writes.after(c -> c.loadBoth(X, 0, Y, 1)).never(2, o -> o[0] == 1 && o[1] == 1));
        to.add(LitmusTest.named("S").thread(c -> {
            c.store(X, 2);
            c.store(Y, 1);
        }).thread(c -> {
            c.a().mov(R8, c.word(Y));
            c.store(X, 1);
            c.observe(0, R8);
        }).after(c -> c.load(X, 1)).never(2, o -> o[0] == 1 && o[1] == 2));
        to.add(r("R", c -> { }).sometimes(2, o -> o[0] == 0 && o[1] == 2));
        to.add(r("R+mfence", c -> c.a().mfence()).never(2, o -> o[0] == 0 && o[1] == 2));
    }

    private static LitmusTest r(String name, Consumer<LitmusCode> barrier) {
        return LitmusTest.named(name).thread(c -> {
            c.store(X, 1);
            c.store(Y, 1);
        }).thread(c -> {
            c.store(Y, 2);
            barrier.accept(c);
            c.load(X, 0);
        }).after(c -> c.load(Y, 1));
    }

    private static void threeAndFour(List<LitmusTest> to) {
        to.add(LitmusTest.named("WRC").thread(c -> c.store(X, 1)).thread(c -> {
            c.a().mov(R8, c.word(X));
            c.store(Y, 1);
            c.observe(0, R8);
        }).thread(c -> c.loadBoth(Y, 1, X, 2)).never(3, o -> o[0] == 1 && o[1] == 1 && o[2] == 0));
        to.add(LitmusTest.named("ISA2").thread(c -> {
            c.store(X, 1);
            c.store(Y, 1);
        }).thread(c -> {
            c.a().mov(R8, c.word(Y));
            c.store(2, 1);
            c.observe(0, R8);
        }).thread(c -> c.loadBoth(2, 1, X, 2)).never(3, o -> o[0] == 1 && o[1] == 1 && o[2] == 0));
        to.add(rwc("RWC", c -> { }).sometimes(3, o -> o[0] == 1 && o[1] == 0 && o[2] == 0));
        to.add(rwc("RWC+mfence", c -> c.a().mfence()).never(3, o -> o[0] == 1 && o[1] == 0 && o[2] == 0));
        to.add(iriw("IRIW", c -> c.store(c.thread(), 1)));
        to.add(iriw("IRIW+xchg", c -> {
            c.a().mov(EAX, 1);
            c.a().xchg(c.word(c.thread()), RAX);
        }));
    }

    private static LitmusTest rwc(String name, Consumer<LitmusCode> barrier) {
        return LitmusTest.named(name).thread(c -> c.store(X, 1)).thread(c -> c.loadBoth(X, 0, Y, 1)).thread(c -> {
            c.store(Y, 1);
            barrier.accept(c);
            c.load(X, 2);
        });
    }

    /** Independent reads of independent writes: two readers must not disagree about which of two stores came first. */
    private static LitmusTest iriw(String name, Consumer<LitmusCode> write) {
        return LitmusTest.named(name).thread(write).thread(write).thread(c -> c.loadBoth(X, 0, Y, 1)).thread(c -> c.loadBoth(Y, 2, X, 3))
                .never(4, o -> o[0] == 1 && o[1] == 0 && o[2] == 1 && o[3] == 0);
    }
}
