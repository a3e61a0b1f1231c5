package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.CpuidTable.Entry;
import java.util.ArrayList;
import java.util.List;

/** CPUID leaves 0x40000000 to 0x40000006 (TLFS 2.4), and the rights they show. */
final class HypervisorLeaves {
    private static final int BASE = 0x40000000;
    /** ECX bit 31 of leaf 1: there is a hypervisor. */
    private static final int HYPERVISOR_PRESENT = 1 << 31;
    private static final int ADVANCED_POWER = 0x80000007;
    private static final int INVARIANT_TSC = 1 << 8;

    // Leaf 3, EDX.
    private static final int IDLE_STATE = 1 << 5, FREQUENCY_MSRS = 1 << 8, CRASH_MSRS = 1 << 10, DIRECT_TIMERS = 1 << 19;
    /** Leaf 4: relaxed timing, and no automatic end of interrupt, which not all local APICs can do. */
    private static final int RECOMMENDATIONS = 1 << 5 | 1 << 9;
    private static final int NEVER_NOTIFY_SPINS = -1;

    private HypervisorLeaves() { }

    /** {@return the rights of a child partition with a given processor} */
    static long privileges(CpuidTable cpu, HypervisorConfig config, boolean idle) {
        long p = Privilege.ACCESS_TIME_REF_COUNT.mask() | Privilege.ACCESS_SYNIC.mask() | Privilege.ACCESS_HYPERCALL_MSRS.mask()
                | Privilege.ACCESS_VP_INDEX.mask() | Privilege.ACCESS_RESET.mask() | Privilege.ACCESS_REFERENCE_TSC.mask()
                | Privilege.ACCESS_FREQUENCIES.mask() | Privilege.POST_MESSAGES.mask() | Privilege.SIGNAL_EVENTS.mask();
        if (config.syntheticTimers()) {
            p |= Privilege.ACCESS_SYNTHETIC_TIMERS.mask();
        }
        if (idle) {
            p |= Privilege.ACCESS_GUEST_IDLE.mask();
        }
        Entry power = cpu.find(ADVANCED_POWER, 0);
        if (power != null && (power.edx() & INVARIANT_TSC) != 0) {
            p |= Privilege.ACCESS_TSC_INVARIANT.mask();
        }
        return p;
    }

    /** {@return the table with our leaves in place of any other hypervisor's} */
    static CpuidTable apply(CpuidTable cpu, long privileges, int processors) {
        List<Entry> t = new ArrayList<>();
        for (Entry e : cpu.entries()) {
            if (e.leaf() >>> 16 == BASE >>> 16) {
                continue;
            }
            t.add(e.leaf() != 1 ? e : new Entry(1, e.subleaf(), e.eax(), e.ebx(), e.ecx() | HYPERVISOR_PRESENT, e.edx()));
        }
        boolean timers = (privileges & Privilege.ACCESS_SYNTHETIC_TIMERS.mask()) != 0;
        boolean idle = (privileges & Privilege.ACCESS_GUEST_IDLE.mask()) != 0;
        // "Micr" "osof" "t Hv"
        t.add(leaf(0, BASE + 6, 0x7263694D, 0x666F736F, 0x76482074));
        // "Hv#1"
        t.add(leaf(1, 0x31237648, 0, 0, 0));
        // Version 10.0.
        t.add(leaf(2, 1, 10 << 16, 0, 0));
        t.add(leaf(3, (int) privileges, (int) (privileges >>> 32), 0,
                FREQUENCY_MSRS | CRASH_MSRS | (timers ? DIRECT_TIMERS : 0) | (idle ? IDLE_STATE : 0)));
        t.add(leaf(4, RECOMMENDATIONS, NEVER_NOTIFY_SPINS, 0, 0));
        t.add(leaf(5, processors, processors, 0, 0));
        t.add(leaf(6, 0, 0, 0, 0));
        return new CpuidTable(t);
    }

    private static Entry leaf(int n, int eax, int ebx, int ecx, int edx) {
        return new Entry(BASE + n, CpuidTable.ANY, eax, ebx, ecx, edx);
    }
}
