package dev.jvisor.vmm.differential;

import static dev.jvisor.vmm.differential.UserSpace.*;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.SystemClock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Timer;
import java.util.TimerTask;

/**
 * A partition of one VP that runs user-mode code in long mode until its first exception. Every vector's handler is an OUT to the port of
 * that number, so the intercept tells which it was, and the frame on the supervisor stack tells where.
 */
final class UserMachine implements AutoCloseable {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    /** How a sequence ended. @param vector exception, or -1 when it was stopped from outside or the engine failed */
    record Outcome(int vector, long error, long rip, long rflags, long rsp, VpState state, byte[] data, String failure) { }

    private final MappedMemory memory = MappedMemory.anonymous("differential", SIZE);
    private final GpaSpace gpa = new GpaSpace(memory.segment());
    private final BackendPartition partition;
    private final BackendVp vp;
    private final Timer watchdog = new Timer("watchdog", true);
    private int vector;
    private volatile boolean timedOut;

    private final InterceptHandler handler = new InterceptHandler() {
        @Override
        public void portWrite(int index, int port, int size, int value) {
            vector = port;
            vp.kick();
        }
    };

    UserMachine(Backend backend) {
        gpa.mapRam(0, SIZE);
        MemorySegment m = gpa.host();
        pageTables(m, UserMachine::page);
        for (int v = 0; v < 256; v++) {
            long at = HANDLERS + v * 16L;
            long low = at & 0xFFFF | 0x10L << 16 | (0x8E00L | (v == 3 || v == 4 ? 0x6000 : 0)) << 32 | (at >>> 16 & 0xFFFF) << 48;
            m.set(LONG, IDT + v * 16L, low);
            m.set(LONG, IDT + v * 16L + 8, at >>> 32);
            // OUT v,AL; HLT
            m.set(ValueLayout.JAVA_BYTE, at, (byte) 0xE6);
            m.set(ValueLayout.JAVA_BYTE, at + 1, (byte) v);
            m.set(ValueLayout.JAVA_BYTE, at + 2, (byte) 0xF4);
        }
        descriptors(m);
        partition = backend.createPartition(gpa, new BackendConfig(1, BackendConfig.Irqchip.USER, null, new SystemClock()));
        vp = partition.createVp(0, VpInterrupts.NONE);
    }

    /** {@return the entry for a page: supervisor's below CODE, then the user's with a gap after each area} */
    private static long page(long page) {
        boolean user = page >= CODE && page < CODE + 0x2000 || page >= DATA && page < DATA + DATA_SIZE
                || page >= STACK && page < STACK + 0x2000;
        long entry = page < CODE ? page | 3 : user ? page | 7 : 0;
        // Data is not to be executed: a wild jump would run a sequence nobody has described.
        long noExecute = user && page >= DATA ? 1L << 63 : 0;
        return entry | (entry != 0 ? 0x60 | noExecute : 0);
    }

    /** Runs code until an exception. */
    Outcome run(byte[] code, VpState state, byte[] data) {
        MemorySegment m = gpa.host();
        m.asSlice(CODE, 0x2000).fill((byte) 0xCC);
        MemorySegment.copy(MemorySegment.ofArray(code), 0, m, CODE, code.length);
        gpa.written(CODE, 0x2000);
        MemorySegment.copy(MemorySegment.ofArray(data), 0, m, DATA, DATA_SIZE);
        gpa.written(DATA, DATA_SIZE);
        m.asSlice(STACK, 0x2000).fill((byte) 0);
        gpa.written(STACK, 0x2000);
        vp.setState(state);
        vector = -1;
        timedOut = false;
        TimerTask stop = new TimerTask() {
            @Override
            public void run() {
                timedOut = true;
                vp.kick();
            }
        };
        watchdog.schedule(stop, 3000);
        VpExit exit = vp.run(handler);
        stop.cancel();
        VpState after = new VpState();
        vp.getState(after);
        String failure = exit != VpExit.KICKED ? exit + " " + vp.explain() : timedOut ? "does not end" : null;
        byte[] dataAfter = m.asSlice(DATA, DATA_SIZE).toArray(ValueLayout.JAVA_BYTE);
        if (vector < 0) {
            return new Outcome(-1, 0, after.rip, after.rflags, after.gpr[4], after, dataAfter, failure == null ? "kicked" : failure);
        }
        boolean hasError = vector == 8 || vector >= 10 && vector <= 14 || vector == 17;
        long frame = after.gpr[4];
        long error = hasError ? m.get(LONG, frame) : 0;
        long base = hasError ? frame + 8 : frame;
        return new Outcome(vector, error, m.get(LONG, base), m.get(LONG, base + 16), m.get(LONG, base + 24), after, dataAfter, failure);
    }

    @Override
    public void close() {
        watchdog.cancel();
        vp.close();
        partition.close();
        memory.close();
    }
}
