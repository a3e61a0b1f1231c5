package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MsrDevice;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.StopReason;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The synthetic MSRs, 0x40000000 to 0x400001FF (TLFS appendix "Hypervisor synthetic MSRs"). What is not offered raises #GP. */
final class SyntheticMsrs implements MsrDevice {
    static final int FIRST = 0x40000000, LAST = 0x400001FF;

    static final int GUEST_OS_ID = 0x40000000, HYPERCALL = 0x40000001, VP_INDEX = 0x40000002, RESET = 0x40000003,
            TIME_REF_COUNT = 0x40000020, REFERENCE_TSC = 0x40000021, TSC_FREQUENCY = 0x40000022, APIC_FREQUENCY = 0x40000023,
            VP_ASSIST_PAGE = 0x40000073, SCONTROL = 0x40000080, SVERSION = 0x40000081, SIEFP = 0x40000082, SIMP = 0x40000083,
            EOM = 0x40000084, SINT0 = 0x40000090, STIMER0_CONFIG = 0x400000B0, GUEST_IDLE = 0x400000F0, CRASH_P0 = 0x40000100,
            CRASH_CTL = 0x40000105, TSC_INVARIANT_CONTROL = 0x40000118;

    /** Both kinds of local APIC timer, ours and KVM's, tick at this rate. */
    private static final long APIC_HZ = 1_000_000_000L;
    private static final long CRASH_NOTIFY = 1L << 63, CRASH_MESSAGE = 1L << 62;
    private static final int MAX_CRASH_TEXT = 4096;
    private static final int CRASH_PARAMETERS = 5;
    private static final long ENABLE = 1, HYPERCALL_LOCKED = 2;

    private final Partition partition;
    private final GpaSpace gpa;
    private final long privileges;
    private final ReferenceTime time;
    private final VpSynic[] synics;
    private final Hypercalls hypercalls;
    private final byte[] hypercallPage;
    private volatile CrashListener crashListener;

    /** Guards what follows, the registers of the partition as a whole. */
    private final Object lock = new Object();
    private long guestOsId;
    private long hypercall;
    private long tscInvariant;
    private final long[] crash = new long[CRASH_PARAMETERS];
    /** HV_X64_MSR_VP_ASSIST_PAGE of each VP; nothing of the page is used. */
    private final long[] assistPages;

    SyntheticMsrs(Partition partition, long privileges, ReferenceTime time, VpSynic[] synics, Hypercalls hypercalls,
            byte[] hypercallPage) {
        this.partition = partition;
        this.gpa = partition.gpa();
        this.privileges = privileges;
        this.time = time;
        this.synics = synics;
        this.hypercalls = hypercalls;
        this.assistPages = new long[synics.length];
        this.hypercallPage = hypercallPage;
    }

    void crashListener(CrashListener listener) {
        crashListener = listener;
    }

    private boolean may(Privilege p) {
        return (privileges & p.mask()) != 0;
    }

    @Override
    public boolean msrRead(int vp, int index, MsrValue value) {
        VpSynic synic = synics[vp];
        long v;
        switch (index) {
            case GUEST_OS_ID -> v = locked(() -> guestOsId);
            case HYPERCALL -> v = locked(() -> hypercall);
            case VP_INDEX -> v = vp;
            case RESET, EOM -> v = 0;
            case TIME_REF_COUNT -> v = time.now(vp);
            case REFERENCE_TSC -> v = time.msr();
            case TSC_FREQUENCY -> v = partition.tscHz();
            case APIC_FREQUENCY -> v = APIC_HZ;
            case VP_ASSIST_PAGE -> v = assistPages[vp];
            case SCONTROL -> v = synic.control();
            case SVERSION -> v = 1;
            case SIEFP -> v = synic.eventPage();
            case SIMP -> v = synic.messagePage();
            case GUEST_IDLE -> {
                if (!may(Privilege.ACCESS_GUEST_IDLE)) {
                    return false;
                }
                partition.processor(vp).idle();
                v = 0;
            }
            case CRASH_CTL -> v = CRASH_NOTIFY | CRASH_MESSAGE;
            case TSC_INVARIANT_CONTROL -> {
                if (!may(Privilege.ACCESS_TSC_INVARIANT)) {
                    return false;
                }
                v = locked(() -> tscInvariant);
            }
            default -> {
                if (index >= SINT0 && index < SINT0 + VpSynic.SINTS) {
                    v = synic.sint(index - SINT0);
                } else if (isTimer(index)) {
                    int n = index - STIMER0_CONFIG >> 1;
                    v = (index & 1) == 0 ? synic.timerConfig(n) : synic.timerCount(n);
                } else if (index >= CRASH_P0 && index < CRASH_P0 + CRASH_PARAMETERS) {
                    v = locked(() -> crash[index - CRASH_P0]);
                } else {
                    return false;
                }
            }
        }
        value.value = v;
        return true;
    }

    private interface Read {
        long get();
    }

    private long locked(Read read) {
        synchronized (lock) {
            return read.get();
        }
    }

    private boolean isTimer(int index) {
        return index >= STIMER0_CONFIG && index < STIMER0_CONFIG + 2 * VpSynic.TIMERS && may(Privilege.ACCESS_SYNTHETIC_TIMERS);
    }

    @Override
    public boolean msrWrite(int vp, int index, long value) {
        VpSynic synic = synics[vp];
        switch (index) {
            case GUEST_OS_ID -> writeGuestOsId(value);
            case HYPERCALL -> {
                return writeHypercall(value);
            }
            case RESET -> {
                if ((value & 1) != 0) {
                    partition.requestStop(StopReason.RESET);
                }
            }
            case REFERENCE_TSC -> time.msr(value);
            case VP_ASSIST_PAGE -> assistPages[vp] = value;
            case SCONTROL -> synic.control(value);
            case SIEFP -> synic.eventPage(value);
            case SIMP -> synic.messagePage(value);
            case EOM -> synic.endOfMessage();
            case CRASH_CTL -> {
                if ((value & CRASH_NOTIFY) != 0) {
                    reportCrash(vp, (value & CRASH_MESSAGE) != 0);
                }
            }
            case TSC_INVARIANT_CONTROL -> {
                if (!may(Privilege.ACCESS_TSC_INVARIANT) || (value & ~ENABLE) != 0) {
                    return false;
                }
                synchronized (lock) {
                    tscInvariant = value;
                }
            }
            default -> {
                if (index >= SINT0 && index < SINT0 + VpSynic.SINTS) {
                    return synic.sint(index - SINT0, value);
                }
                if (isTimer(index)) {
                    int n = index - STIMER0_CONFIG >> 1;
                    if ((index & 1) == 0) {
                        synic.timerConfig(n, value);
                    } else {
                        synic.timerCount(n, value);
                    }
                } else if (index >= CRASH_P0 && index < CRASH_P0 + CRASH_PARAMETERS) {
                    synchronized (lock) {
                        crash[index - CRASH_P0] = value;
                    }
                } else {
                    return false;
                }
            }
        }
        return true;
    }

    private void writeGuestOsId(long value) {
        synchronized (lock) {
            guestOsId = value;
            if (value == 0) {
                hypercall &= ~ENABLE;
                hypercalls.enabled(false);
            }
        }
    }

    /** {@return false when the page cannot be there} */
    private boolean writeHypercall(long value) {
        synchronized (lock) {
            if (guestOsId == 0 || (hypercall & HYPERCALL_LOCKED) != 0) {
                return true;
            }
            if ((value & ENABLE) != 0 && (value ^ hypercall) != 0) {
                long page = value & -GpaSpace.PAGE_SIZE;
                if (gpa.ram(page, GpaSpace.PAGE_SIZE) == null) {
                    return false;
                }
                gpa.write(page, hypercallPage);
            }
            hypercall = value;
            hypercalls.enabled((value & ENABLE) != 0);
            return true;
        }
    }

    private void reportCrash(int vp, boolean withText) {
        CrashReport report;
        synchronized (lock) {
            String text = withText ? text(crash[3], crash[4]) : "";
            report = new CrashReport(vp, crash[0], crash[1], crash[2], crash[3], crash[4], text);
        }
        CrashListener l = crashListener;
        if (l != null) {
            l.crashed(report);
        }
    }

    /** Copies a text, page by page as far as it is in RAM, with what a terminal might take amiss left out. */
    private String text(long at, long length) {
        int wanted = (int) Math.min(Math.max(length, 0), MAX_CRASH_TEXT);
        byte[] bytes = new byte[wanted];
        int done = 0;
        while (done < wanted) {
            int part = (int) Math.min(wanted - done, GpaSpace.PAGE_SIZE - (at + done & GpaSpace.PAGE_SIZE - 1));
            MemorySegment from = gpa.ram(at + done, part);
            if (from == null) {
                break;
            }
            MemorySegment.copy(from, 0, MemorySegment.ofArray(bytes), done, part);
            done += part;
        }
        for (int i = 0; i < done; i++) {
            if (bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t' || bytes[i] == 0x7F) {
                bytes[i] = '.';
            }
        }
        return new String(bytes, 0, done, StandardCharsets.US_ASCII);
    }

    // ---- reset and state

    void initialize(int vp) {
        synics[vp].reset();
        assistPages[vp] = 0;
    }

    void reset() {
        synchronized (lock) {
            guestOsId = 0;
            hypercall = 0;
            tscInvariant = 0;
            java.util.Arrays.fill(crash, 0);
        }
        hypercalls.enabled(false);
        time.reset();
        for (int i = 0; i < synics.length; i++) {
            initialize(i);
        }
    }

    HypervisorState save() {
        synchronized (lock) {
            List<Long> p = new ArrayList<>();
            for (long c : crash) {
                p.add(c);
            }
            List<HypervisorState.Vp> vps = new ArrayList<>();
            for (int i = 0; i < synics.length; i++) {
                vps.add(synics[i].save(assistPages[i]));
            }
            return new HypervisorState(HypervisorState.VERSION, guestOsId, hypercall, time.msr(), time.sequence(), time.now(0),
                    tscInvariant, p, vps);
        }
    }

    void restore(HypervisorState s) {
        synchronized (lock) {
            guestOsId = s.guestOsId();
            // The page is in guest memory already, and the guest may have put it to another use since.
            hypercall = s.hypercall();
            hypercalls.enabled((hypercall & ENABLE) != 0);
            tscInvariant = s.tscInvariant();
            for (int i = 0; i < CRASH_PARAMETERS; i++) {
                crash[i] = s.crash().get(i);
            }
            time.restore(s.referenceTsc(), s.sequence(), s.referenceTime());
            for (int i = 0; i < synics.length; i++) {
                assistPages[i] = s.processors().get(i).assistPage();
                synics[i].restore(s.processors().get(i));
            }
        }
    }
}
