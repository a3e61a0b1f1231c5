package dev.jvisor.vmm.differential;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.differential.UserMachine.Outcome;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.SystemClock;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;

/**
 * As {@link UserMachine}, for many sequences at once. A driver in the guest's user mode does for each what the host would do: copies code and
 * data into place, loads the state, jumps there; the handler of the exception that ends it returns to the driver, which saves the state.
 * Code and data lie where a UserMachine has them, in {@link UserSpace}. So an entry into the guest, which costs much more than a sequence, is
 * paid once for {@link #MOST} of them.
 *
 * <pre>
 * 8000 IDT 9000 GDT A000 TSS B000 handlers C000 what they share D000 supervisor stack
 * 10000 CODE 20000 DATA 30000 STACK
 * from VIEW on, where no sequence strays: 40000 driver 41000 state in 42000 state out 43000 driver's stack
 *     50000 CODE again, where the driver may write it 60000 the supervisor's stack, to be read
 *     200000 sequences, STRIDE bytes each: state, code, and at 1000 data; then results likewise
 * state: 0 XSAVE area, 380 general registers, 400 RFLAGS or, in results, CR2 and the exception's frame
 * </pre>
 */
final class BatchMachine implements AutoCloseable {
    /** Most sequences in a batch. */
    static final int MOST = 256;
    /** Room for the code of one sequence. */
    static final int CODE_SIZE = 0x200;

    private static final int STRIDE = 0x5000;
    private static final int STATE = 0x600;
    private static final int GPR = 0x380;
    private static final int FLAGS = 0x400;
    private static final int FRAME_LONGS = 9;
    /** Added to physical addresses: where the driver sees what is its own. Far from powers of two, which sequences like for addresses. */
    private static final int VIEW = 0x6D000000;
    private static final long INPUTS = 0x200000;
    private static final long RESULTS = INPUTS + MOST * STRIDE;
    private static final long SIZE = 0xC00000;

    private static final int HANDLERS = (int) UserSpace.HANDLERS;
    private static final int SHARED = 0xC000;
    private static final int AGAIN = SHARED + 0x200;
    private static final int DRIVER = VIEW + 0x40000;
    private static final int IN = VIEW + 0x41000;
    private static final int OUT = VIEW + 0x42000;
    private static final int DRIVER_STACK = VIEW + 0x43F00;
    private static final int CODE_VIEW = VIEW + 0x50000;
    private static final int FRAME = VIEW + 0x61000 - 8 * FRAME_LONGS;
    /** Variables of the driver, above the state out. */
    private static final int NEXT_IN = OUT + 0x800;
    private static final int NEXT_OUT = OUT + 0x808;
    private static final int LEFT = OUT + 0x810;
    private static final int DONE_VECTOR = 4;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final MappedMemory memory = MappedMemory.anonymous("batch", SIZE);
    private final GpaSpace gpa = new GpaSpace(memory.segment());
    private final MemorySegment m = memory.segment();
    private final BackendPartition partition;
    private final BackendVp vp;
    private final Timer watchdog = new Timer("batch-watchdog", true);
    private final List<byte[]> codes = new ArrayList<>();
    private int vector;
    /** The guest has done a batch and begins with the next as soon as it runs. */
    private boolean waiting;
    private volatile boolean timedOut;

    private final InterceptHandler handler = new InterceptHandler() {
        @Override
        public void portWrite(int index, int port, int size, int value) {
            vector = port;
            vp.kick();
        }
    };

    BatchMachine(Backend backend) {
        gpa.mapRam(0, SIZE);
        pages();
        tables();
        driver();
        m.asSlice(UserSpace.CODE, 0x2000).fill((byte) 0xCC);
        partition = backend.createPartition(gpa, new BackendConfig(1, BackendConfig.Irqchip.USER, null, new SystemClock()));
        vp = partition.createVp(0, VpInterrupts.NONE);
    }

    private void pages() {
        UserSpace.upperTables(m);
        m.set(LONG, 0x2000 + 8 * (VIEW >>> 30), 0x6000 | 7);
        m.set(LONG, 0x6000 + 8 * (VIEW >>> 21 & 511), 0x5000 | 7);
        long noExecute = 1L << 63;
        for (long page = 0; page < UserSpace.CODE; page += 4096) {
            page(UserSpace.PAGE_TABLE, page, page | 3);
        }
        for (long page = 0; page < 0x4000; page += 4096) {
            if (page < 0x2000) {
                page(UserSpace.PAGE_TABLE, UserSpace.CODE + page, UserSpace.CODE + page | 5);
                page(0x5000, CODE_VIEW - VIEW + page, UserSpace.CODE + page | 7 | noExecute);
                page(UserSpace.PAGE_TABLE, UserSpace.STACK + page, UserSpace.STACK + page | 7 | noExecute);
            }
            // Data is not to be executed: a wild jump would run a sequence nobody has described.
            page(UserSpace.PAGE_TABLE, UserSpace.DATA + page, UserSpace.DATA + page | 7 | noExecute);
            page(0x5000, DRIVER - VIEW + page, DRIVER - VIEW + page | (page == 0 ? 5 : 7 | noExecute));
        }
        page(0x5000, 0x60000, UserSpace.KERNEL_STACK - 4096 | 5 | noExecute);
        for (long page = INPUTS; page < SIZE; page += 0x200000) {
            m.set(LONG, 0x6000 + 8 * (VIEW + page >>> 21 & 511), page | 0xE7 | noExecute);
        }
    }

    /** Maps a page of the 2 MiB that a table covers. */
    private void page(long table, long at, long entry) {
        m.set(LONG, table + at / 4096 * 8, entry | 0x60);
    }

    private void tables() {
        for (int v = 0; v < 256; v++) {
            long at = HANDLERS + v * 16L;
            m.set(LONG, UserSpace.IDT + v * 16L, at & 0xFFFF | 0x10L << 16 | (0x8E00L | (v == 3 || v == DONE_VECTOR ? 0x6000 : 0)) << 32);
            Code b = new Code();
            if (v == DONE_VECTOR) {
                // OUT v,AL; and on with the next batch, when there is one.
                b.bytes(0xE6, v, 0xE9).int32(AGAIN - (int) at - b.size() - 4);
            } else {
                if (v != 8 && (v < 10 || v > 14) && v != 17) {
                    b.bytes(0x6A, 0);
                }
                b.bytes(0x68).int32(v);
                b.bytes(0xE9).int32(SHARED + (v == 14 ? 0x100 : 0) - (int) at - b.size() - 4);
            }
            b.put(at);
        }
        for (int pageFault = 0; pageFault < 2; pageFault++) {
            // PUSH RAX; then CR2 or anything; RAX again
            Code b = new Code().bytes(0x50);
            if (pageFault != 0) {
                b.bytes(0x0F, 0x20, 0xD0, 0x50, 0x48, 0x8B, 0x44, 0x24, 0x08);
            } else {
                b.bytes(0x50);
            }
            b.toUser(DRIVER + 0x800).put(SHARED + 0x100 * pageFault);
        }
        new Code().toUser(DRIVER).put(AGAIN);
        UserSpace.descriptors(m);
    }

    /** Machine code being written. Addresses are absolute, so that it needs no register to reach memory. */
    private final class Code {
        private final ByteArrayOutputStream b = new ByteArrayOutputStream();

        Code bytes(int... v) {
            for (int x : v) {
                b.write(x);
            }
            return this;
        }

        Code int32(int v) {
            return bytes(v, v >>> 8, v >>> 16, v >>> 24);
        }

        /** An instruction with a memory operand at an absolute address; {@code reg} is ModRM.reg, with bit 3 for REX. */
        Code memory(int op, int reg, int address) {
            bytes(0x48 | reg >> 3 << 2);
            if (op > 0xFF) {
                bytes(op >> 8);
            }
            return bytes(op & 0xFF, (reg & 7) << 3 | 4, 0x25).int32(address);
        }

        /** MOV r32,imm32: RAX 0, RCX 1, RSI 6, RDI 7. */
        Code load(int register, int value) {
            return bytes(0xB8 | register).int32(value);
        }

        /** MOV ECX,n; REP MOVSQ. */
        Code copy(int bytes) {
            return load(1, bytes / 8).bytes(0xF3, 0x48, 0xA5);
        }

        /** Pushes a frame and IRETQ. */
        Code toUser(int rip) {
            return bytes(0x68).int32(0x2B).bytes(0x68).int32(DRIVER_STACK).bytes(0x68).int32(0x202).bytes(0x68).int32(0x33).bytes(0x68).int32(rip)
                    .bytes(0x48, 0xCF);
        }

        int size() {
            return b.size();
        }

        void put(long at) {
            MemorySegment.copy(MemorySegment.ofArray(b.toByteArray()), 0, m, at, b.size());
        }
    }

    private void driver() {
        Code b = new Code();
        b.memory(0x8B, 6, NEXT_IN).load(7, IN).copy(STATE);
        b.load(7, CODE_VIEW).copy(CODE_SIZE);
        // ADD RSI,imm32
        b.bytes(0x48, 0x81, 0xC6).int32(0x1000 - STATE - CODE_SIZE).load(7, (int) UserSpace.DATA).copy(UserSpace.DATA_SIZE);
        // XOR EAX,EAX; REP STOSQ
        b.bytes(0x31, 0xC0).load(7, (int) UserSpace.STACK).load(1, 0x2000 / 8).bytes(0xF3, 0x48, 0xAB);
        // MOV EAX,7; XOR EDX,EDX; XRSTOR; PUSH flags; POPFQ
        b.load(0, 7).bytes(0x31, 0xD2).memory(0x0FAE, 5, IN).memory(0xFF, 6, IN + FLAGS).bytes(0x9D);
        for (int r = 0; r < 16; r++) {
            if (r != 4) {
                b.memory(0x8B, r, IN + GPR + 8 * r);
            }
        }
        b.memory(0x8B, 4, IN + GPR + 8 * 4).bytes(0xE9).int32((int) UserSpace.CODE - DRIVER - b.size() - 4);
        b.put(DRIVER - VIEW);

        b = new Code();
        for (int r = 0; r < 16; r++) {
            b.memory(0x89, r, OUT + GPR + 8 * r);
        }
        // CLD; MOV EAX,7; XOR EDX,EDX; XSAVE
        b.bytes(0xFC).load(0, 7).bytes(0x31, 0xD2).memory(0x0FAE, 4, OUT);
        b.load(6, FRAME).load(7, OUT + FLAGS).copy(8 * FRAME_LONGS);
        b.memory(0x8B, 7, NEXT_OUT).load(6, OUT).copy(STATE);
        // ADD RDI,imm32
        b.bytes(0x48, 0x81, 0xC7).int32(0x1000 - STATE).load(6, (int) UserSpace.DATA).copy(UserSpace.DATA_SIZE);
        b.memory(0x81, 0, NEXT_IN).int32(STRIDE).memory(0x81, 0, NEXT_OUT).int32(STRIDE).memory(0xFF, 1, LEFT);
        // JNZ the driver's beginning; INT 4
        b.bytes(0x0F, 0x85).int32(-0x800 - b.size() - 4).bytes(0xCD, DONE_VECTOR);
        b.put(DRIVER - VIEW + 0x800);
    }

    /** Adds a sequence to the batch. */
    void add(byte[] code, VpState s, byte[] data) {
        if (code.length > CODE_SIZE - 16) {
            throw new IllegalArgumentException("code.length=" + code.length);
        }
        long at = INPUTS + (long) codes.size() * STRIDE;
        codes.add(code);
        putState(m.asSlice(at, STATE), s);
        m.asSlice(at + STATE, CODE_SIZE).fill((byte) 0xCC);
        MemorySegment.copy(MemorySegment.ofArray(code), 0, m, at + STATE, code.length);
        MemorySegment.copy(MemorySegment.ofArray(data), 0, m, at + 0x1000, UserSpace.DATA_SIZE);
    }

    /** {@return how many sequences the batch has} */
    int size() {
        return codes.size();
    }

    private static void putState(MemorySegment b, VpState s) {
        b.fill((byte) 0);
        b.set(SHORT, 0, (short) s.fcw);
        b.set(SHORT, 2, (short) s.fsw);
        b.set(ValueLayout.JAVA_BYTE, 4, (byte) s.ftw);
        b.set(INT, 24, s.mxcsr);
        int top = s.fsw >> 11 & 7;
        for (int i = 0; i < 8; i++) {
            b.set(LONG, 32 + 16 * i, s.x87Mantissa[top + i & 7]);
            b.set(SHORT, 40 + 16 * i, (short) s.x87Exponent[top + i & 7]);
        }
        for (int i = 0; i < 16; i++) {
            b.set(LONG, 160 + 16 * i, s.ymm[4 * i]);
            b.set(LONG, 168 + 16 * i, s.ymm[4 * i + 1]);
            b.set(LONG, 576 + 16 * i, s.ymm[4 * i + 2]);
            b.set(LONG, 584 + 16 * i, s.ymm[4 * i + 3]);
            b.set(LONG, GPR + 8 * i, s.gpr[i]);
        }
        b.set(LONG, 512, 7);
        b.set(LONG, FLAGS, s.rflags);
    }

    private Outcome outcome(int k) {
        long at = RESULTS + (long) k * STRIDE;
        MemorySegment b = m.asSlice(at, STATE);
        VpState s = new VpState();
        s.fcw = b.get(SHORT, 0) & 0xFFFF;
        s.fsw = b.get(SHORT, 2) & 0xFFFF;
        s.ftw = b.get(ValueLayout.JAVA_BYTE, 4) & 0xFF;
        s.mxcsr = b.get(INT, 24);
        int top = s.fsw >> 11 & 7;
        for (int i = 0; i < 8; i++) {
            s.x87Mantissa[top + i & 7] = b.get(LONG, 32 + 16 * i);
            s.x87Exponent[top + i & 7] = b.get(SHORT, 40 + 16 * i) & 0xFFFF;
        }
        // What is not in use is in its initial state, whatever the area holds.
        long inUse = b.get(LONG, 512);
        for (int i = 0; i < 16; i++) {
            s.ymm[4 * i] = b.get(LONG, 160 + 16 * i);
            s.ymm[4 * i + 1] = b.get(LONG, 168 + 16 * i);
            s.ymm[4 * i + 2] = (inUse & 4) != 0 ? b.get(LONG, 576 + 16 * i) : 0;
            s.ymm[4 * i + 3] = (inUse & 4) != 0 ? b.get(LONG, 584 + 16 * i) : 0;
            s.gpr[i] = b.get(LONG, GPR + 8 * i);
        }
        // The frame as it was pushed, downwards: SS, RSP, RFLAGS, CS, RIP, error code, vector, RAX, CR2.
        int vector = (int) b.get(LONG, FLAGS + 16);
        long error = b.get(LONG, FLAGS + 24);
        long rsp = b.get(LONG, FLAGS + 56);
        s.gpr[4] = rsp;
        s.cr2 = vector == 14 ? b.get(LONG, FLAGS) : 0;
        byte[] data = new byte[UserSpace.DATA_SIZE];
        MemorySegment.copy(m, ValueLayout.JAVA_BYTE, at + 0x1000, data, 0, data.length);
        return new Outcome(vector, error, b.get(LONG, FLAGS + 32), b.get(LONG, FLAGS + 48), rsp, s, data, null);
    }

    /** Runs the batch and empties it. {@return an outcome for each sequence; null when the machine did not come to the end} */
    List<Outcome> run() {
        int n = codes.size();
        codes.clear();
        m.set(LONG, NEXT_IN - VIEW, VIEW + INPUTS);
        m.set(LONG, NEXT_OUT - VIEW, VIEW + RESULTS);
        m.set(LONG, LEFT - VIEW, n);
        gpa.written(0, SIZE);
        if (!waiting) {
            // Only after a batch that did not come to its end: for a new state KVM maps all memory anew.
            VpState start = UserSpace.state();
            start.rip = DRIVER;
            start.gpr[4] = DRIVER_STACK;
            vp.setState(start);
        }
        vector = -1;
        timedOut = false;
        TimerTask stop = new TimerTask() {
            @Override
            public void run() {
                timedOut = true;
                vp.kick();
            }
        };
        watchdog.schedule(stop, 30_000);
        VpExit exit = vp.run(handler);
        stop.cancel();
        waiting = exit == VpExit.KICKED && !timedOut && vector == DONE_VECTOR;
        if (!waiting) {
            return null;
        }
        List<Outcome> all = new ArrayList<>();
        for (int k = 0; k < n; k++) {
            all.add(outcome(k));
        }
        return all;
    }

    @Override
    public void close() {
        watchdog.cancel();
        vp.close();
        partition.close();
        memory.close();
    }
}
