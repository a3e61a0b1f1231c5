package dev.jvisor.vmm.x86.cpu;

/**
 * A micro-op: one step of an instruction, decoded once and executed many times. The class says what it does, the fields on what; an
 * interpreter calls {@link #exec}, a translator looks at class and fields. Fields are set while a block is built and never afterwards,
 * links apart.
 */
public abstract class Uop {
    /** RIP (EIP, IP) of the instruction this step belongs to. */
    public long ip;
    /** Length of that instruction in bytes. */
    public int len;
    /** Destination register: index into {@link Cpu#r}, or into whatever file the class works on. */
    public int d;
    /** First source, or base register of an address. */
    public int a;
    /** Second source, or index register of an address. */
    public int b;
    /** Shift of the index register of an address, 0 to 3; or a spare small operand. */
    public int scale;
    /** Segment register of an address, {@link Cpu#ES} to {@link Cpu#GS}. */
    public int seg = Cpu.DS;
    /** Immediate or displacement. */
    public long imm;

    /** Executes the step. May throw {@link GuestFault}, and then must have changed nothing that the guest can see. */
    public abstract void exec(Cpu c);

    /**
     * Executes a block's last step, which sets {@code c.rip}.
     *
     * @return the block to go on with; or null: look {@code c.rip} up, and fill {@code c.link} in when it is not null
     */
    public Block leave(Cpu c) {
        exec(c);
        return c.next;
    }

    /**
     * Forgets the blocks that its links lead to; for a block that was thrown away. Else each version of code that is overwritten again and
     * again could keep the one before it.
     */
    public void forgetLinks() { }

    /** {@return the address of the following instruction, not truncated to the code size} */
    public final long nextIp() {
        return ip + len;
    }
}
