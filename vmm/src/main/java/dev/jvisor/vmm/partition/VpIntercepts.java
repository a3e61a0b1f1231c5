package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;

/** Routes the intercepts of one VP to ports, device memory and MSRs; counts; traces if asked to. Used by the VP's thread only. */
final class VpIntercepts implements InterceptHandler {
    private final Partition partition;
    private final PortSpace ports;
    private final GpaSpace gpaSpace;
    private final MsrSpace msrs;
    final VpCounters counters = new VpCounters();

    VpIntercepts(Partition partition) {
        this.partition = partition;
        this.ports = partition.ports();
        this.gpaSpace = partition.gpa();
        this.msrs = partition.msrs();
    }

    @Override
    public int portRead(int vp, int port, int size) {
        counters.portReads++;
        int value = ports.read(vp, port, size, counters);
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.port(vp, false, port, size, value, ports.find(port) != null);
        }
        return value;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        counters.portWrites++;
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.port(vp, true, port, size, value, ports.find(port) != null);
        }
        ports.write(vp, port, size, value, counters);
    }

    private GpaRegion device(long gpa) {
        GpaRegion r = gpaSpace.find(gpa);
        return r != null && r.device() != null ? r : null;
    }

    @Override
    public long mmioRead(int vp, long gpa, int size) {
        counters.mmioReads++;
        GpaRegion r = device(gpa);
        long value;
        if (r == null) {
            counters.unknownMmio++;
            value = -1L;
        } else {
            value = r.device().mmioRead(vp, gpa - r.gpa(), size);
        }
        if (size < 8) {
            value &= (1L << size * 8) - 1;
        }
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.mmio(vp, false, gpa, size, value, r != null);
        }
        return value;
    }

    @Override
    public void mmioWrite(int vp, long gpa, int size, long value) {
        counters.mmioWrites++;
        GpaRegion r = device(gpa);
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.mmio(vp, true, gpa, size, value, r != null);
        }
        if (r == null) {
            counters.unknownMmio++;
        } else {
            r.device().mmioWrite(vp, gpa - r.gpa(), size, value);
        }
    }

    @Override
    public boolean msrRead(int vp, int index, MsrValue value) {
        counters.msrReads++;
        MsrDevice d = msrs.find(index);
        boolean ok = d != null && d.msrRead(vp, index, value);
        if (!ok) {
            counters.unknownMsrs++;
        }
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.msr(vp, false, index, value.value, ok);
        }
        return ok;
    }

    @Override
    public boolean msrWrite(int vp, int index, long value) {
        counters.msrWrites++;
        MsrDevice d = msrs.find(index);
        boolean ok = d != null && d.msrWrite(vp, index, value);
        if (!ok) {
            counters.unknownMsrs++;
        }
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.msr(vp, true, index, value, ok);
        }
        return ok;
    }

    @Override
    public void endOfInterrupt(int vector) {
        partition.endOfInterrupt(vector);
    }

    @Override
    public boolean coprocessorError(int vp) {
        CoprocessorPins p = partition.coprocessorPins;
        return p == null || p.ferrAsserted(vp);
    }

    @Override
    public void coprocessorErrorOver(int vp) {
        CoprocessorPins p = partition.coprocessorPins;
        if (p != null) {
            p.ferrReleased(vp);
        }
    }

    @Override
    public void remark(int vp, String what, long rip) {
        counters.remarks++;
        InterceptTrace t = partition.trace;
        if (t != null) {
            t.remark(vp, what, rip);
        }
    }
}
