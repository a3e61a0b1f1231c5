package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Uop;

/** A store of the low bytes of {@code r[d]}, or of a constant. */
public abstract class Store extends Uop {
    /** Where the address comes from. */
    public final Addressing addressing;
    /** Bytes written: 1, 2, 4 or 8. */
    public final int bytes;

    Store(Addressing addressing, int bytes) {
        this.addressing = addressing;
        this.bytes = bytes;
    }
}
