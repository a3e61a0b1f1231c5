package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.VirtualProcessor;
import java.lang.foreign.MemorySegment;

/**
 * Decodes, checks and dispatches hypercalls (TLFS chapter 3). The page we give the guest holds an OUT to a port of ours and this class is
 * what answers there; the call's arguments are in the VP's registers, where its result goes too. 64-bit code and 32-bit code hand them over
 * differently, and come by a port each.
 *
 * <p>Checks in this order: the code exists, the partition may make the call, the control word is right for its form, the input is aligned,
 * inside a page, and in RAM.
 */
final class Hypercalls implements PortDevice {
    /** Ports that are taken. */
    static final int PORTS = 2;

    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSI = 6, RDI = 7, R8 = 8;
    /** Control word: reserved bits 63-60, 47-44 and 30-27. Bit 31 asks for a nested hypervisor, which there is not. */
    private static final long RESERVED = 0xF000_F000_F800_0000L;
    private static final long FAST = 1 << 16;
    private static final int FAST_BYTES = 16;
    private static final int SLOTS = 0x200;

    private final Partition partition;
    private final GpaSpace gpa;
    private final long privileges;
    private final int port;
    /** The right each call needs, by {@link #slot}; null for calls that do not exist. */
    private final Privilege[] known = new Privilege[SLOTS];
    /** The calls that are served, by {@link #slot}. */
    private final Hypercall.Form[] forms = new Hypercall.Form[SLOTS];
    private final Hypercall[] calls;
    private volatile boolean enabled;

    /** @param port for 64-bit callers; the next is for 32-bit ones */
    Hypercalls(Partition partition, long privileges, int port) {
        this.partition = partition;
        this.port = port;
        this.gpa = partition.gpa();
        this.privileges = privileges;
        for (HypercallCode c : HypercallCode.values()) {
            known[slot(c.code())] = c.privilege();
        }
        calls = new Hypercall[partition.config().processors()];
        for (int i = 0; i < calls.length; i++) {
            calls[i] = new Hypercall(i);
        }
    }

    /**
     * {@return the hypercall page} It finds out which code has called it: 48h is DEC EAX to 32-bit code and a prefix to 64-bit code.
     *
     * <pre>
     *   ENDBR64 · PUSH RAX · 48 CMP EAX, [ESP] · POP RAX · JNE +3 · OUT port, EAX · RET · OUT port + 1, EAX · RET · INT3 ...
     * </pre>
     */
    static byte[] page(int port) {
        byte[] page = new byte[GpaSpace.PAGE_SIZE];
        java.util.Arrays.fill(page, (byte) 0xCC);
        byte[] code = {(byte) 0xF3, 0x0F, 0x1E, (byte) 0xFA, 0x50, 0x48, 0x3B, 0x04, 0x24, 0x58, 0x75, 3, (byte) 0xE7, (byte) port, (byte) 0xC3,
            (byte) 0xE7, (byte) (port + 1), (byte) 0xC3};
        System.arraycopy(code, 0, page, 0, code.length);
        return page;
    }

    /** Serves a call. Before the partition starts. */
    void serve(HypercallCode code, Hypercall.Form form) {
        forms[slot(code.code())] = form;
    }

    /** {@return where the calls of a VP are worked on} */
    Hypercall call(int vp) {
        return calls[vp];
    }

    /** The guest has enabled or disabled its hypercall page: without one the port is dead. */
    void enabled(boolean on) {
        enabled = on;
    }

    @Override
    public int portRead(int vp, int at, int size) {
        return -1;
    }

    @Override
    public void portWrite(int vp, int at, int size, int value) {
        if (!enabled || size != 4) {
            return;
        }
        VirtualProcessor p = partition.processor(vp);
        if (at == port) {
            p.setRegister(RAX, dispatch(calls[vp], p.register(RCX), p.register(RDX), p.register(R8)));
        } else {
            long result = dispatch(calls[vp], pair(p, RDX, RAX), pair(p, RBX, RCX), pair(p, RDI, RSI));
            p.setRegister(RAX, result & 0xFFFF_FFFFL);
            p.setRegister(RDX, result >>> 32);
        }
    }

    /** {@return what 32-bit code has in two registers} */
    private static long pair(VirtualProcessor p, int high, int low) {
        return p.register(high) << 32 | p.register(low) & 0xFFFF_FFFFL;
    }

    /** {@return the result value: status in 15-0, elements completed in 43-32} */
    long dispatch(Hypercall call, long control, long in, long out) {
        int slot = slot((int) control & 0xFFFF);
        Privilege needed = slot < 0 ? null : known[slot];
        if (needed == null) {
            return HvStatus.INVALID_HYPERCALL_CODE;
        }
        if ((privileges & needed.mask()) != needed.mask()) {
            return HvStatus.ACCESS_DENIED;
        }
        Hypercall.Form form = forms[slot];
        if (form == null) {
            return HvStatus.INVALID_HYPERCALL_CODE;
        }
        call.repCount = (int) (control >>> 32) & 0xFFF;
        call.repStart = (int) (control >>> 48) & 0xFFF;
        call.repsDone = call.repStart;
        call.variableBytes = (int) (control >>> 17 & 0x3FF) * 8;
        int status = check(form, call, control);
        if (status == HvStatus.SUCCESS) {
            status = fetch(form, call, (control & FAST) != 0, in, out);
        }
        if (status == HvStatus.SUCCESS) {
            status = form.handler().call(call);
        }
        return form.repBytes() == 0 ? status : status | (long) call.repsDone << 32;
    }

    /** {@return where a call stands in the tables, ordinary ones first, then extended ones (from 0x8000); -1 for codes that nothing has} */
    private static int slot(int code) {
        if ((code & 0x7FFF) >= SLOTS / 2) {
            return -1;
        }
        return code < 0x8000 ? code : code - 0x8000 + SLOTS / 2;
    }

    private static int check(Hypercall.Form form, Hypercall call, long control) {
        boolean rep = form.repBytes() != 0;
        boolean wrong = (control & RESERVED) != 0
                || (rep ? call.repStart >= call.repCount : call.repCount != 0 || call.repStart != 0)
                || call.variableBytes > form.maxVariableBytes()
                || (control & FAST) != 0 && !form.fast();
        return wrong ? HvStatus.INVALID_HYPERCALL_INPUT : HvStatus.SUCCESS;
    }

    /** Copies the input once: what is checked and used later is what was fetched. */
    private int fetch(Hypercall.Form form, Hypercall call, boolean fast, long in, long out) {
        int size = form.inputBytes() + call.variableBytes + form.repBytes() * call.repCount;
        call.inputSize = size;
        if (fast) {
            if (size > FAST_BYTES) {
                return HvStatus.INVALID_HYPERCALL_INPUT;
            }
            call.input.set(Layouts.LE64, 0, in);
            call.input.set(Layouts.LE64, 8, out);
            return HvStatus.SUCCESS;
        }
        if (size == 0) {
            return HvStatus.SUCCESS;
        }
        if ((in & 7) != 0 || (in & 0xFFF) + size > GpaSpace.PAGE_SIZE) {
            return HvStatus.INVALID_ALIGNMENT;
        }
        MemorySegment from = gpa.ram(in, size);
        if (from == null) {
            return HvStatus.INVALID_PARAMETER;
        }
        MemorySegment.copy(from, 0, call.input, 0, size);
        return HvStatus.SUCCESS;
    }
}
