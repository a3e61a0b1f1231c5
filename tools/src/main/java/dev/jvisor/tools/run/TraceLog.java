package dev.jvisor.tools.run;

import dev.jvisor.vmm.partition.InterceptTrace;
import java.io.PrintStream;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Writes the intercepts asked for, one line each; remarks of the CPU once each, with a count at the end. Called on VP threads. */
final class TraceLog implements InterceptTrace, AutoCloseable {
    private final PrintStream out;
    private final boolean port;
    private final boolean mmio;
    private final boolean msr;
    private final boolean cpu;
    private final boolean unknown;
    private final Map<String, LongAdder> remarks = new ConcurrentHashMap<>();

    TraceLog(Set<TraceKind> kinds, PrintStream out) {
        Set<TraceKind> k = kinds.contains(TraceKind.ALL) ? EnumSet.allOf(TraceKind.class) : kinds;
        this.out = out;
        port = k.contains(TraceKind.PORT);
        mmio = k.contains(TraceKind.MMIO);
        msr = k.contains(TraceKind.MSR);
        cpu = k.contains(TraceKind.CPU);
        unknown = k.contains(TraceKind.UNKNOWN);
    }

    @Override
    public void port(int vp, boolean write, int number, int size, int value, boolean known) {
        if (port || unknown && !known) {
            out.printf("vp%d %s port=0x%x size=%d value=0x%x%s%n", vp, write ? "out" : "in", number, size, value, known ? "" : " unknown");
        }
    }

    @Override
    public void mmio(int vp, boolean write, long gpa, int size, long value, boolean known) {
        if (mmio || unknown && !known) {
            out.printf("vp%d mmio %s gpa=0x%x size=%d value=0x%x%s%n", vp, write ? "write" : "read", gpa, size, value, known ? "" : " unknown");
        }
    }

    @Override
    public void msr(int vp, boolean write, int index, long value, boolean ok) {
        if (msr || unknown && !ok) {
            out.printf("vp%d %s msr=0x%x value=0x%x%s%n", vp, write ? "wrmsr" : "rdmsr", index, value, ok ? "" : " #GP");
        }
    }

    @Override
    public void remark(int vp, String what) {
        if (cpu) {
            LongAdder seen = remarks.computeIfAbsent(what, w -> new LongAdder());
            seen.increment();
            if (seen.sum() == 1) {
                out.printf("vp%d cpu %s%n", vp, what);
            }
        }
    }

    /** Writes how often each remark came. */
    @Override
    public void close() {
        new TreeMap<>(remarks).forEach((what, n) -> out.printf("cpu %d times: %s%n", n.sum(), what));
        out.flush();
    }
}
