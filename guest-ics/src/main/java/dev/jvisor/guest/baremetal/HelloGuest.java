package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;

/** The smallest guest: prints one line and powers off. No parameters. */
public final class HelloGuest {
    /** What the protected-mode guest prints. */
    public static final String LINE = "Hello from a jvisor partition";
    /** What the real-mode guest prints. */
    public static final String REAL_MODE_LINE = "Hello from real mode";

    private static final int REAL_MODE_ADDRESS = 0x7C00;
    private static final int SECTOR_BYTES = 512;

    private HelloGuest() {
    }

    /** {@return the guest that stays in 32-bit protected mode} */
    public static GuestProgram program() {
        BootPrologue boot = new BootPrologue();
        boot.start();
        boot.serial().printLine(LINE);
        PowerOff.emit(boot.assembler(), 0);
        return boot.finish("hello");
    }

    /** {@return the guest that stays in real mode: a flat binary that is also a boot sector} */
    public static GuestProgram realModeProgram() {
        Assembler a = new Assembler(REAL_MODE_ADDRESS, Mode.BITS16);
        SerialRoutines serial = new SerialRoutines(a);
        a.cli();
        a.cld();
        a.xor(AX, AX);
        a.mov(Seg.DS, AX);
        a.mov(Seg.ES, AX);
        a.mov(Seg.SS, AX);
        a.mov(SP, REAL_MODE_ADDRESS);
        serial.setUp();
        serial.printLine(REAL_MODE_LINE);
        PowerOff.emit(a, 0);
        serial.emit();
        a.padTo(SECTOR_BYTES - 2);
        a.dw(0xAA55);
        return new GuestProgram("hello-real", a.assemble(), REAL_MODE_ADDRESS, REAL_MODE_ADDRESS, EntryMode.REAL_16);
    }
}
