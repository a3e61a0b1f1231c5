package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.backend.InterruptController;

/** Our I/O APIC in front of a backend's local APICs. There is no way for a PIC's ExtINT here: guests must use the I/O APIC. Thread-safe. */
public final class SplitInterruptController implements InterruptController {
    private final InterruptController backend;
    private final IoApic ioApic;

    /** @param backend takes messages for the local APICs */
    public SplitInterruptController(InterruptController backend) {
        this.backend = backend;
        this.ioApic = new IoApic((address, data) -> {
            backend.signalMsi(address, data);
            return true;
        }, backend::routePin);
    }

    /** {@return the I/O APIC} */
    public IoApic ioApic() {
        return ioApic;
    }

    @Override
    public void reset() {
        ioApic.reset();
        backend.reset();
    }

    @Override
    public void setLine(int gsi, boolean level) {
        int pin = SoftwareInterruptController.pinOf(gsi);
        if (pin >= 0) {
            ioApic.setPin(pin, level);
        }
    }

    @Override
    public void signalMsi(long address, int data) {
        backend.signalMsi(address, data);
    }

    @Override
    public void setAutomaticEoi(int vp, long[] vectors) {
        backend.setAutomaticEoi(vp, vectors);
    }
}
