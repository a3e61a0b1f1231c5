package dev.jvisor.guest.asm;

/**
 * The assembler: a method for each instruction, named by its mnemonic (with an underscore where Java has the word).
 *
 * <p>Calls append to one stream of bytes that will be loaded at {@code origin}. Destination comes first, as in Intel
 * syntax. Where an instruction has several encodings the shortest is taken, except that a jump to a label not yet bound
 * takes the long form; {@code jmpShort} and {@code jShort} ask for the short one. Not safe for use by several threads.
 *
 * <p>The instructions stand in its superclasses, a kind in each; users need not know them.
 *
 * <pre>{@code
 * Assembler a = new Assembler(0x100000, Mode.BITS64);
 * Label loop = a.bind("loop");
 * a.add(RAX, mem(RSI).index(RCX, 8));
 * a.dec(RCX);
 * a.j(Cond.NE, loop);
 * byte[] code = a.assemble();
 * }</pre>
 */
public final class Assembler extends DataInstructions {
    /**
     * Makes an empty stream.
     *
     * @param origin the address the first byte will be loaded at
     * @param mode   the mode of the first instructions
     */
    public Assembler(long origin, Mode mode) {
        super(origin, mode);
    }

    /** Puts a LOCK prefix before the next instruction. */
    public Assembler lock() {
        pendLock();
        return this;
    }

    /** Puts a REP (also REPE) prefix before the next instruction. */
    public Assembler rep() {
        pendRepeat(0xF3);
        return this;
    }

    /** Puts a REPNE prefix before the next instruction. */
    public Assembler repne() {
        pendRepeat(0xF2);
        return this;
    }

    /** Does nothing. */
    public void nop() {
        plain("nop", 0, 0, 0x90, null);
    }
}
