package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.nativebindings.KvmCap;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.Clock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds out what the host's KVM does by running guests of a few instructions: some KVMs interpret supervisor code, with holes. Takes well
 * below a second. Decides by what instructions do, not by time; the rates are to print. No run can hang: each is kicked after a second.
 */
public final class KvmProbe {
    private static final int FEW_LOOPS = 10_000;
    private static final int MANY_LOOPS = 20_000_000;
    private static final int OURS = 0x5349564A; // "JVIS", a vendor that no processor has
    private static final int INT_VECTOR = 0x50;
    private static final long MOVED_TSC = 1L << 60;
    private static final String HANGS = "hangs";
    private static final String NATIVE = "native";
    private static final String OK = "ok";

    private final Clock clock;
    private final List<KvmReport.Attribute> attributes = new ArrayList<>();

    private KvmProbe(Clock clock) {
        this.clock = clock;
    }

    /** Probes. Never throws for what the host lacks. @param clock real time */
    public static KvmReport run(Clock clock) {
        return new KvmProbe(clock).probe();
    }

    /**
     * {@return whether supervisor code, SYSCALL included, runs on the processor; the short form of {@link #run}}
     *
     * @throws ErrnoException when a guest cannot be made
     */
    public static boolean supervisorNative() {
        return youngInstructions(0).equals(NATIVE) && syscall().equals(OK);
    }

    private KvmReport probe() {
        String unavailable = open();
        if (!unavailable.isEmpty()) {
            add("kvm", unavailable);
            return new KvmReport(unavailable, false, false, 0, 0, List.copyOf(attributes));
        }
        try {
            String supervisor = youngInstructions(0);
            String user = youngInstructions(3);
            String syscall = syscall();
            double supervisorRate = rate(0, !supervisor.equals(NATIVE));
            double userRate = rate(3, !user.equals(NATIVE));
            boolean supervisorNative = supervisor.equals(NATIVE) && syscall.equals(OK);
            boolean userNative = user.equals(NATIVE);
            add("kvm.supervisor", supervisor);
            add("kvm.supervisor.rate", perSecond(supervisorRate));
            add("kvm.user", user);
            add("kvm.user.rate", perSecond(userRate));
            add("kvm.syscall", syscall);
            add("kvm.intn", intN());
            add("kvm.cpuid.user", userCpuid());
            add("kvm.paging32", paging32());
            add("kvm.tsc.offset", tscOffset());
            return new KvmReport("", supervisorNative, userNative, supervisorRate, userRate, List.copyOf(attributes));
        } catch (ErrnoException e) {
            String why = Kvm.DEVICE + " opens, but a guest cannot be made: " + e.getMessage();
            add("kvm", why);
            return new KvmReport(why, false, false, 0, 0, List.copyOf(attributes));
        }
    }

    /** {@return why there is no KVM, empty when there is; notes what it says of itself} */
    private String open() {
        try (Kvm kvm = Kvm.open()) {
            int version = kvm.apiVersion();
            add("kvm.api", Integer.toString(version));
            if (version != Kvm.API_VERSION) {
                return Kvm.DEVICE + " speaks API version " + version + ", not " + Kvm.API_VERSION;
            }
            add("kvm.vendor", vendorModule());
            StringBuilder present = new StringBuilder();
            StringBuilder absent = new StringBuilder();
            for (KvmCap cap : KvmCap.values()) {
                int value = kvm.checkExtension(cap);
                (value == 0 ? absent : present).append(' ').append(cap).append(value > 1 ? "=" + value : "");
            }
            add("kvm.caps", present.toString().strip());
            add("kvm.caps.absent", absent.toString().strip());
            add("kvm.hyperv", kvm.checkExtension(KvmCap.HYPERV_SYNIC2) > 0 ? "yes" : "no");
            return "";
        } catch (ErrnoException e) {
            return switch (e.errnoName()) {
                case "ENOENT", "ENODEV" -> Kvm.DEVICE + " is not there: no KVM in the kernel, or its module is not loaded";
                case "EACCES", "EPERM" -> Kvm.DEVICE + " is forbidden: add the user to the group that owns it (usually kvm)";
                default -> e.getMessage();
            };
        }
    }

    private static String vendorModule() {
        for (String name : List.of("kvm_intel", "kvm_amd", "kvm_pvm")) {
            if (Files.exists(Path.of("/sys/module", name))) {
                return name;
            }
        }
        return "unknown";
    }

    private void add(String name, String value) {
        attributes.add(new KvmReport.Attribute(name, value));
    }

    private static String perSecond(double rate) {
        return rate >= 1e9 ? String.format("%.1f G/s", rate / 1e9) : String.format("%.1f M/s", rate / 1e6);
    }

    // An interpreter knows the integer instructions of 1995; these two are younger, and any kernel of today uses them.
    private static String youngInstructions(int cpl) {
        try (ProbeGuest g = new ProbeGuest(null)) {
            // popcnt rax,rbx; pxor xmm0,xmm0; report
            VpExit exit = g.run("f3480fb8c3 660fefc0" + ProbeGuest.REPORT, LongMode.state(g.gpa, ProbeGuest.START, cpl));
            return exit == VpExit.INTERNAL_ERROR ? "emulated" : g.reported() ? NATIVE : outcome(g, exit);
        }
    }

    private static String syscall() {
        try (ProbeGuest g = new ProbeGuest(null)) {
            VpState s = LongMode.state(g.gpa, ProbeGuest.START, 3);
            s.msrs.put(0xC0000082, (long) ProbeGuest.START + 2); // LSTAR: right behind the syscall
            s.msrs.put(0xC0000084, 0x200L); // SFMASK
            VpExit exit = g.run("0f05" + ProbeGuest.REPORT, s);
            if (!g.reported()) {
                return exit == VpExit.KICKED && g.hung() ? HANGS : "broken (" + outcome(g, exit) + ")";
            }
            int dpl = g.state().seg[VpState.SS].dpl();
            return dpl == 0 ? OK : "broken (stays in ring " + dpl + ")";
        }
    }

    private static String intN() {
        try (ProbeGuest g = new ProbeGuest(null)) {
            VpExit exit = g.run("cd50 f4", LongMode.state(g.gpa, ProbeGuest.START, 3));
            return g.exception() == INT_VECTOR ? "ok" : "broken (" + outcome(g, exit) + ")";
        }
    }

    private static String userCpuid() {
        CpuidTable table = null;
        try (ProbeGuest g = new ProbeGuest(null)) {
            table = g.cpuid();
        }
        CpuidTable.Entry zero = table.find(0, 0);
        if (zero == null) {
            return "no leaf 0";
        }
        CpuidTable ours = table.with(List.of(new CpuidTable.Entry(0, zero.subleaf(), zero.eax(), OURS, zero.ecx(), zero.edx())));
        try (ProbeGuest g = new ProbeGuest(ours)) {
            // xor eax,eax; cpuid; mov eax,ebx; report
            VpExit exit = g.run("31c0 0fa2 89d8" + ProbeGuest.REPORT, LongMode.state(g.gpa, ProbeGuest.START, 3));
            return !g.reported() ? outcome(g, exit) : (int) g.value() == OURS ? "as set" : "the host's";
        }
    }

    private static String paging32() {
        try (ProbeGuest g = new ProbeGuest(null)) {
            VpExit exit = g.run("f4", g.paged32());
            return exit == VpExit.HALT ? "ok" : outcome(g, exit);
        }
    }

    private static String tscOffset() {
        try (ProbeGuest g = new ProbeGuest(null)) {
            VpState s = LongMode.state(g.gpa, ProbeGuest.START, 0);
            s.msrs.put(VpState.IA32_TSC, MOVED_TSC);
            // rdtsc; shl rdx,32; or rax,rdx; report
            VpExit exit = g.run("0f31 48c1e220 4809d0" + ProbeGuest.REPORT, s);
            return !g.reported() ? outcome(g, exit) : g.value() >= MOVED_TSC ? "ok" : "no effect";
        }
    }

    /** {@return instructions a second of a loop of two in a ring, long enough for what runs it; 0 when it does not run} */
    private double rate(int cpl, boolean interpreted) {
        int loops = interpreted ? FEW_LOOPS : MANY_LOOPS;
        try (ProbeGuest g = new ProbeGuest(null)) {
            VpState s = LongMode.state(g.gpa, ProbeGuest.START, cpl);
            s.gpr[1] = loops;
            long start = clock.nowNs();
            g.run("ffc9 75fc" + ProbeGuest.REPORT, s); // l: dec ecx; jnz l
            long ns = clock.nowNs() - start;
            return g.reported() ? 2.0 * loops * 1e9 / ns : 0;
        }
    }

    private static String outcome(ProbeGuest g, VpExit exit) {
        if (g.exception() >= 0) {
            return "exception " + g.exception();
        }
        return g.hung() ? HANGS : exit.toString().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    }
}
