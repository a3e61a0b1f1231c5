package dev.jvisor.vmm.backend;

/**
 * Receives a VP's intercepts, on the VP's own thread, in the middle of the instruction that caused them. Implementations never throw on
 * what a guest does and keep nothing of the arguments. What one does not implement is answered as where nothing is: with all bits set, or
 * #GP; x87 errors are ignored.
 */
public interface InterceptHandler {
    /** IN. @param size 1, 2 or 4 bytes. {@return the value, zero-extended} */
    default int portRead(int vp, int port, int size) {
        return -1 >>> 32 - 8 * size;
    }

    /** OUT. @param size 1, 2 or 4 bytes */
    default void portWrite(int vp, int port, int size, int value) { }

    /** A read of a GPA that is not RAM or ROM. @param size 1, 2, 4 or 8 bytes. {@return the value, zero-extended} */
    default long mmioRead(int vp, long gpa, int size) {
        return -1L >>> 64 - 8 * size;
    }

    /** A write to a GPA that is not RAM, or to ROM. @param size 1, 2, 4 or 8 bytes */
    default void mmioWrite(int vp, long gpa, int size, long value) { }

    /**
     * RDMSR of a register that the backend does not keep itself.
     *
     * @param value receives the value
     * @return false to raise #GP
     */
    default boolean msrRead(int vp, int index, MsrValue value) {
        return false;
    }

    /** WRMSR of a register that the backend does not keep itself. {@return false to raise #GP} */
    default boolean msrWrite(int vp, int index, long value) {
        return false;
    }

    /** End of interrupt for a level-triggered vector, when local APICs are the backend's and I/O APICs are ours. */
    default void endOfInterrupt(int vector) { }

    /**
     * The VP's FERR# pin is asserted: an instruction that heeds x87 exceptions meets one that is not masked, and CR0.NE is clear (Intel SDM 1,
     * 8.7 and appendix D). Again whenever that happens, asserted already or not.
     *
     * @return whether the IGNNE# pin is active: the instruction goes on regardless. Else the VP stands before it until an interrupt comes
     */
    default boolean coprocessorError(int vp) {
        return true;
    }

    /** The VP's FERR# pin is released; it may have been so before. */
    default void coprocessorErrorOver(int vp) { }

    /**
     * Something a person debugging wants to know of, for now an instruction that is not implemented. As often as it is executed.
     *
     * @param what its name, to count by
     * @param rip where it stands
     */
    default void remark(int vp, String what, long rip) { }
}
