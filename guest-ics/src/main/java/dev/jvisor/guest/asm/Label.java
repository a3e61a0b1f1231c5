package dev.jvisor.guest.asm;

/**
 * A place in the code that may be named before it is known. Made by {@link Assembler#label(String)}, placed by
 * {@link Assembler#bind(Label)}, used by branches, memory operands and data. Belongs to one assembler.
 */
public final class Label {
    private final String name;
    private final CodeBuffer owner;
    private int offset = -1;

    Label(CodeBuffer owner, String name) {
        this.owner = owner;
        this.name = name;
    }

    /** {@return whether the place is known} */
    public boolean isBound() {
        return offset >= 0;
    }

    /**
     * {@return the address of the place: the assembler's origin plus the offset in the stream}
     *
     * @throws AssemblyException if the label is not bound yet
     */
    public long address() {
        return owner.origin() + offset();
    }

    /**
     * {@return the offset of the place from the start of the stream, in bytes}
     *
     * @throws AssemblyException if the label is not bound yet
     */
    public int offset() {
        if (!isBound()) {
            throw new AssemblyException("label '" + name + "' is not bound");
        }
        return offset;
    }

    CodeBuffer owner() {
        return owner;
    }

    void bindAt(int place) {
        if (isBound()) {
            throw new AssemblyException("label '" + name + "' is bound twice");
        }
        offset = place;
    }

    @Override
    public String toString() {
        return name;
    }
}
