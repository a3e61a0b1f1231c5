package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.memory.MmioDevice;

/** The I/O APIC. Sketch. */
public final class IoApic implements MmioDevice {
    IoApic() { }

    /** Sets the level of a pin. */
    public void setPin(int pin, boolean level) { }

    /** End of interrupt for a level-triggered vector. */
    public void endOfInterrupt(int vector) { }

    @Override
    public long mmioRead(int vp, long offset, int size) {
        return 0;
    }

    @Override
    public void mmioWrite(int vp, long offset, int size, long value) { }
}
