package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A guest of {@link KvmProbe}: one VP, a MiB of RAM, a few bytes of code that end by writing RAX to an address without memory. A watchdog
 * kicks a run that takes longer than a second. Used by one thread.
 */
final class ProbeGuest implements AutoCloseable {
    /** Where the code goes. */
    static final int START = 0x1000;
    /** Machine code of the end of every guest, in hex: mov [0x3000000],rax; hlt. */
    static final String REPORT = "48a30000000300000000 f4";

    private static final long REPORT_ADDRESS = 0x3000000;
    private static final long MEMORY = 1 << 20;
    private static final long WATCHDOG_MS = 1000;
    private static final int PAGE_DIRECTORY_32 = 0x80000;

    final GpaSpace gpa;
    private final MappedMemory memory = MappedMemory.anonymous("probe", MEMORY);
    private final KvmBackend backend;
    private final BackendPartition partition;
    private final BackendVp vp;
    private boolean reported;
    private long value;
    private int exception = -1;
    private volatile boolean hung;

    /** @param cpuid the table to show, null for the default */
    ProbeGuest(CpuidTable cpuid) {
        gpa = new GpaSpace(memory.segment());
        gpa.mapRam(0, MEMORY);
        backend = KvmBackend.open();
        partition = backend.createPartition(gpa, new BackendConfig(1, BackendConfig.Irqchip.USER, cpuid, () -> 0));
        vp = partition.createVp(0, VpInterrupts.NONE);
    }

    /** Runs code at {@link #START} from a state until it reports, stops, or the watchdog barks. */
    VpExit run(String code, VpState state) {
        gpa.write(START, HexFormat.of().parseHex(code.replace(" ", "")));
        vp.setState(state);
        CountDownLatch done = new CountDownLatch(1);
        Thread watchdog = Thread.ofPlatform().daemon().name("kvm-probe-watchdog").start(() -> watch(done));
        try {
            return vp.run(new Handler());
        } finally {
            done.countDown();
            join(watchdog);
        }
    }

    private void watch(CountDownLatch done) {
        try {
            if (!done.await(WATCHDOG_MS, TimeUnit.MILLISECONDS)) {
                hung = true;
                vp.kick();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return a state in 32-bit protected mode with paging: the first 4 MiB mapped onto themselves} */
    VpState paged32() {
        // Present, writable, 4 MiB page.
        gpa.write(PAGE_DIRECTORY_32, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0, 0x83).array());
        VpState s = new VpState();
        for (int i = 0; i < s.seg.length; i++) {
            s.seg[i] = new SegmentState(0x18, 0, -1, 0xC093);
        }
        s.seg[VpState.CS] = new SegmentState(0x10, 0, -1, 0xC09B);
        s.cr0 = 0x80000011L; // PE ET PG
        s.cr3 = PAGE_DIRECTORY_32;
        s.cr4 = 0x10; // PSE
        s.rip = START;
        return s;
    }

    /** {@return whether the guest got to its end} */
    boolean reported() {
        return reported;
    }

    /** {@return RAX as reported} */
    long value() {
        return value;
    }

    /** {@return the vector whose stub was reached, -1 for none} */
    int exception() {
        return exception;
    }

    /** {@return whether the watchdog had to end the run} */
    boolean hung() {
        return hung;
    }

    VpState state() {
        VpState s = new VpState();
        vp.getState(s);
        return s;
    }

    CpuidTable cpuid() {
        return partition.cpuid();
    }

    @Override
    public void close() {
        vp.close();
        partition.close();
        backend.close();
        memory.close();
    }

    private final class Handler implements InterceptHandler {
        @Override
        public void mmioWrite(int index, long address, int size, long data) {
            if (address == REPORT_ADDRESS) {
                reported = true;
                value = data;
            } else if (address == LongMode.EXCEPTION) {
                exception = (int) data;
            }
            vp.kick();
        }
    }
}
