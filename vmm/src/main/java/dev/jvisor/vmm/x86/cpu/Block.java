package dev.jvisor.vmm.x86.cpu;

/**
 * A decoded run of instructions, entered only at its start. Key: host page and offset of the first byte, {@code rip}, {@code linear} and
 * {@code mode}. A block lies in one page; an instruction that crosses into the next makes a block of its own (see {@code secondPage}).
 */
public final class Block {
    /** Its steps; the last one sets {@code c.rip}, {@code c.next} and {@code c.link}. */
    public final Uop[] ops;
    /** RIP of the first instruction. */
    public final long rip;
    /** Linear address of the first byte: RIP plus CS base. */
    public final long linear;
    /** Host offset of the first byte in the GPA space's memory. */
    public final long host;
    /** Mode bits it was decoded for, {@link Cpu#mode}; among them what the limit of CS was. */
    public final int mode;
    /** Instructions in it. */
    public final int insns;
    /** Host page of the tail of a single instruction that crosses pages, or -1. Such a block is never linked to and is re-checked. */
    public final int secondPage;
    /** Cleared when the code under it was overwritten. */
    public boolean valid = true;
    /** {@link Cpu#codeStamp} when its page was last seen mapped where it was decoded from; 0 when it has to be looked at again. */
    long stamp;
    /** Times entered: the profile for a later tier. */
    public int count;
    /** Next block in the same bucket of the cache. */
    public Block chain;

    /** Next block that begins in the same host page. */
    public Block pageNext;
    /** Next block whose tail lies in the same host page. */
    public Block secondNext;

    /** Makes a block. */
    public Block(Uop[] ops, long rip, long linear, long host, int mode, int insns, int secondPage) {
        this.ops = ops;
        this.rip = rip;
        this.linear = linear;
        this.host = host;
        this.mode = mode;
        this.insns = insns;
        this.secondPage = secondPage;
    }

    /** Notes that the code under it was overwritten, or that it is not wanted any more. */
    public void invalidate() {
        valid = false;
        stamp = 0;
        ops[ops.length - 1].forgetLinks();
    }

    /** {@return the host page of the first byte} */
    public int hostPage() {
        return (int) (host >>> 12);
    }
}
