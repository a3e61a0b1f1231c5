package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.kvm_msr_entry;
import dev.jvisor.nativebindings.gen.kvm_msrs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A list of MSRs with values for {@link KvmVcpu#getMsrs} and {@link KvmVcpu#setMsrs} ({@code struct kvm_msrs}), to be reused. */
public final class KvmMsrs {
    private static final long HEADER = kvm_msrs.layout().byteSize();
    private static final long ENTRY = kvm_msr_entry.layout().byteSize();
    private static final long INDEX = kvm_msr_entry.index$offset();
    private static final long DATA = kvm_msr_entry.data$offset();

    final MemorySegment segment;
    private final int size;

    /** Creates a list of the given MSRs, all zero. */
    public KvmMsrs(int... indices) {
        size = indices.length;
        segment = Arena.ofAuto().allocate(HEADER + ENTRY * size, 8);
        kvm_msrs.nmsrs(segment, size);
        for (int i = 0; i < size; i++) {
            segment.set(JAVA_INT, HEADER + ENTRY * i + INDEX, indices[i]);
        }
    }

    /** {@return the number of MSRs} */
    public int size() {
        return size;
    }

    /** {@return the MSR's number} */
    public int index(int i) {
        return segment.get(JAVA_INT, HEADER + ENTRY * i + INDEX);
    }

    /** {@return the MSR's value} */
    public long value(int i) {
        return segment.get(JAVA_LONG, HEADER + ENTRY * i + DATA);
    }

    /** Sets the MSR's value. */
    public void value(int i, long value) {
        segment.set(JAVA_LONG, HEADER + ENTRY * i + DATA, value);
    }
}
