package dev.jvisor.guest.baremetal;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Mem;

/** The I/O APIC, as guests use it (Intel 82093AA datasheet, section 3). */
final class IoApic {
    /** Of its register select, IOREGSEL; it reads as it was written. */
    static final long GPA = 0xFEC00000L;
    /** Redirection entry: masked. */
    static final int MASKED = 1 << 16;

    private static final int WINDOW = 0x10;
    private static final int REDIRECTION = 0x10;

    private IoApic() { }

    /**
     * Emits a write of the low half of a pin's redirection entry: edge, fixed, and what is told.
     *
     * @param base register that holds {@link #GPA}
     * @param value a vector, or {@link #MASKED}
     */
    static void redirect(Assembler a, Gpr base, int pin, int value) {
        write(a, base, REDIRECTION + 2 * pin, value);
    }

    /** Emits a write of the high half of a pin's redirection entry: to the first processor. @param base register that holds {@link #GPA} */
    static void redirectToFirst(Assembler a, Gpr base, int pin) {
        write(a, base, REDIRECTION + 2 * pin + 1, 0);
    }

    private static void write(Assembler a, Gpr base, int register, int value) {
        a.mov(Mem.mem(base).dword(), register);
        a.mov(Mem.mem(base).disp(WINDOW).dword(), value);
    }
}
