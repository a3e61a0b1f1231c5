package dev.jvisor.guest.vsc;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.PowerOff;

/** How a guest gives up: a line that begins with its name, then the end with an exit code. */
public final class Failure {
    private final BootPrologue boot;
    private final String name;

    /** Makes the ends of a guest. @param name how its lines begin */
    public Failure(BootPrologue boot, String name) {
        this.boot = boot;
        this.name = name;
    }

    /** Emits the end of the guest unless a condition holds. Changes no flag or register otherwise. */
    public void unless(Cond condition, String what, int code) {
        Assembler a = boot.assembler();
        Label good = a.label("good");
        a.j(condition, good);
        now(what, code);
        a.bind(good);
    }

    /** Emits the end of the guest. */
    public void now(String what, int code) {
        boot.serial().printLine(name + ": FAIL " + what);
        PowerOff.emit(boot.assembler(), code);
    }
}
