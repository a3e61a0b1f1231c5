package dev.jvisor.nativebindings;

import dev.jvisor.nativebindings.gen.kvm_cpuid2;
import dev.jvisor.nativebindings.gen.kvm_cpuid_entry2;
import dev.jvisor.nativebindings.gen.kvm_irq_routing;
import dev.jvisor.nativebindings.gen.kvm_irq_routing_entry;
import dev.jvisor.nativebindings.gen.kvm_irq_routing_irqchip;
import dev.jvisor.nativebindings.gen.kvm_irq_routing_msi;
import dev.jvisor.nativebindings.gen.kvm_msr_filter;
import dev.jvisor.nativebindings.gen.kvm_msr_filter_range;
import dev.jvisor.nativebindings.gen.Uapi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The structs with a list behind their header: CPUID, GSI routes, MSR filter. jextract sees flexible arrays as empty. */
final class KvmTables {
    private KvmTables() {
    }

    static MemorySegment allocateCpuid(Arena arena, int entries) {
        MemorySegment table = arena.allocate(kvm_cpuid2.layout().byteSize() + entries * kvm_cpuid_entry2.layout().byteSize(), 8);
        kvm_cpuid2.nent(table, entries);
        return table;
    }

    static List<KvmCpuidEntry> readCpuid(MemorySegment table, int count) {
        List<KvmCpuidEntry> entries = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            MemorySegment e = cpuidEntry(table, i);
            entries.add(new KvmCpuidEntry(kvm_cpuid_entry2.function(e), kvm_cpuid_entry2.index(e), kvm_cpuid_entry2.flags(e),
                    kvm_cpuid_entry2.eax(e), kvm_cpuid_entry2.ebx(e), kvm_cpuid_entry2.ecx(e), kvm_cpuid_entry2.edx(e)));
        }
        return List.copyOf(entries);
    }

    static MemorySegment writeCpuid(Arena arena, List<KvmCpuidEntry> entries) {
        MemorySegment table = allocateCpuid(arena, entries.size());
        for (int i = 0; i < entries.size(); i++) {
            KvmCpuidEntry entry = entries.get(i);
            MemorySegment e = cpuidEntry(table, i);
            kvm_cpuid_entry2.function(e, entry.function());
            kvm_cpuid_entry2.index(e, entry.index());
            kvm_cpuid_entry2.flags(e, entry.flags());
            kvm_cpuid_entry2.eax(e, entry.eax());
            kvm_cpuid_entry2.ebx(e, entry.ebx());
            kvm_cpuid_entry2.ecx(e, entry.ecx());
            kvm_cpuid_entry2.edx(e, entry.edx());
        }
        return table;
    }

    private static MemorySegment cpuidEntry(MemorySegment table, int i) {
        long size = kvm_cpuid_entry2.layout().byteSize();
        return table.asSlice(kvm_cpuid2.layout().byteSize() + i * size, size);
    }

    static MemorySegment routing(Arena arena, List<GsiRoute> routes) {
        long header = kvm_irq_routing.layout().byteSize();
        long size = kvm_irq_routing_entry.layout().byteSize();
        MemorySegment table = arena.allocate(header + routes.size() * size, 8);
        kvm_irq_routing.nr(table, routes.size());
        for (int i = 0; i < routes.size(); i++) {
            MemorySegment e = table.asSlice(header + i * size, size);
            MemorySegment u = kvm_irq_routing_entry.u(e);
            kvm_irq_routing_entry.gsi(e, routes.get(i).gsi());
            switch (routes.get(i)) {
                case GsiRoute.Pin pin -> {
                    kvm_irq_routing_entry.type(e, Uapi.KVM_IRQ_ROUTING_IRQCHIP());
                    kvm_irq_routing_irqchip.irqchip(u, pin.chip());
                    kvm_irq_routing_irqchip.pin(u, pin.pin());
                }
                case GsiRoute.Msi msi -> {
                    kvm_irq_routing_entry.type(e, Uapi.KVM_IRQ_ROUTING_MSI());
                    kvm_irq_routing_msi.address_lo(u, (int) msi.address());
                    kvm_irq_routing_msi.address_hi(u, (int) (msi.address() >>> 32));
                    kvm_irq_routing_msi.data(u, msi.data());
                }
            }
        }
        return table;
    }

    /** The filter allows everything but the given ranges. */
    static MemorySegment msrFilter(Arena arena, List<MsrRange> refused) {
        if (refused.size() > Uapi.KVM_MSR_FILTER_MAX_RANGES()) {
            throw new IllegalArgumentException("too many MSR ranges: " + refused.size() + " > " + Uapi.KVM_MSR_FILTER_MAX_RANGES());
        }
        MemorySegment filter = kvm_msr_filter.allocate(arena);
        kvm_msr_filter.flags(filter, Uapi.KVM_MSR_FILTER_DEFAULT_ALLOW());
        for (int i = 0; i < refused.size(); i++) {
            MsrRange range = refused.get(i);
            MemorySegment e = kvm_msr_filter.ranges(filter, i);
            kvm_msr_filter_range.flags(e, (range.reads() ? Uapi.KVM_MSR_FILTER_READ() : 0)
                    | (range.writes() ? Uapi.KVM_MSR_FILTER_WRITE() : 0));
            kvm_msr_filter_range.nmsrs(e, range.count());
            kvm_msr_filter_range.base(e, range.base());
            // A zero bit refuses; the kernel reads whole longs.
            kvm_msr_filter_range.bitmap(e, arena.allocate((range.count() + 63L) / 64 * 8, 8));
        }
        return filter;
    }
}
