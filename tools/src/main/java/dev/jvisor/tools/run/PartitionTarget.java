package dev.jvisor.tools.run;

import dev.jvisor.tools.gdb.DebugTarget;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.partition.VirtualProcessor;
import dev.jvisor.vmm.state.VpState;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/**
 * A partition as a debugger sees it. While it is stopped every VP stands still; a step lets one of them go. Stops are told from a thread of
 * this class, when all have come to rest.
 */
final class PartitionTarget implements DebugTarget {
    private static final int PAGE = 4096;
    private static final long[] NOWHERE = {};

    private final Partition partition;
    private final ToIntFunction<StopReason> exitCode;
    private final ExecutorService teller = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("gdb-stops").factory());
    private final Object stopping = new Object();
    private volatile Consumer<Stop> listener = s -> { };
    /** How often it was let go; guarded by {@link #stopping}. */
    private int runs;

    /** Takes over a partition that has not been started. @param exitCode what a reason to stop means for the shell */
    PartitionTarget(Partition partition, ToIntFunction<StopReason> exitCode) {
        this.partition = partition;
        this.exitCode = exitCode;
        partition.debugListener(vp -> tell(vp.index(), Reason.TRAP));
    }

    /** Starts the partition with every VP standing still before its first instruction. */
    void startStopped() {
        partition.processors().forEach(VirtualProcessor::requestPause);
        partition.start();
        partition.pause();
    }

    /** Tells the debugger that the partition has ended. */
    void ended(StopReason reason) {
        listener.accept(new Stop(0, Reason.ENDED, exitCode.applyAsInt(reason)));
    }

    private void tell(int vp, Reason why) {
        teller.execute(() -> {
            synchronized (stopping) {
                stop(vp, why);
            }
        });
    }

    private void stop(int vp, Reason why) {
        partition.processors().forEach(VirtualProcessor::requestPause);
        partition.pause();
        if (partition.stopReason() == null) {
            listener.accept(new Stop(vp, why, 0, why == Reason.TRAP ? partition.processor(vp).watchpointHit() : null));
        }
    }

    @Override
    public int processors() {
        return partition.processors().size();
    }

    @Override
    public VpState state(int vp) {
        VpState s = new VpState();
        partition.processor(vp).getState(s);
        return s;
    }

    @Override
    public void setState(int vp, VpState state) {
        partition.processor(vp).setState(state);
    }

    @Override
    public byte[] read(int vp, long gva, int length) {
        ByteArrayOutputStream got = new ByteArrayOutputStream(length);
        while (got.size() < length) {
            MemorySegment part = page(vp, gva + got.size(), length - got.size());
            if (part == null) {
                break;
            }
            got.writeBytes(part.toArray(ValueLayout.JAVA_BYTE));
        }
        return got.toByteArray();
    }

    @Override
    public boolean write(int vp, long gva, byte[] bytes) {
        int done = 0;
        while (done < bytes.length) {
            MemorySegment part = page(vp, gva + done, bytes.length - done);
            if (part == null) {
                return false;
            }
            int n = (int) part.byteSize();
            part.copyFrom(MemorySegment.ofArray(bytes).asSlice(done, n));
            partition.gpa().written(partition.processor(vp).translate(gva + done), n);
            done += n;
        }
        return true;
    }

    /** {@return the part of the memory wanted that lies in the page of {@code gva}; null when nothing is there} */
    private MemorySegment page(int vp, long gva, int wanted) {
        long gpa = partition.processor(vp).translate(gva);
        long offset = gpa == -1 ? -1 : partition.gpa().hostOffset(gpa);
        return offset < 0 ? null : partition.gpa().host().asSlice(offset, Math.min(wanted, PAGE - (int) (gva & PAGE - 1)));
    }

    @Override
    public boolean watch(List<Watchpoint> watchpoints) {
        boolean all = true;
        for (VirtualProcessor vp : partition.processors()) {
            all &= vp.watch(watchpoints);
        }
        if (!all) {
            partition.processors().forEach(vp -> vp.watch(List.of()));
        }
        return all;
    }

    @Override
    public void resume(Set<Long> breakpoints) {
        long[] at = breakpoints.stream().mapToLong(Long::longValue).toArray();
        synchronized (stopping) {
            runs++;
            partition.processors().forEach(vp -> vp.debug(at, false));
            partition.resume();
        }
    }

    @Override
    public void step(int vp) {
        VirtualProcessor one = partition.processor(vp);
        synchronized (stopping) {
            runs++;
            one.debug(NOWHERE, true);
            one.resume();
        }
    }

    @Override
    public void interrupt() {
        int run;
        synchronized (stopping) {
            run = runs;
        }
        teller.execute(() -> {
            synchronized (stopping) {
                // Let go since? Then a stop that came first has been told and answered already.
                if (run == runs) {
                    stop(0, Reason.INTERRUPT);
                }
            }
        });
    }

    @Override
    public void onStop(Consumer<Stop> to) {
        listener = to;
    }

    @Override
    public void kill() {
        partition.requestStop(StopReason.KILLED);
    }

    @Override
    public String explain(int vp) {
        return partition.processor(vp).explain();
    }
}
