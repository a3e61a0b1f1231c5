package dev.jvisor.guest.disk;

import dev.jvisor.guest.asm.Label;

/** A way to a disk as code: what a driver of it does, emitted where {@link DiskGuest} needs it. Nothing here changes RBP, R14 or R15. */
abstract sealed class DiskTransport permits SyntheticTransport, IdeTransport {
    /** Emits, at CPL0, what needs privilege. */
    abstract void prepare();

    /** Emits, at CPL3, all until the disk can be used. */
    abstract void connect();

    /** Emits the start of a transfer of the workload's kind: slot ESI, first sector RDX. */
    abstract void transfer();

    /** Emits the start of a flush: slot ESI. */
    abstract void flush();

    /** Emits what shows operations that were started to the host, if they are shown together. */
    abstract void publish();

    /** Emits the taking of the next operation that is done, slot EAX; or a jump. */
    abstract void poll(Label none);

    /** Emits a wait until {@link #poll} may have something. */
    abstract void sleep();

    /** Emits routines and data, where code does not run into them. */
    abstract void emit();
}
