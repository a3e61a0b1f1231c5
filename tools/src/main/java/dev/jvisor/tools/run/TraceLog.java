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
    private static final int MAX_NAMES = 1000;

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
            String shown = write || ok ? " value=0x" + Long.toHexString(value) : "";
            out.printf("vp%d %s msr=0x%x%s%s%n", vp, write ? "wrmsr" : "rdmsr", index, shown, ok ? "" : " #GP");
        }
    }

    @Override
    public void remark(int vp, String what, long rip) {
        if (cpu) {
            LongAdder seen = remarks.get(what);
            if (seen == null) {
                // A guest can make up names for ever.
                String name = remarks.size() < MAX_NAMES ? what : "(others)";
                seen = remarks.computeIfAbsent(name, w -> {
                    out.printf("vp%d cpu not implemented: %s at 0x%x%n", vp, w, rip);
                    return new LongAdder();
                });
            }
            seen.increment();
        }
    }

    /** Writes how often each remark came. */
    @Override
    public void close() {
        new TreeMap<>(remarks).forEach((what, n) -> out.printf("cpu %d times not implemented: %s%n", n.sum(), what));
        out.flush();
    }
}
