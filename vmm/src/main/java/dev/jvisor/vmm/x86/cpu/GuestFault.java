package dev.jvisor.vmm.x86.cpu;

/**
 * Unwinds from the middle of an instruction to the engine's loop. One preallocated instance per {@link Cpu}, without a stack trace; what
 * happened stands in the Cpu ({@code faultVector} and its neighbours). The state is that before the instruction, since every instruction
 * commits after its last access that can fault.
 */
public final class GuestFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GuestFault() {
        super(null, null, false, false);
    }
}
