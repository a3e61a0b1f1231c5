package dev.jvisor.devices.pic;

import static dev.jvisor.devices.pic.PicRegisters.*;

import dev.jvisor.vmm.apic.ExternalInterrupt;
import dev.jvisor.vmm.apic.IsaInterruptController;
import dev.jvisor.vmm.partition.PortDevice;

/**
 * The two cascaded 8259As of a PC: lines 0 to 7 on the master, 8 to 15 on the slave, whose output is the master's line 2. Ports 20h, 21h,
 * A0h, A1h, and ELCR at 4D0h, 4D1h.
 *
 * <p>Thread-safe. The listener is called without the pair's lock.
 */
public final class Pic implements PortDevice, IsaInterruptController, ExternalInterrupt {
    private final Runnable outputChanged;

    private final Pic8259 master = new Pic8259(true, ELCR_MASTER_WRITABLE);
    private final Pic8259 slave = new Pic8259(false, ELCR_SLAVE_WRITABLE);
    /** The master's INT output; volatile so that a VP may look without the lock. */
    private volatile boolean asserted;

    /** @param outputChanged told when {@link #asserted()} has changed other than by {@link #acknowledge()} */
    public Pic(Runnable outputChanged) {
        this.outputChanged = outputChanged;
    }

    /** Power-on reset: nothing masked, vector bases 0, as the chips come up. */
    public void reset() {
        boolean changed;
        synchronized (this) {
            master.reset();
            slave.reset();
            changed = update();
        }
        tell(changed);
    }

    /**
     * Drives an interrupt line.
     *
     * @param irq 0 to 15; 2 is the cascade and has no device
     * @param level asserted or not
     */
    @Override
    public void setLine(int irq, boolean level) {
        if (irq < 0 || irq > 15 || irq == CASCADE_LINE) {
            return;
        }
        boolean changed;
        synchronized (this) {
            if (irq < 8) {
                master.setLine(irq, level);
            } else {
                slave.setLine(irq - 8, level);
            }
            changed = update();
        }
        tell(changed);
    }

    /** {@return whether the processor's INTR (or LINT0) is asserted} */
    @Override
    public boolean asserted() {
        return asserted;
    }

    /** The processor's acknowledge cycle. {@return the vector; a spurious one (line 7 of the chip asked) when the request has gone} */
    @Override
    public synchronized int acknowledge() {
        int line = master.pending();
        int vector;
        if (line < 0) {
            vector = master.vector(SPURIOUS_LINE);
        } else {
            master.accept(line);
            if (line == CASCADE_LINE) {
                int slaveLine = slave.pending();
                if (slaveLine < 0) {
                    vector = slave.vector(SPURIOUS_LINE);
                } else {
                    slave.accept(slaveLine);
                    vector = slave.vector(slaveLine);
                }
                // The slave's INT drops during the acknowledge: what it has next is a new edge for the master.
                master.setLine(CASCADE_LINE, false);
            } else {
                vector = master.vector(line);
            }
        }
        update();
        return vector;
    }

    /** Passes the slave's output on and takes the master's. {@return whether it changed} */
    private boolean update() {
        master.setLine(CASCADE_LINE, slave.pending() >= 0);
        boolean now = master.pending() >= 0;
        boolean changed = now != asserted;
        asserted = now;
        return changed;
    }

    private void tell(boolean changed) {
        if (changed) {
            outputChanged.run();
        }
    }

    @Override
    public int portRead(int vp, int port, int size) {
        int value;
        boolean changed;
        synchronized (this) {
            value = switch (port) {
                case MASTER_COMMAND -> master.readCommand();
                case MASTER_DATA -> master.readData();
                case SLAVE_COMMAND -> slave.readCommand();
                case SLAVE_DATA -> slave.readData();
                case ELCR_MASTER -> master.readElcr();
                case ELCR_SLAVE -> slave.readElcr();
                default -> 0xFF;
            };
            changed = update(); // a poll accepts
        }
        tell(changed);
        return value;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        int v = value & 0xFF;
        boolean changed;
        synchronized (this) {
            switch (port) {
                case MASTER_COMMAND -> master.writeCommand(v);
                case MASTER_DATA -> master.writeData(v);
                case SLAVE_COMMAND -> slave.writeCommand(v);
                case SLAVE_DATA -> slave.writeData(v);
                case ELCR_MASTER -> master.writeElcr(v);
                case ELCR_SLAVE -> slave.writeElcr(v);
                default -> { }
            }
            changed = update();
        }
        tell(changed);
    }

    /** {@return what the pair remembers} */
    public synchronized PicState save() {
        return new PicState(master.save(), slave.save());
    }

    /** Replaces what the pair remembers. */
    public void restore(PicState state) {
        boolean changed;
        synchronized (this) {
            master.restore(state.master());
            slave.restore(state.slave());
            changed = update();
        }
        tell(changed);
    }
}
