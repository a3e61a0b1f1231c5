package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.KvmCpuidEntry;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.CpuidTable;
import java.util.ArrayList;
import java.util.List;

/** CPUID tables: between ours and the kernel's form, the backend's own choice, and what differs from VP to VP. */
final class KvmCpuid {
    private static final int FEATURES = 1;
    private static final int CACHES = 4;
    private static final int TOPOLOGY = 0xB;
    private static final int TOPOLOGY_2 = 0x1F;
    private static final int KVM_FEATURES = 0x40000001;
    private static final int AMD_SIZES = 0x80000008;
    private static final int AMD_TOPOLOGY = 0x8000001E;
    private static final int ECX_TSC_DEADLINE = 1 << 24;
    private static final int ECX_HYPERVISOR = 1 << 31;
    private static final int EDX_HTT = 1 << 28;
    /**
     * Of KVM's own features those that need neither a hypercall (VMCALL does not work on every host) nor the in-kernel local APIC:
     * kvmclock by either MSR, no I/O delays, stable clock.
     */
    private static final int KVM_FEATURES_KEPT = 1 | 1 << 1 | 1 << 3 | 1 << 24;

    private KvmCpuid() {
    }

    /** {@return the table for a caller that gave none: what the host supports, with our topology} */
    static CpuidTable defaultTable(List<KvmCpuidEntry> supported, int processors, Irqchip irqchip) {
        int idBits = 32 - Integer.numberOfLeadingZeros(processors - 1);
        List<KvmCpuidEntry> out = new ArrayList<>();
        for (KvmCpuidEntry e : supported) {
            switch (e.function()) {
                case FEATURES -> {
                    int ecx = e.ecx() | ECX_HYPERVISOR;
                    if (irqchip == Irqchip.USER) {
                        // The deadline would be reckoned in guest TSC, which KVM may run with an offset of its own.
                        ecx &= ~ECX_TSC_DEADLINE;
                    }
                    int edx = processors > 1 ? e.edx() | EDX_HTT : e.edx() & ~EDX_HTT;
                    out.add(with(e, e.eax(), e.ebx() & 0xFFFF | Math.min(processors, 255) << 16, ecx, edx));
                }
                case CACHES -> {
                    int packageIds = Math.min(63, (1 << idBits) - 1);
                    out.add((e.eax() & 0x1F) == 0 ? e : with(e, e.eax() & 0x3FFF | packageIds << 26, e.ebx(), e.ecx(), e.edx()));
                }
                case TOPOLOGY, TOPOLOGY_2 -> { /* made below */ }
                case KVM_FEATURES -> out.add(with(e, e.eax() & KVM_FEATURES_KEPT, 0, 0, 0));
                case AMD_SIZES -> out.add(with(e, e.eax(), e.ebx(), processors - 1 | idBits << 12, e.edx()));
                default -> out.add(e);
            }
        }
        if (supported.stream().anyMatch(e -> e.function() == 0 && Integer.compareUnsigned(e.eax(), TOPOLOGY) >= 0)) {
            int indexed = KvmCpuidEntry.SIGNIFICANT_INDEX;
            out.add(new KvmCpuidEntry(TOPOLOGY, 0, indexed, 0, 1, 0x100, 0));
            out.add(new KvmCpuidEntry(TOPOLOGY, 1, indexed, idBits, processors, 0x201, 0));
            out.add(new KvmCpuidEntry(TOPOLOGY, 2, indexed, 0, 0, 2, 0));
        }
        return fromKernel(out);
    }

    /** {@return the kernel's form of the table for one VP: APIC ids filled in} */
    static List<KvmCpuidEntry> forVp(CpuidTable table, int apicId) {
        List<KvmCpuidEntry> out = new ArrayList<>();
        for (CpuidTable.Entry e : table.entries()) {
            boolean any = e.subleaf() == CpuidTable.ANY;
            KvmCpuidEntry k = new KvmCpuidEntry(e.leaf(), any ? 0 : e.subleaf(), any ? 0 : KvmCpuidEntry.SIGNIFICANT_INDEX, e.eax(),
                    e.ebx(), e.ecx(), e.edx());
            out.add(switch (e.leaf()) {
                case FEATURES -> with(k, k.eax(), k.ebx() & 0xFFFFFF | apicId << 24, k.ecx(), k.edx());
                case TOPOLOGY, TOPOLOGY_2 -> with(k, k.eax(), k.ebx(), k.ecx(), apicId);
                case AMD_TOPOLOGY -> with(k, apicId, k.ebx() & ~0xFF | apicId & 0xFF, k.ecx(), k.edx());
                default -> k;
            });
        }
        return out;
    }

    /** {@return our form of a kernel's table} */
    static CpuidTable fromKernel(List<KvmCpuidEntry> entries) {
        return new CpuidTable(entries.stream().map(e -> new CpuidTable.Entry(e.function(),
                (e.flags() & KvmCpuidEntry.SIGNIFICANT_INDEX) != 0 ? e.index() : CpuidTable.ANY, e.eax(), e.ebx(), e.ecx(), e.edx()))
                .toList());
    }

    private static KvmCpuidEntry with(KvmCpuidEntry e, int eax, int ebx, int ecx, int edx) {
        return new KvmCpuidEntry(e.function(), e.index(), e.flags(), eax, ebx, ecx, edx);
    }
}
