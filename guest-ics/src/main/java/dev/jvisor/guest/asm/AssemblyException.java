package dev.jvisor.guest.asm;

/** Says that an instruction was written that can not be encoded; the text names the instruction, its operands and why. */
public final class AssemblyException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param message the instruction with its operands and the reason
     */
    public AssemblyException(String message) {
        super(message);
    }
}
