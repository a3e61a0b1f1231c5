package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.EndCallUop;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects the micro-ops of a block while it is translated. Knows the instruction being translated, stamps its address on each step, and
 * remembers what was already checked in the block.
 */
public final class Emitter {
    private final List<Uop> ops = new ArrayList<>();
    private Insn insn;
    private boolean ended;
    private int checked;

    /** Begins a block. */
    public void begin() {
        ops.clear();
        ended = false;
        checked = 0;
    }

    /** Begins an instruction. */
    public void instruction(Insn i) {
        insn = i;
    }

    /** {@return whether the block has had its last step} */
    public boolean ended() {
        return ended;
    }

    /** {@return the steps so far} */
    public List<Uop> ops() {
        return ops;
    }

    /** {@return the step added last, or null} */
    public Uop last() {
        return ops.isEmpty() ? null : ops.getLast();
    }

    /** Takes the step added last away, to put one in its place that does the same and more. */
    public void dropLast() {
        ops.removeLast();
    }

    /** Adds a step that does not end the block. A memory operand's segment is put into it, for the kind of fault. */
    public <T extends Uop> T add(T u) {
        u.ip = insn.ip;
        u.len = insn.len;
        if (insn.isMem()) {
            u.seg = insn.seg;
        }
        ops.add(u);
        return u;
    }

    /** Adds the step that ends the block: it sets {@code c.rip}, {@code c.next} and {@code c.link}. */
    public <T extends Uop> T end(T u) {
        ended = true;
        return add(u);
    }

    /** Adds a call of {@code f}; the block goes on. {@return the step, to put operands into} */
    public Uop call(Semantic f) {
        return add(new CallUop(f));
    }

    /** Adds a call of {@code f} with operands. */
    public Uop call(Semantic f, int d, int a, int b, long imm) {
        Uop u = add(new CallUop(f));
        u.d = d;
        u.a = a;
        u.b = b;
        u.imm = imm;
        return u;
    }

    /** Adds a call of {@code f} that ends the block; {@code c.rip} is the next instruction's unless {@code f} changes it. */
    public Uop callEnd(Semantic f) {
        return end(new EndCallUop(f));
    }

    /** Adds a call of {@code f} with operands that ends the block. */
    public Uop callEnd(Semantic f, int d, int a, int b, long imm) {
        Uop u = end(new EndCallUop(f));
        u.d = d;
        u.a = a;
        u.b = b;
        u.imm = imm;
        return u;
    }

    /**
     * Adds the computation of the memory operand's linear address into {@code r[TA]}, with the segment's checks where there are any.
     *
     * @param size bytes that will be accessed, for the limit check
     * @param write whether it will be written
     */
    public void address(int size, boolean write) {
        AddressUop.emit(this, insn, size, write);
    }

    /** Ends the block with #UD. @param name what is not implemented or not valid here; reported once it is executed */
    public void undefined(String name) {
        callEnd((c, u) -> {
            throw c.undefined(name, u);
        });
    }

    /** Ends the block with a plain #UD, as the architecture asks for (UD2, LOCK where it may not stand, a register where memory must be). */
    public void invalid() {
        callEnd((c, u) -> {
            throw c.fault(Cpu.UD, Cpu.NO_ERROR, u);
        });
    }

    /**
     * Adds {@code check} unless this block has it already. For checks of control registers, which cannot change inside a block.
     *
     * @param bit one of 32 kinds: 0 x87, 1 MMX, 2 SSE, 3 AVX
     */
    public void checkOnce(int bit, Semantic check) {
        if ((checked & 1 << bit) == 0) {
            checked |= 1 << bit;
            call(check);
        }
    }
}
