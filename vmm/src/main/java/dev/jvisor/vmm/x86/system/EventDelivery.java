package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Msrs;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * Delivers exceptions and interrupts through the IVT or the IDT (Intel SDM 3A, chapter 6; 2A, "INT n"). The engine calls
 * {@link #deliverFault} after a {@link GuestFault} and {@link #deliver} for interrupts; INT instructions call {@link #software}.
 */
public final class EventDelivery {
    /** Where an event comes from; decides on DPL checks, the EXT bit and RF. */
    public enum Kind {
        /** An external interrupt. */
        EXTERNAL,
        /** A non-maskable interrupt; blocks further ones until IRET. */
        NMI,
        /** An exception found by the processor. */
        EXCEPTION,
        /** INT n. */
        SOFTWARE,
        /** INT3 and INTO. */
        SOFTWARE_EXCEPTION,
        /** INT1. */
        PRIVILEGED_SOFTWARE
    }

    /** Stands for the instruction in accesses that no instruction makes; its address marks "not from a new task". */
    private static final Uop EVENT = new CallUop(null);

    private static final int DR7_GD = 1 << 13;

    static {
        EVENT.ip = -1;
        EVENT.seg = Cpu.SS;
    }

    private EventDelivery() { }

    /**
     * Delivers the fault that a {@link GuestFault} has just reported; {@code c.faultIp} is what the handler returns to.
     *
     * @return false on a triple fault: the VP has shut down
     */
    public static boolean deliverFault(Cpu c) {
        return deliver(c, c.faultVector, Kind.EXCEPTION, c.faultError != Cpu.NO_ERROR, c.faultError, c.faultIp);
    }

    /**
     * Delivers an event at an instruction boundary. Sets {@code rip}, {@code next} and {@code link}; ends HLT. For a page fault
     * {@code c.faultAddress} is what goes to CR2; for a debug exception the caller has set DR6.
     *
     * @param vector 0 to 255
     * @param hasError whether {@code error} is pushed in protected mode
     * @param returnIp RIP to push
     * @return false on a triple fault: the VP has shut down, and its state is that before the first event
     */
    public static boolean deliver(Cpu c, int vector, Kind kind, boolean hasError, int error, long returnIp) {
        // No block is executing; stores of the delivery may hit any page.
        c.blockPage = -1;
        if (kind == Kind.EXCEPTION && isFault(vector)) {
            // The instruction will be executed again, and hit its data breakpoints again.
            c.pendingDebug = 0;
        }
        int cls = kind == Kind.EXCEPTION ? classOf(vector) : BENIGN;
        boolean doubleFault = kind == Kind.EXCEPTION && vector == Cpu.DF;
        long tried = 0;
        for (;;) {
            tried = tried << 8 | vector;
            if (kind == Kind.EXCEPTION && vector == Cpu.PF) {
                c.cr2 = c.faultAddress;
            }
            try {
                inject(c, vector, kind, hasError, error, returnIp, EVENT);
                return true;
            } catch (GuestFault f) {
                int second = c.faultVector;
                if (c.faultIp != EVENT.ip) {
                    // A task switch got as far as the new task; the fault is its own.
                    returnIp = c.faultIp;
                }
                int secondClass = classOf(second);
                if (second == Cpu.PF) {
                    c.cr2 = c.faultAddress;
                }
                if (doubleFault && secondClass != BENIGN) {
                    c.shutdownVectors = tried;
                    return false;
                }
                kind = Kind.EXCEPTION;
                hasError = c.faultError != Cpu.NO_ERROR;
                error = c.faultError;
                vector = second;
                if (secondClass == CONTRIBUTORY && cls != BENIGN || secondClass == PAGE_FAULT && cls == PAGE_FAULT) {
                    vector = Cpu.DF;
                    hasError = true;
                    error = 0;
                    doubleFault = true;
                }
                cls = doubleFault ? BENIGN : secondClass;
            }
        }
    }

    private static final int BENIGN = 0;
    private static final int CONTRIBUTORY = 1;
    private static final int PAGE_FAULT = 2;

    private static int classOf(int vector) {
        return switch (vector) {
            case Cpu.DE, Cpu.TS, Cpu.NP, Cpu.STACK, Cpu.GP -> CONTRIBUTORY;
            case Cpu.PF -> PAGE_FAULT;
            default -> BENIGN;
        };
    }

    /**
     * An INT instruction: faults are those of the instruction.
     *
     * @param nextIp address of the next instruction, pushed
     */
    public static void software(Cpu c, int vector, Kind kind, long nextIp, Uop u) {
        inject(c, vector, kind, false, 0, nextIp, u);
    }

    /**
     * To be called after each instruction executed while RFLAGS.TF or {@link Cpu#pendingDebug} was set: takes the debug trap that is due.
     *
     * @param tf whether RFLAGS.TF was set when the instruction began
     * @return false on a triple fault
     */
    public static boolean trapAfter(Cpu c, boolean tf) {
        int bits = c.pendingDebug;
        if (tf && !c.noTrap) {
            bits |= DebugRegisters.DR6_BS;
        }
        // A load of SS holds data breakpoints off as well, until the instruction after it.
        boolean held = c.noTrap && c.shadow;
        c.noTrap = false;
        if (bits == 0 || held) {
            return true;
        }
        c.pendingDebug = 0;
        DebugRegisters.note(c, bits);
        return deliver(c, Cpu.DB, Kind.EXCEPTION, false, 0, c.rip);
    }

    private static boolean isFault(int vector) {
        return switch (vector) {
            case Cpu.DB, Cpu.NMI, Cpu.BP, Cpu.OF, Cpu.DF, Cpu.MC -> false;
            default -> true;
        };
    }

    private static void inject(Cpu c, int vector, Kind kind, boolean hasError, int error, long ip, Uop u) {
        boolean soft = kind == Kind.SOFTWARE || kind == Kind.SOFTWARE_EXCEPTION;
        int ext = soft ? 0 : 1;
        long image = c.rflags();
        if (kind == Kind.EXCEPTION && isFault(vector) || c.repeating) {
            // And in the middle of a repeated string instruction, which has passed its breakpoint (SDM 3B, 18.3.1.1).
            image |= Flags.RF;
        }
        c.repeating = false;
        if ((c.cr0 & Cpu.CR0_PE) == 0) {
            real(c, vector, ip, image, u);
        } else if (kind == Kind.SOFTWARE && Operands.vm86(c) && (c.sysFlags & Flags.IOPL) != Flags.IOPL) {
            throw Operands.gp(c, u);
        } else if (c.longActive()) {
            longMode(c, vector, soft, ext, hasError, error, ip, image, u);
        } else {
            protectedMode(c, vector, soft, ext, hasError, error, ip, image, u);
        }
        if (kind == Kind.NMI) {
            c.nmiBlocked = true;
        }
        if (vector == Cpu.DB && !soft && kind != Kind.EXTERNAL) {
            if (c.pendingDebug != 0) {
                // Data breakpoints that a load of SS has held off are part of this one.
                DebugRegisters.note(c, c.pendingDebug);
                c.pendingDebug = 0;
            }
            c.dr[7] &= ~(long) DR7_GD;
            c.msrs.debugCtl &= ~Msrs.DEBUGCTL_BTF;
        }
        c.halted = false;
        c.shadow = false;
        c.noTrap = true;
        c.next = null;
        c.link = null;
    }

    private static void real(Cpu c, int vector, long ip, long image, Uop u) {
        if (vector * 4 + 3 > c.idtLimit) {
            throw c.fault(Cpu.GP, 0, u);
        }
        long entry = c.mmu.systemLoad(c.idtBase + vector * 4L & 0xFFFF_FFFFL, 4, u);
        long base = c.segBase[Cpu.SS];
        int attr = c.segAttr[Cpu.SS];
        long sp = c.r[Cpu.RSP];
        Stack.check(c, base, c.segLimit[Cpu.SS], attr, sp, 3, 2, 0, 0, u);
        sp = Stack.push(c, base, attr, sp, 2, image, 0, u);
        sp = Stack.push(c, base, attr, sp, 2, c.segSel[Cpu.CS], 0, u);
        sp = Stack.push(c, base, attr, sp, 2, ip, 0, u);
        Stack.setPointer(c, sp);
        SegmentLoad.real(c, Cpu.CS, (int) (entry >>> 16));
        c.rip = entry & 0xFFFF;
        c.setSysFlags(c.sysFlags & ~(Flags.IF | Flags.TF | Flags.AC | Flags.RF));
        c.modeChanged();
    }

    private static void longMode(Cpu c, int vector, boolean soft, int ext, boolean hasError, int error, long ip, long image, Uop u) {
        int offset = vector << 4;
        int gateError = vector << 3 | 2 | ext;
        if (offset + 15 > c.idtLimit) {
            throw c.fault(Cpu.GP, gateError, u);
        }
        long low = c.mmu.systemLoad(c.idtBase + offset, 8, u);
        long high = c.mmu.systemLoad(c.idtBase + offset + 8, 8, u);
        int type = (int) (low >>> 40) & 0x1F;
        if (type != Descriptor.INTERRUPT_GATE32 && type != Descriptor.TRAP_GATE32 || soft && Descriptor.dpl(low) < c.cpl) {
            throw c.fault(Cpu.GP, gateError, u);
        }
        if (!Descriptor.isPresent(low)) {
            throw c.fault(Cpu.NP, gateError, u);
        }
        int selector = Descriptor.gateSelector(low);
        long target = Descriptor.gateOffset(low) | high << 32;
        long d = code(c, selector, ext, u);
        if (!Descriptor.isLong(d) || Descriptor.isBig(d)) {
            throw c.fault(Cpu.GP, selector & 0xFFFC | ext, u);
        }
        int level = Descriptor.isConforming(d) ? c.cpl : Descriptor.dpl(d);
        int ist = (int) (low >>> 32) & 7;
        long rsp = ist != 0 ? TaskState.ist(c, ist, ext, u) : level < c.cpl ? TaskState.rsp(c, level, ext, u) : c.r[Cpu.RSP];
        rsp &= -16L;
        int bytes = hasError ? 48 : 40;
        long bottom = rsp - bytes;
        if (!Descriptor.canonical(bottom) || !Descriptor.canonical(rsp - 1)) {
            throw c.fault(Cpu.STACK, ext, u);
        }
        if (!Descriptor.canonical(target)) {
            throw c.fault(Cpu.GP, ext, u);
        }
        Stack.probe(c, bottom, bytes, level, u);
        Stack.store(c, rsp - 8, 8, c.segSel[Cpu.SS], level, u);
        Stack.store(c, rsp - 16, 8, c.r[Cpu.RSP], level, u);
        Stack.store(c, rsp - 24, 8, image, level, u);
        Stack.store(c, rsp - 32, 8, c.segSel[Cpu.CS], level, u);
        Stack.store(c, rsp - 40, 8, ip, level, u);
        if (hasError) {
            Stack.store(c, rsp - 48, 8, error & 0xFFFF_FFFFL, level, u);
        }
        if (level < c.cpl) {
            SegmentLoad.setNullStack(c, level, level);
        }
        c.r[Cpu.RSP] = bottom;
        SegmentLoad.setCode(c, selector, d, level);
        c.rip = target;
        enterGate(c, type == Descriptor.INTERRUPT_GATE32);
    }

    /** Checks and reads the code segment a gate names. */
    private static long code(Cpu c, int selector, int ext, Uop u) {
        if (Descriptor.isNull(selector)) {
            throw c.fault(Cpu.GP, ext, u);
        }
        int error = selector & 0xFFFC | ext;
        long d = Descriptor.read(c, selector, Cpu.GP, ext, u);
        if (!Descriptor.isCode(d) || Descriptor.dpl(d) > c.cpl) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        return Descriptor.access(c, selector, d, u);
    }

    private static void enterGate(Cpu c, boolean interruptGate) {
        c.sysFlags &= ~(Flags.TF | Flags.NT | Flags.RF | Flags.VM | (interruptGate ? Flags.IF : 0));
        c.modeChanged();
    }

    private static void protectedMode(Cpu c, int vector, boolean soft, int ext, boolean hasError, int error, long ip, long image, Uop u) {
        int gateError = vector << 3 | 2 | ext;
        if ((vector << 3) + 7 > c.idtLimit) {
            throw c.fault(Cpu.GP, gateError, u);
        }
        long gate = c.mmu.systemLoad(c.idtBase + (vector << 3) & 0xFFFF_FFFFL, 8, u);
        int type = (int) (gate >>> 40) & 0x1F;
        boolean task = type == Descriptor.TASK_GATE;
        boolean interruptGate = (type & ~8) == Descriptor.INTERRUPT_GATE16;
        if (!task && !interruptGate && (type & ~8) != Descriptor.TRAP_GATE16 || soft && Descriptor.dpl(gate) < c.cpl) {
            throw c.fault(Cpu.GP, gateError, u);
        }
        if (!Descriptor.isPresent(gate)) {
            throw c.fault(Cpu.NP, gateError, u);
        }
        int selector = Descriptor.gateSelector(gate);
        if (task) {
            TaskSwitch.throughGate(c, selector, TaskSwitch.Source.EVENT, ext, image, ip, u);
            if (hasError) {
                TaskSwitch.pushError(c, error, ext);
            }
            return;
        }
        long target = (type & 8) != 0 ? Descriptor.gateOffset(gate) : gate & 0xFFFF;
        int size = (type & 8) != 0 ? 4 : 2;
        long d = code(c, selector, ext, u);
        int level = Descriptor.isConforming(d) ? c.cpl : Descriptor.dpl(d);
        boolean vm86 = Operands.vm86(c);
        if (vm86 && level != 0) {
            throw c.fault(Cpu.GP, selector & 0xFFFC | ext, u);
        }
        if (Long.compareUnsigned(target, Integer.toUnsignedLong(Descriptor.limit(d))) > 0) {
            throw c.fault(Cpu.GP, ext, u);
        }
        int words = 3 + (hasError ? 1 : 0);
        if (level < c.cpl) {
            int ss = TaskState.ss(c, level, ext, u);
            long esp = TaskState.esp(c, level, ext, u);
            long sd = TaskState.innerStack(c, ss, level, ext, u);
            long base = Descriptor.base(sd);
            int attr = Descriptor.attr(sd);
            words += vm86 ? 6 : 2;
            Stack.check(c, base, Descriptor.limit(sd), attr, esp, words, size, ss & 0xFFFC | ext, level, u);
            if (vm86) {
                esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.GS], level, u);
                esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.FS], level, u);
                esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.DS], level, u);
                esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.ES], level, u);
            }
            esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.SS], level, u);
            esp = Stack.push(c, base, attr, esp, size, c.r[Cpu.RSP], level, u);
            esp = pushFrame(c, base, attr, esp, size, image, ip, hasError, error, level, u);
            if (vm86) {
                SegmentLoad.setNull(c, Cpu.GS, 0);
                SegmentLoad.setNull(c, Cpu.FS, 0);
                SegmentLoad.setNull(c, Cpu.DS, 0);
                SegmentLoad.setNull(c, Cpu.ES, 0);
                c.sysFlags &= ~Flags.VM;
            }
            SegmentLoad.set(c, Cpu.SS, ss, sd);
            SegmentLoad.setCode(c, selector, d, level);
            c.modeChanged();
            Stack.setPointer(c, esp);
        } else {
            long base = c.segBase[Cpu.SS];
            int attr = c.segAttr[Cpu.SS];
            long esp = c.r[Cpu.RSP];
            Stack.check(c, base, c.segLimit[Cpu.SS], attr, esp, words, size, ext, level, u);
            esp = pushFrame(c, base, attr, esp, size, image, ip, hasError, error, level, u);
            Stack.setPointer(c, esp);
            SegmentLoad.setCode(c, selector, d, level);
        }
        c.rip = target;
        enterGate(c, interruptGate);
    }

    private static long pushFrame(Cpu c, long base, int attr, long esp, int size, long image, long ip, boolean hasError, int error,
            int level, Uop u) {
        esp = Stack.push(c, base, attr, esp, size, image, level, u);
        esp = Stack.push(c, base, attr, esp, size, c.segSel[Cpu.CS] & 0xFFFF, level, u);
        esp = Stack.push(c, base, attr, esp, size, ip, level, u);
        return hasError ? Stack.push(c, base, attr, esp, size, error, level, u) : esp;
    }
}
