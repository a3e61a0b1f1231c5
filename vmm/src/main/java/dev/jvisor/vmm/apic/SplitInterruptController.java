package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.backend.InterruptController;

/** Our I/O APIC in front of a backend's local APICs. */
public final class SplitInterruptController implements InterruptController {
    private final InterruptController backend;
    private final IoApic ioApic = new IoApic();

    /** @param backend takes messages for the local APICs */
    public SplitInterruptController(InterruptController backend) {
        this.backend = backend;
    }

    /** {@return the I/O APIC} */
    public IoApic ioApic() {
        return ioApic;
    }

    @Override
    public void setLine(int gsi, boolean level) {
        ioApic.setPin(gsi == 0 ? 2 : gsi, level);
    }

    @Override
    public void signalMsi(long address, int data) {
        backend.signalMsi(address, data);
    }
}
