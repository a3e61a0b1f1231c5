package dev.jvisor.guest.baremetal;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;

/** How guests end: the debug-exit port, then ACPI power-off by the PM1a control port, then a halt for good. */
public final class PowerOff {
    /** The debug-exit port; the host's exit code is {@code (value << 1) | 1}. */
    public static final int DEBUG_EXIT_PORT = 0xF4;
    /** PM1a control of the ACPI tables (and of QEMU's, once its firmware has run). */
    public static final int PM1A_CONTROL_PORT = 0x604;
    /** SLP_EN with SLP_TYP 5, S5 of jvisor's ACPI tables. */
    public static final int SLEEP_ENABLE = 0x3400;
    /** SLP_EN with SLP_TYP 0, S5 of QEMU's. */
    public static final int SLEEP_ENABLE_QEMU = 0x2000;

    private PowerOff() {
    }

    /**
     * Emits the end of a guest. Needs CPL0.
     *
     * @param a    where to
     * @param code 0 to 127
     */
    public static void emit(Assembler a, int code) {
        if (code < 0 || code > 127) {
            throw new IllegalArgumentException("an exit code is 0 to 127: code=" + code);
        }
        a.mov(Gpr.AL, code);
        a.out(DEBUG_EXIT_PORT, Gpr.AL);
        a.mov(Gpr.DX, PM1A_CONTROL_PORT);
        a.mov(Gpr.AX, SLEEP_ENABLE);
        a.out(Gpr.DX, Gpr.AX);
        a.mov(Gpr.AX, SLEEP_ENABLE_QEMU);
        a.out(Gpr.DX, Gpr.AX);
        Label halt = a.bind("halt");
        a.cli();
        a.hlt();
        a.jmp(halt);
    }
}
