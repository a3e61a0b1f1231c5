package dev.jvisor.vmm.partition;

/**
 * Sees every intercept of a partition, for {@code --trace}. Called on VP threads after the device has answered, so a read's value is known;
 * must not block for long. Off (null) unless {@link Partition#trace(InterceptTrace)} sets one.
 */
public interface InterceptTrace {
    /** An IN or OUT. @param known whether a device answered at {@code port} */
    default void port(int vp, boolean write, int port, int size, int value, boolean known) { }

    /** An access to a GPA that is not RAM. @param known whether a device answered */
    default void mmio(int vp, boolean write, long gpa, int size, long value, boolean known) { }

    /** An RDMSR or WRMSR. @param ok false when it raised #GP, in which case a read's {@code value} means nothing */
    default void msr(int vp, boolean write, int index, long value, boolean ok) { }

    /** An instruction that the CPU does not implement. @param what its name @param rip where it stands */
    default void remark(int vp, String what, long rip) { }
}
