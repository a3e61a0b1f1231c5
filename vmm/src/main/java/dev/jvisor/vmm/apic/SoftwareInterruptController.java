package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.time.Timers;

/** All interrupt controllers in software. Sketch. */
public final class SoftwareInterruptController implements InterruptController {
    private final LocalApic[] locals;
    private final IoApic ioApic = new IoApic();

    /**
     * @param processors number of local APICs
     * @param timers the partition's time
     * @param tscHz ticks a second of the guest's TSC
     */
    public SoftwareInterruptController(int processors, Timers timers, long tscHz) {
        locals = new LocalApic[processors];
        for (int i = 0; i < processors; i++) {
            locals[i] = new LocalApic();
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
     * @param inputs told of every change of lines 0 to 15 (2 excepted: the cascade)
     * @param output the PIC's INTR
     */
    public void connectPic(IsaInterruptController inputs, ExternalInterrupt output) { }

    /** The PIC's INTR may have changed. Called by the PIC, without its lock. */
    public void externalInterruptChanged() { }

    /** Puts every chip to its reset state. */
    public void reset() { }

    @Override
    public void setLine(int gsi, boolean level) { }

    @Override
    public void signalMsi(long address, int data) { }
}
