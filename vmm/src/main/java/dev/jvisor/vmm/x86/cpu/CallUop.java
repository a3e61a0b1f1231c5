package dev.jvisor.vmm.x86.cpu;

/** Calls a {@link Semantic}; the block goes on after it. */
public final class CallUop extends Uop {
    /** What to call. */
    public final Semantic semantic;

    /** Makes a call of {@code semantic}. */
    public CallUop(Semantic semantic) {
        this.semantic = semantic;
    }

    @Override
    public void exec(Cpu c) {
        semantic.run(c, this);
    }
}
