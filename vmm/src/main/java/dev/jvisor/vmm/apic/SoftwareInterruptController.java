package dev.jvisor.vmm.apic;

import static dev.jvisor.vmm.apic.LocalApicRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.time.Timers;
import java.util.ArrayList;
import java.util.List;

/**
 * All interrupt controllers in software: one local APIC for each VP, an I/O APIC, and a PIC if one is connected. Devices raise lines and
 * messages here. Thread-safe; the way from a line to a local APIC takes the I/O APIC's lock and nothing else.
 *
 * <pre>
 *   setLine(gsi) --+--> PIC (gsi 0-15) --INTR--> LINT0 of local APIC 0
 *                  +--> I/O APIC pin ----------> local APICs &lt;---- signalMsi, IPIs
 * </pre>
 */
public final class SoftwareInterruptController implements InterruptController {
    /**
     * Everything the controllers hold.
     *
     * @param locals local APICs by VP
     * @param ioApic the I/O APIC
     */
    public record State(List<LocalApicState> locals, IoApicState ioApic) { }

    private final LocalApic[] locals;
    private final IoApic ioApic;
    private volatile IsaInterruptController pic;
    /** Where the search for the lowest priority starts, so that equals take turns. A lost update does no harm. */
    private int nextLowest;

    /**
     * @param processors number of local APICs
     * @param timers the partition's time
     * @param tscHz ticks a second of the guest's TSC
     */
    public SoftwareInterruptController(int processors, Timers timers, long tscHz) {
        locals = new LocalApic[processors];
        ioApic = new IoApic(this::message, null);
        ApicBus bus = new ApicBus() {
            @Override
            public void sendIpi(LocalApic from, int icrLow, int destination) {
                ipi(from, icrLow, destination);
            }

            @Override
            public void endOfInterrupt(int vector) {
                ioApic.endOfInterrupt(vector);
            }
        };
        for (int i = 0; i < processors; i++) {
            locals[i] = new LocalApic(i, timers, tscHz, bus);
        }
    }

    /** {@return the local APIC of a VP} */
    public LocalApic localApic(int vp) {
        return locals[vp];
    }

    /** {@return the I/O APIC} */
    public IoApic ioApic() {
        return ioApic;
    }

    /**
     * Joins a PIC in. Its output goes to LINT0 of VP 0.
     *
     * @param inputs told of every change of lines 0 to 15, 2 (the cascade) excepted
     * @param output the PIC's INTR
     */
    public void connectPic(IsaInterruptController inputs, ExternalInterrupt output) {
        pic = inputs;
        locals[0].connectExternal(output);
    }

    /** The PIC's INTR may have changed. Called by the PIC at every change; asks {@link ExternalInterrupt#asserted}, holds no lock. */
    public void externalInterruptChanged() {
        locals[0].lint0Changed();
    }

    /** Puts every chip but the PIC to its reset state; VPs are paused. */
    @Override
    public void reset() {
        for (LocalApic a : locals) {
            a.reset();
        }
        ioApic.reset();
    }

    /** {@return the I/O APIC pin of a global system interrupt, -1 for none: the timer is on pin 2, as the MADT says} */
    static int pinOf(int gsi) {
        return switch (gsi) {
            case 0 -> 2;
            case 2 -> -1;
            default -> gsi > 0 && gsi < IoApic.PINS ? gsi : -1;
        };
    }

    @Override
    public void setLine(int gsi, boolean level) {
        IsaInterruptController isa = pic;
        if (isa != null && gsi >= 0 && gsi < 16 && gsi != 2) {
            isa.setLine(gsi, level);
        }
        int pin = pinOf(gsi);
        if (pin >= 0) {
            ioApic.setPin(pin, level);
        }
    }

    @Override
    public void signalMsi(long address, int data) {
        message(address, data);
    }

    @Override
    public void setAutomaticEoi(int vp, long[] vectors) {
        locals[vp].setAutomaticEoi(vectors);
    }

    /** Delivers a message (Intel SDM 3A, 11.11). {@return whether somebody took it} */
    private boolean message(long address, int data) {
        if (address >>> 20 != 0xFEE) {
            return false;
        }
        int mode = data >> 8 & 7;
        boolean logical = (address & 4) != 0;
        boolean lowest = mode == MODE_LOWEST || (address & 8) != 0 && logical;
        boolean level = (data & ICR_LEVEL) != 0;
        return deliver((int) (address >> 12) & 0xFF, logical, false, lowest, mode, data & 0xFF, level);
    }

    private void ipi(LocalApic from, int icrLow, int destination) {
        int mode = icrLow >> 8 & 7;
        int vector = icrLow & 0xFF;
        if (mode == MODE_INIT && (icrLow & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL) {
            // INIT level de-assert: only ever set arbitration ids.
            return;
        }
        // IPIs are edges, whatever the trigger bit says (SDM 3A, 11.6.1).
        switch (icrLow >> ICR_SHORTHAND_SHIFT & 3) {
            case SHORTHAND_SELF -> from.accept(mode, vector, false);
            case SHORTHAND_ALL -> {
                for (LocalApic a : locals) {
                    a.accept(mode, vector, false);
                }
            }
            case SHORTHAND_OTHERS -> {
                for (LocalApic a : locals) {
                    if (a != from) {
                        a.accept(mode, vector, false);
                    }
                }
            }
            default -> deliver(destination, (icrLow & ICR_LOGICAL) != 0, from.x2apic(), mode == MODE_LOWEST, mode, vector, false);
        }
    }

    private boolean deliver(int destination, boolean logical, boolean wide, boolean lowest, int mode, int vector, boolean level) {
        if (lowest) {
            LocalApic best = null;
            int start = nextLowest;
            for (int i = 0; i < locals.length; i++) {
                LocalApic a = locals[(start + i) % locals.length];
                if (a.softwareEnabled() && a.matches(destination, logical, wide)
                        && (best == null || a.arbitrationPriority() < best.arbitrationPriority())) {
                    best = a;
                }
            }
            if (best == null) {
                return false;
            }
            nextLowest = (best.id() + 1) % locals.length;
            return best.accept(mode, vector, level);
        }
        boolean taken = false;
        for (LocalApic a : locals) {
            if (a.matches(destination, logical, wide)) {
                taken |= a.accept(mode, vector, level);
            }
        }
        return taken;
    }

    /** {@return everything the controllers hold; VPs are paused} */
    public State save() {
        List<LocalApicState> l = new ArrayList<>();
        for (LocalApic a : locals) {
            l.add(a.save());
        }
        return new State(l, ioApic.save());
    }

    /** Takes over what {@link #save} gave; VPs are paused. */
    public void restore(State s) {
        ioApic.restore(s.ioApic());
        for (int i = 0; i < locals.length; i++) {
            locals[i].restore(s.locals().get(i));
        }
    }
}
