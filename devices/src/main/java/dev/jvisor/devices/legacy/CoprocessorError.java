package dev.jvisor.devices.legacy;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.CoprocessorPins;
import dev.jvisor.vmm.partition.PortDevice;

/**
 * Port F0h, and what reports x87 errors as the PC/AT did, for guests that leave CR0.NE clear (Intel SDM 1, D.2.1.2 and figure D-1; data sheets
 * of the PIIX and the ICH, "Coprocessor Error").
 *
 * <pre>
 *   FERR# becomes asserted    IRQ 13 is raised
 *   port F0h is written       IRQ 13 is lowered; IGNNE# becomes active, if FERR# is asserted
 *   FERR# is released         IGNNE# becomes inactive
 * </pre>
 *
 * So a handler of INT 75h writes to port F0h, which ends the request and lets it use the x87 although the error still stands; once it has
 * cleared that, errors are heeded again. A handler that never writes leaves IRQ 13 raised, and gets no other, as on a PC.
 *
 * <p>Only the pins of VP 0 are connected: there is one IRQ 13, and Intel supports this way of reporting with one processor only (SDM 1, D.2.1).
 * Another VP with CR0.NE clear is frozen at an error until anything interrupts it. QEMU takes FERR# from every processor, gives IGNNE# to the
 * first, and freezes none.
 */
public final class CoprocessorError implements PortDevice, CoprocessorPins {
    /** The port. */
    public static final int PORT = 0xF0;
    /** The interrupt. */
    public static final int IRQ = 13;

    private static final int BOOTSTRAP = 0;

    private final InterruptController interrupts;
    private boolean ferr;
    private boolean irq;
    private boolean ignne;

    /** @param interrupts where IRQ 13 is raised */
    public CoprocessorError(InterruptController interrupts) {
        this.interrupts = interrupts;
    }

    /** Power-on reset. */
    public synchronized void reset() {
        ferr = false;
        ignne = false;
        setIrq(false);
    }

    @Override
    public synchronized boolean ferrAsserted(int vp) {
        if (vp != BOOTSTRAP) {
            return false;
        }
        if (!ferr) {
            ferr = true;
            setIrq(true);
        }
        return ignne;
    }

    @Override
    public synchronized void ferrReleased(int vp) {
        if (vp == BOOTSTRAP) {
            ferr = false;
            ignne = false;
        }
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return -1;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        setIrq(false);
        ignne = ferr;
    }

    private void setIrq(boolean level) {
        irq = level;
        interrupts.setLine(IRQ, level);
    }

    /** {@return what it remembers} */
    public synchronized CoprocessorErrorState save() {
        return new CoprocessorErrorState(ferr, irq, ignne);
    }

    /** Replaces what it remembers. */
    public synchronized void restore(CoprocessorErrorState state) {
        ferr = state.ferr();
        ignne = state.ferr() && state.ignne();
        setIrq(state.irq());
    }
}
