package dev.jvisor.vmm.x86.cpu;

/** One way out of a block whose target address is known at decode; remembers the block found there. */
public final class Link {
    /** Where it goes, once known; may have become invalid. */
    public Block to;
    /** Whether the target lies in the same page as the source, so that its mapping need not be checked again. */
    public final boolean samePage;
    /** RIP of the target. */
    public final long target;

    /** Makes a link not yet resolved. */
    public Link(long target, boolean samePage) {
        this.target = target;
        this.samePage = samePage;
    }

    /** Leaves a block by this link: sets {@code c.rip}, and {@code c.link} when the target is not known. {@return the target, or null} */
    public Block go(Cpu c) {
        c.rip = target;
        Block n = to;
        if (n != null && (n.stamp == c.codeStamp || c.enterable(n, samePage))) {
            return n;
        }
        c.link = this;
        return null;
    }
}
