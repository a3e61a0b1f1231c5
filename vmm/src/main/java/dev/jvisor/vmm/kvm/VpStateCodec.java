package dev.jvisor.vmm.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.jvisor.nativebindings.KvmMsrs;
import dev.jvisor.nativebindings.KvmRegs;
import dev.jvisor.nativebindings.KvmSregs;
import dev.jvisor.nativebindings.KvmVcpu;
import dev.jvisor.nativebindings.KvmVcpuEvents;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.Clock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.TreeMap;
import java.util.TreeSet;

/** Reads and writes the architectural state of one vCPU. By whoever may touch the vCPU; not a hot path. */
final class VpStateCodec {
    /** Memory type range registers: not in the kernel's list of state MSRs, yet state. */
    private static final int[] MTRRS = {0x2FF, 0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207, 0x208, 0x209, 0x20A, 0x20B,
        0x20C, 0x20D, 0x20E, 0x20F, 0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E, 0x26F};
    private static final double NS_PER_SECOND = 1e9;

    // XSAVE area, standard format (SDM vol. 1, 13.4).
    private static final int FCW = 0;
    private static final int FSW = 2;
    private static final int FTW = 4;
    private static final int FOP = 6;
    private static final int FIP = 8;
    private static final int FDP = 16;
    private static final int MXCSR = 24;
    private static final int ST = 32;
    private static final int XMM = 160;
    private static final int XSTATE_BV = 512;
    private static final int YMM_HIGH = 576;
    private static final long XSTATE_X87_SSE = 3;
    private static final long XSTATE_AVX = 4;

    private final KvmVcpu vcpu;
    private final boolean apicInKernel;
    private final Clock clock;
    private final long tscHz;
    private final int[] msrs;
    private final long[] msrsAtReset;
    private final MemorySegment lapicAtReset;
    private final long[] debugRegs = new long[6];

    /**
     * Makes the codec of a vCPU as it is after reset.
     *
     * @param stateMsrs the kernel's list; those this vCPU refuses to read are left out
     * @param clock the partition's
     */
    VpStateCodec(KvmVcpu vcpu, boolean apicInKernel, int[] stateMsrs, Clock clock, long tscHz) {
        this.vcpu = vcpu;
        this.apicInKernel = apicInKernel;
        this.clock = clock;
        this.tscHz = tscHz;
        TreeSet<Integer> wanted = new TreeSet<>();
        Arrays.stream(stateMsrs).forEach(wanted::add);
        Arrays.stream(MTRRS).forEach(wanted::add);
        TreeMap<Integer, Long> found = new TreeMap<>();
        for (int msr : wanted) {
            KvmMsrs one = new KvmMsrs(msr);
            if (vcpu.getMsrs(one) == 1) {
                found.put(msr, one.value(0));
            }
        }
        msrs = found.keySet().stream().mapToInt(Integer::intValue).toArray();
        msrsAtReset = found.values().stream().mapToLong(Long::longValue).toArray();
        lapicAtReset = apicInKernel ? Arena.ofAuto().allocate(KvmVcpu.LAPIC_SIZE, 8) : null;
        if (apicInKernel) {
            vcpu.getLapic(lapicAtReset);
        }
    }

    /** Reads everything but {@link VpState#activity} without in-kernel APIC. */
    void get(VpState s) {
        KvmRegs regs = vcpu.getRegs();
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = regs.gpr(i);
        }
        s.rip = regs.rip();
        s.rflags = regs.rflags();
        KvmSregs sregs = vcpu.getSregs();
        for (int i = 0; i < 6; i++) {
            s.seg[i] = segment(sregs, i);
        }
        s.ldtr = segment(sregs, KvmSregs.LDTR);
        s.tr = segment(sregs, KvmSregs.TR);
        s.gdtBase = sregs.gdtBase();
        s.gdtLimit = sregs.gdtLimit();
        s.idtBase = sregs.idtBase();
        s.idtLimit = sregs.idtLimit();
        s.cr0 = sregs.cr0();
        s.cr2 = sregs.cr2();
        s.cr3 = sregs.cr3();
        s.cr4 = sregs.cr4();
        s.cr8 = sregs.cr8();
        s.efer = sregs.efer();
        s.apicBase = sregs.apicBase();
        s.xcr0 = vcpu.getXcr0();
        vcpu.getDebugRegs(debugRegs);
        System.arraycopy(debugRegs, 0, s.dr, 0, 4);
        s.dr6 = debugRegs[4];
        s.dr7 = debugRegs[5];
        getMsrs(s);
        getFpu(s);
        getEvents(s);
        if (apicInKernel) {
            s.activity = switch (vcpu.mpState()) {
                case KvmVcpu.MP_HALTED -> VpState.Activity.HALTED;
                case KvmVcpu.MP_UNINITIALIZED -> VpState.Activity.WAIT_FOR_INIT;
                case KvmVcpu.MP_INIT_RECEIVED -> VpState.Activity.WAIT_FOR_SIPI;
                default -> VpState.Activity.RUNNING;
            };
        }
    }

    /** Writes everything but {@link VpState#activity} without in-kernel APIC. MSRs that are not in the state get their reset value. */
    void set(VpState s) {
        KvmSregs sregs = vcpu.getSregs();
        for (int i = 0; i < 6; i++) {
            segment(sregs, i, s.seg[i]);
        }
        segment(sregs, KvmSregs.LDTR, s.ldtr);
        segment(sregs, KvmSregs.TR, s.tr);
        sregs.gdt(s.gdtBase, s.gdtLimit);
        sregs.idt(s.idtBase, s.idtLimit);
        sregs.cr0(s.cr0);
        sregs.cr2(s.cr2);
        sregs.cr3(s.cr3);
        sregs.cr4(s.cr4);
        sregs.cr8(s.cr8);
        sregs.efer(s.efer);
        sregs.apicBase(s.apicBase);
        sregs.pendingInterrupt(-1);
        vcpu.setSregs();
        KvmRegs regs = vcpu.regs();
        for (int i = 0; i < 16; i++) {
            regs.gpr(i, s.gpr[i]);
        }
        regs.rip(s.rip);
        regs.rflags(s.rflags | 2);
        vcpu.setRegs();
        vcpu.setXcr0(s.xcr0);
        setFpu(s);
        setMsrs(s);
        System.arraycopy(s.dr, 0, debugRegs, 0, 4);
        debugRegs[4] = s.dr6;
        debugRegs[5] = s.dr7;
        vcpu.setDebugRegs(debugRegs);
        setEvents(s);
        if (apicInKernel) {
            vcpu.mpState(switch (s.activity) {
                case RUNNING -> KvmVcpu.MP_RUNNABLE;
                case HALTED -> KvmVcpu.MP_HALTED;
                case WAIT_FOR_INIT -> KvmVcpu.MP_UNINITIALIZED;
                case WAIT_FOR_SIPI -> KvmVcpu.MP_INIT_RECEIVED;
            });
        }
    }

    /** Puts the in-kernel local APIC back to what it was when made. */
    void resetLapic() {
        if (apicInKernel) {
            vcpu.setLapic(lapicAtReset);
        }
    }

    private static SegmentState segment(KvmSregs sregs, int i) {
        return new SegmentState(sregs.selector(i), sregs.base(i), sregs.limit(i), sregs.accessRights(i));
    }

    private static void segment(KvmSregs sregs, int i, SegmentState x) {
        sregs.segment(i, x.selector(), x.base(), x.limit(), x.attributes());
    }

    private void getMsrs(VpState s) {
        s.msrs.clear();
        s.tscAtNs = clock.nowNs();
        for (int from = 0; from < msrs.length; from++) {
            KvmMsrs list = new KvmMsrs(Arrays.copyOfRange(msrs, from, msrs.length));
            int done = vcpu.getMsrs(list);
            for (int i = 0; i < done; i++) {
                s.msrs.put(list.index(i), list.value(i));
            }
            from += done; // and past the one refused
        }
    }

    private void setMsrs(VpState s) {
        TreeMap<Integer, Long> values = new TreeMap<>();
        for (int i = 0; i < msrs.length; i++) {
            if (msrs[i] != VpState.IA32_TSC) {
                values.put(msrs[i], msrsAtReset[i]);
            }
        }
        values.putAll(s.msrs);
        if (s.tscAtNs >= 0) {
            long since = Math.round((clock.nowNs() - s.tscAtNs) * (tscHz / NS_PER_SECOND));
            values.computeIfPresent(VpState.IA32_TSC, (msr, tsc) -> tsc + since);
        }
        int[] indices = values.keySet().stream().mapToInt(Integer::intValue).toArray();
        for (int from = 0; from < indices.length; from++) {
            KvmMsrs list = new KvmMsrs(Arrays.copyOfRange(indices, from, indices.length));
            for (int i = 0; i < list.size(); i++) {
                list.value(i, values.get(indices[from + i]));
            }
            // An MSR that this host does not have, or not with that value, is left as it is.
            from += vcpu.setMsrs(list);
        }
    }

    private void getFpu(VpState s) {
        readFpu(vcpu.getXsave(), s);
    }

    /** Takes x87, SSE and AVX registers out of an XSAVE area in the standard format. */
    static void readFpu(MemorySegment x, VpState s) {
        s.fcw = u16(x, FCW);
        s.fsw = u16(x, FSW);
        s.ftw = x.get(JAVA_BYTE, FTW) & 0xFF;
        s.fop = u16(x, FOP) & 0x7FF;
        s.fip = x.get(JAVA_LONG_UNALIGNED, FIP);
        s.fdp = x.get(JAVA_LONG_UNALIGNED, FDP);
        s.mxcsr = x.get(JAVA_INT_UNALIGNED, MXCSR);
        int top = s.fsw >> 11 & 7;
        for (int i = 0; i < 8; i++) {
            int physical = top + i & 7;
            s.x87Mantissa[physical] = x.get(JAVA_LONG_UNALIGNED, ST + 16L * i);
            s.x87Exponent[physical] = u16(x, ST + 16L * i + 8);
        }
        boolean avx = (x.get(JAVA_LONG_UNALIGNED, XSTATE_BV) & XSTATE_AVX) != 0;
        for (int i = 0; i < 16; i++) {
            s.ymm[4 * i] = x.get(JAVA_LONG_UNALIGNED, XMM + 16L * i);
            s.ymm[4 * i + 1] = x.get(JAVA_LONG_UNALIGNED, XMM + 16L * i + 8);
            s.ymm[4 * i + 2] = avx ? x.get(JAVA_LONG_UNALIGNED, YMM_HIGH + 16L * i) : 0;
            s.ymm[4 * i + 3] = avx ? x.get(JAVA_LONG_UNALIGNED, YMM_HIGH + 16L * i + 8) : 0;
        }
    }

    // Components beyond AVX are not part of a VpState; they keep what they have.
    private void setFpu(VpState s) {
        writeFpu(s, vcpu.getXsave());
        vcpu.setXsave();
    }

    /** Puts x87, SSE and, if XCR0 has them, AVX registers into an XSAVE area in the standard format; other components stay. */
    static void writeFpu(VpState s, MemorySegment x) {
        x.set(JAVA_SHORT_UNALIGNED, FCW, (short) s.fcw);
        x.set(JAVA_SHORT_UNALIGNED, FSW, (short) s.fsw);
        x.set(JAVA_BYTE, FTW, (byte) s.ftw);
        x.set(JAVA_SHORT_UNALIGNED, FOP, (short) s.fop);
        x.set(JAVA_LONG_UNALIGNED, FIP, s.fip);
        x.set(JAVA_LONG_UNALIGNED, FDP, s.fdp);
        x.set(JAVA_INT_UNALIGNED, MXCSR, s.mxcsr);
        int top = s.fsw >> 11 & 7;
        for (int i = 0; i < 8; i++) {
            int physical = top + i & 7;
            x.set(JAVA_LONG_UNALIGNED, ST + 16L * i, s.x87Mantissa[physical]);
            x.set(JAVA_SHORT_UNALIGNED, ST + 16L * i + 8, (short) s.x87Exponent[physical]);
        }
        boolean avx = (s.xcr0 & XSTATE_AVX) != 0 || upperHalvesInUse(s);
        for (int i = 0; i < 16; i++) {
            x.set(JAVA_LONG_UNALIGNED, XMM + 16L * i, s.ymm[4 * i]);
            x.set(JAVA_LONG_UNALIGNED, XMM + 16L * i + 8, s.ymm[4 * i + 1]);
            if (avx) {
                x.set(JAVA_LONG_UNALIGNED, YMM_HIGH + 16L * i, s.ymm[4 * i + 2]);
                x.set(JAVA_LONG_UNALIGNED, YMM_HIGH + 16L * i + 8, s.ymm[4 * i + 3]);
            }
        }
        long components = x.get(JAVA_LONG_UNALIGNED, XSTATE_BV) | XSTATE_X87_SSE;
        x.set(JAVA_LONG_UNALIGNED, XSTATE_BV, avx ? components | XSTATE_AVX : components & ~XSTATE_AVX);
    }

    /** {@return whether a YMM register holds more than its XMM register} A guest that clears XCR0's bit keeps what is there. */
    private static boolean upperHalvesInUse(VpState s) {
        long any = 0;
        for (int i = 0; i < 16; i++) {
            any |= s.ymm[4 * i + 2] | s.ymm[4 * i + 3];
        }
        return any != 0;
    }

    private static int u16(MemorySegment x, long at) {
        return x.get(JAVA_SHORT_UNALIGNED, at) & 0xFFFF;
    }

    private void getEvents(VpState s) {
        KvmVcpuEvents e = vcpu.getEvents();
        s.injectedVector = -1;
        s.injectedKind = 0;
        s.injectedHasError = false;
        s.injectedErrorCode = 0;
        if (e.exceptionInjected()) {
            s.injectedVector = e.exceptionVector();
            s.injectedKind = s.injectedVector == 3 || s.injectedVector == 4 ? VpState.KIND_SOFTWARE_EXCEPTION : VpState.KIND_EXCEPTION;
            s.injectedHasError = e.exceptionHasErrorCode();
            s.injectedErrorCode = s.injectedHasError ? e.exceptionErrorCode() : 0;
        } else if (e.nmiInjected()) {
            s.injectedVector = 2;
            s.injectedKind = VpState.KIND_NMI;
        } else if (e.interruptInjected()) {
            s.injectedVector = e.interruptVector();
            s.injectedKind = e.interruptSoft() ? VpState.KIND_SOFTWARE : VpState.KIND_EXTERNAL;
        }
        s.interruptShadow = e.shadow() != 0;
        s.nmiBlocked = e.nmiMasked();
        s.nmiPending = e.nmiPending() != 0;
    }

    private void setEvents(VpState s) {
        KvmVcpuEvents e = vcpu.events();
        e.clear();
        boolean injected = s.injectedVector >= 0;
        boolean exception = injected && (s.injectedKind == VpState.KIND_EXCEPTION || s.injectedKind == VpState.KIND_SOFTWARE_EXCEPTION);
        boolean interrupt = injected && (s.injectedKind == VpState.KIND_EXTERNAL || s.injectedKind == VpState.KIND_SOFTWARE);
        e.exception(exception, false, exception ? s.injectedVector : 0, exception && s.injectedHasError, s.injectedErrorCode);
        e.interrupt(interrupt, interrupt ? s.injectedVector : 0, interrupt && s.injectedKind == VpState.KIND_SOFTWARE,
                s.interruptShadow ? KvmVcpuEvents.SHADOW_STI : 0);
        e.nmi(injected && s.injectedKind == VpState.KIND_NMI, s.nmiPending ? 1 : 0, s.nmiBlocked);
        e.flags(KvmVcpuEvents.VALID_NMI_PENDING | KvmVcpuEvents.VALID_SHADOW);
        vcpu.setEvents();
    }
}
