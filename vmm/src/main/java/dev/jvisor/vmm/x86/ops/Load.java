package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Uop;

/** A load into {@code r[d]}, zero- or sign-extended. */
public abstract class Load extends Uop {
    /** Where the address comes from. */
    public final Addressing addressing;
    /** Bytes read: 1, 2, 4 or 8. */
    public final int bytes;
    /** 0 to extend with zeros; 4 or 8 to extend the sign to so many bytes. */
    public final int signTo;

    Load(Addressing addressing, int bytes, int signTo) {
        this.addressing = addressing;
        this.bytes = bytes;
        this.signTo = signTo;
    }
}
