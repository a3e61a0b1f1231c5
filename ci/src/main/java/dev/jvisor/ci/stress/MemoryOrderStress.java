package dev.jvisor.ci.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.J_Result;

/**
 * What two VPs of the software CPU may see of each other's stores (Intel SDM 3A, 9.2.2 and 9.2.3; how it is kept stands in
 * {@code dev.jvisor.vmm.x86.cpu}). Each actor is a VP that runs real instructions; the outcome is what they loaded.
 */
public final class MemoryOrderStress {
    private static final StressVp A = new StressVp(0);
    private static final StressVp B = new StressVp(1);

    private static final String STORE_FIRST = "C7 07 01 00 00 00"; // mov dword [rdi], 1
    private static final String STORE_SECOND = "C7 06 01 00 00 00"; // mov dword [rsi], 1
    private static final String LOAD_FIRST = "8B 07"; // mov eax, [rdi]
    private static final String LOAD_SECOND = "8B 06"; // mov eax, [rsi]
    private static final String LOAD_FIRST_RBX = "8B 1F"; // mov ebx, [rdi]
    private static final String LOAD_SECOND_RBX = "8B 1E"; // mov ebx, [rsi]

    private MemoryOrderStress() { }

    /** Stores are seen in their order, and loads made in theirs. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 0", "0, 1", "1, 1"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "the second store was seen before the first")
    public static class MessagePassing {
        private static final StressVp.Code SEND = StressVp.code(STORE_FIRST, STORE_SECOND);
        private static final StressVp.Code RECEIVE = StressVp.code(LOAD_SECOND, LOAD_FIRST_RBX);
        private final long cell = StressVp.cell();

        /** Stores. */
        @Actor
        public void send() {
            A.run(SEND, cell);
        }

        /** Loads. */
        @Actor
        public void receive(JJ_Result r) {
            r.r1 = B.run(RECEIVE, cell);
            r.r2 = B.rbx();
        }
    }

    /** A load may overtake an earlier store to another place: that is all that x86 reorders. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "0, 0", expect = ACCEPTABLE_INTERESTING, desc = "both loads overtook, as store buffers allow")
    public static class StoreBuffering {
        private static final StressVp.Code LEFT = StressVp.code(STORE_FIRST, LOAD_SECOND);
        private static final StressVp.Code RIGHT = StressVp.code(STORE_SECOND, LOAD_FIRST);
        private final long cell = StressVp.cell();

        /** Stores the first, loads the second. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
        }

        /** The other way round. */
        @Actor
        public void right(JJ_Result r) {
            r.r2 = B.run(RIGHT, cell);
        }
    }

    /** MFENCE lets no load overtake a store. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "a load overtook MFENCE")
    public static class StoreBufferingFenced {
        private static final String MFENCE = "0F AE F0";
        private static final StressVp.Code LEFT = StressVp.code(STORE_FIRST, MFENCE, LOAD_SECOND);
        private static final StressVp.Code RIGHT = StressVp.code(STORE_SECOND, MFENCE, LOAD_FIRST);
        private final long cell = StressVp.cell();

        /** Stores the first, loads the second. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
        }

        /** The other way round. */
        @Actor
        public void right(JJ_Result r) {
            r.r2 = B.run(RIGHT, cell);
        }
    }

    /** Nor do a locked operation and an exchange, whatever place they work on. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "a load overtook a locked operation")
    public static class StoreBufferingLocked {
        // lock add dword [rdi + 8], 0: as Linux' smp_mb()
        private static final StressVp.Code LEFT = StressVp.code(STORE_FIRST, "F0 83 47 08 00", LOAD_SECOND);
        // mov ecx, 1; xchg [rsi], ecx
        private static final StressVp.Code RIGHT = StressVp.code("B9 01 00 00 00", "87 0E", LOAD_FIRST);
        private final long cell = StressVp.cell();

        /** Stores the first, loads the second. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
        }

        /** The other way round. */
        @Actor
        public void right(JJ_Result r) {
            r.r2 = B.run(RIGHT, cell);
        }
    }

    /** No store is seen before an earlier load of the same VP was made. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 0", "0, 1", "1, 0"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "each load saw a store that comes after the other load")
    public static class LoadBuffering {
        private static final StressVp.Code LEFT = StressVp.code(LOAD_FIRST, STORE_SECOND);
        private static final StressVp.Code RIGHT = StressVp.code(LOAD_SECOND, STORE_FIRST);
        private final long cell = StressVp.cell();

        /** Loads the first, stores the second. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
        }

        /** The other way round. */
        @Actor
        public void right(JJ_Result r) {
            r.r2 = B.run(RIGHT, cell);
        }
    }

    /** Two loads of one place see its values in the order in which they were stored. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 0", "0, 1", "1, 1"}, expect = ACCEPTABLE, desc = "in order")
    @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "back in time")
    public static class Coherence {
        private static final StressVp.Code STORE = StressVp.code(STORE_FIRST);
        private static final StressVp.Code LOADS = StressVp.code(LOAD_FIRST, LOAD_FIRST_RBX);
        private final long cell = StressVp.cell();

        /** Stores. */
        @Actor
        public void store() {
            A.run(STORE, cell);
        }

        /** Loads twice. */
        @Actor
        public void load(JJ_Result r) {
            r.r1 = B.run(LOADS, cell);
            r.r2 = B.rbx();
        }
    }

    /** Stores to two places come into one order for all. */
    @JCStressTest
    @State
    @Outcome(id = {"2, 1", "1, 2", "2, 2"}, expect = ACCEPTABLE, desc = "some order")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "of each VP the first store is the last that stays")
    public static class StoresInOneOrder {
        private static final StressVp.Code LEFT = StressVp.code(STORE_FIRST, "C7 06 02 00 00 00"); // mov dword [rsi], 2
        private static final StressVp.Code RIGHT = StressVp.code(STORE_SECOND, "C7 07 02 00 00 00"); // mov dword [rdi], 2
        private final long cell = StressVp.cell();

        /** First, then second. */
        @Actor
        public void left() {
            A.run(LEFT, cell);
        }

        /** Second, then first. */
        @Actor
        public void right() {
            B.run(RIGHT, cell);
        }

        /** What stays. */
        @Arbiter
        public void after(JJ_Result r) {
            r.r1 = StressVp.first(cell);
            r.r2 = StressVp.second(cell);
        }
    }

    /** A VP sees its own store at once, whoever else sees it when. */
    @JCStressTest
    @State
    @Outcome(id = {"1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "its own store, and then whatever")
    @Outcome(expect = FORBIDDEN, desc = "not its own store")
    public static class OwnStoreFirst {
        private static final StressVp.Code LEFT = StressVp.code(STORE_FIRST, LOAD_FIRST, LOAD_SECOND_RBX);
        private static final StressVp.Code RIGHT = StressVp.code(STORE_SECOND);
        private final long cell = StressVp.cell();

        /** Stores and loads the same place. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
            r.r2 = A.rbx();
        }

        /** Stores elsewhere. */
        @Actor
        public void right() {
            B.run(RIGHT, cell);
        }
    }

    /** An aligned access of eight bytes is of one piece. */
    @JCStressTest
    @State
    @Outcome(id = {"0", "-1"}, expect = ACCEPTABLE, desc = "whole")
    @Outcome(expect = FORBIDDEN, desc = "torn")
    public static class EightBytes {
        private static final StressVp.Code STORE = StressVp.code("48 C7 07 FF FF FF FF"); // mov qword [rdi], -1
        private static final StressVp.Code LOAD = StressVp.code("48 8B 07"); // mov rax, [rdi]
        private final long cell = StressVp.cell();

        /** Stores. */
        @Actor
        public void store() {
            A.run(STORE, cell);
        }

        /** Loads. */
        @Actor
        public void load(J_Result r) {
            r.r1 = B.run(LOAD, cell);
        }
    }

    /** Bytes side by side do not disturb each other, whether stored or or-ed in. */
    @JCStressTest
    @State
    @Outcome(id = "257", expect = ACCEPTABLE, desc = "both")
    @Outcome(expect = FORBIDDEN, desc = "one is lost")
    public static class Neighbours {
        private static final StressVp.Code STORE = StressVp.code("C6 07 01"); // mov byte [rdi], 1
        private static final StressVp.Code OR = StressVp.code("80 4F 01 01"); // or byte [rdi + 1], 1
        private final long cell = StressVp.cell();

        /** The lower. */
        @Actor
        public void lower() {
            A.run(STORE, cell);
        }

        /** The upper. */
        @Actor
        public void upper() {
            B.run(OR, cell);
        }

        /** Both. */
        @Arbiter
        public void after(J_Result r) {
            r.r1 = StressVp.first(cell);
        }
    }

    /** Locked operations of any kind lose nothing of each other. */
    @JCStressTest
    @State
    @Outcome(id = "257", expect = ACCEPTABLE, desc = "both")
    @Outcome(expect = FORBIDDEN, desc = "one is lost")
    public static class Locked {
        private static final StressVp.Code ADD = StressVp.code("F0 48 81 07 00 01 00 00"); // lock add qword [rdi], 256
        private static final StressVp.Code SET = StressVp.code("F0 0F BA 2F 00"); // lock bts dword [rdi], 0
        private final long cell = StressVp.cell();

        /** Adds. */
        @Actor
        public void add() {
            A.run(ADD, cell);
        }

        /** Sets a bit, by an operation of another size. */
        @Actor
        public void set() {
            B.run(SET, cell);
        }

        /** Both. */
        @Arbiter
        public void after(J_Result r) {
            r.r1 = StressVp.first(cell);
        }
    }

    /** Of two that compare and exchange the same value only one succeeds. */
    @JCStressTest
    @State
    @Outcome(id = {"0, 1", "2, 0"}, expect = ACCEPTABLE, desc = "one takes it, the other sees what was stored")
    @Outcome(expect = FORBIDDEN, desc = "both or none")
    public static class CompareExchange {
        private static final String NONE = "31 C0"; // xor eax, eax
        private static final String EXCHANGE = "F0 0F B1 0F"; // lock cmpxchg [rdi], ecx
        private static final StressVp.Code LEFT = StressVp.code(NONE, "B9 01 00 00 00", EXCHANGE); // mov ecx, 1
        private static final StressVp.Code RIGHT = StressVp.code(NONE, "B9 02 00 00 00", EXCHANGE); // mov ecx, 2
        private final long cell = StressVp.cell();

        /** One for zero. */
        @Actor
        public void left(JJ_Result r) {
            r.r1 = A.run(LEFT, cell);
        }

        /** Two for zero. */
        @Actor
        public void right(JJ_Result r) {
            r.r2 = B.run(RIGHT, cell);
        }
    }

    /** CMPXCHG16B changes both halves in one piece towards its like. */
    @JCStressTest
    @State
    @Outcome(id = {"1, 1", "2, 2"}, expect = ACCEPTABLE, desc = "of one VP")
    @Outcome(expect = FORBIDDEN, desc = "halves of both")
    public static class SixteenBytes {
        private static final String[] NONE = {"31 C0", "31 D2", "31 DB", "31 C9"}; // xor eax, eax and edx, ebx, ecx
        private static final String EXCHANGE = "F0 48 0F C7 0F"; // lock cmpxchg16b [rdi]
        // mov bl, 1; mov cl, 1
        private static final StressVp.Code LEFT = StressVp.code(NONE[0], NONE[1], NONE[2], NONE[3], "B3 01", "B1 01", EXCHANGE);
        private static final StressVp.Code RIGHT = StressVp.code(NONE[0], NONE[1], NONE[2], NONE[3], "B3 02", "B1 02", EXCHANGE);
        private final long cell = StressVp.cell();

        /** Ones. */
        @Actor
        public void left() {
            A.run(LEFT, cell);
        }

        /** Twos. */
        @Actor
        public void right() {
            B.run(RIGHT, cell);
        }

        /** What stays. */
        @Arbiter
        public void after(JJ_Result r) {
            r.r1 = StressVp.first(cell);
            r.r2 = StressVp.first(cell + 8);
        }
    }
}
