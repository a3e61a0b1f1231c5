package dev.jvisor.vmm.x86.cpu;

/**
 * Calls a {@link Semantic} and ends the block: for what can change mode, paging, flags that gate interrupts, or the flow of control.
 * {@code c.rip} is the next instruction's when the semantic begins; the semantic may replace it.
 */
public final class EndCallUop extends Uop {
    /** What to call. */
    public final Semantic semantic;

    /** Makes a call of {@code semantic}. */
    public EndCallUop(Semantic semantic) {
        this.semantic = semantic;
    }

    @Override
    public void exec(Cpu c) {
        // A fault must leave rip at the instruction: the engine resets it from ip.
        c.rip = c.truncateIp(ip + len);
        c.next = null;
        c.link = null;
        semantic.run(c, this);
    }
}
