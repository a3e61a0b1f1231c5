package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortDevice;
import java.util.Arrays;

/** A cable with its two connectors: the ports, which drive is selected, the interrupt line, and the bus master's half. Its monitor is the lock. */
final class IdeChannel implements PortDevice {
    // Fixed
    private final int base;
    private final int control;
    private final int irq;
    private final InterruptController interrupts;
    private final IdeMetrics metrics;
    private final GpaSpace gpa;
    private final IdeDrive[] drives = new IdeDrive[2];
    private BusMaster busMaster;

    // Volatile state
    private boolean decoded = true;
    private boolean master;
    private int selected;
    private int deviceControl;
    private boolean line;
    /** The drive whose request to its disk uses guest memory; null for none. */
    private IdeDrive dmaOwner;

    IdeChannel(int base, int control, int irq, GpaSpace gpa, InterruptController interrupts, IdeMetrics metrics) {
        this.base = base;
        this.control = control;
        this.irq = irq;
        this.gpa = gpa;
        this.interrupts = interrupts;
        this.metrics = metrics;
        busMaster = new BusMaster(gpa, 0);
    }

    void attach(int index, IdeDrive drive) {
        if (drives[index] != null) {
            throw new IllegalArgumentException("there is a drive already: index=" + index);
        }
        drives[index] = drive;
        busMaster = new BusMaster(gpa, (drives[0] != null ? BM_CAPABLE_0 : 0) | (drives[1] != null ? BM_CAPABLE_0 << 1 : 0));
        drive.powerOn();
    }

    IdeDrive drive(int index) {
        return drives[index];
    }

    IdeMetrics metrics() {
        return metrics;
    }

    BusMaster busMaster() {
        return busMaster;
    }

    /** Whether the legacy ports answer, and whether the function may read and write memory. */
    synchronized void configure(boolean decode, boolean busMasterEnabled) {
        decoded = decode;
        master = busMasterEnabled;
        dmaReady();
    }

    // ---- ports ----

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        metrics.portAccesses.increment();
        if (!decoded) {
            return -1;
        }
        IdeDrive drive = drives[selected];
        if (port == control) {
            return drive != null ? drive.status() : absentStatus();
        }
        int register = port - base;
        if (register == DATA) {
            return drive == null ? -1 : drive.readData(size);
        }
        if (drive == null) {
            // Drive 0 answers for a drive 1 that is not there.
            return register == STATUS ? absentStatus() : drives[0] == null ? FLOATING : drives[0].readForAbsent(register, hob());
        }
        if (register == STATUS) {
            int status = drive.status();
            drive.acknowledge();
            return status;
        }
        return drive.read(register, hob());
    }

    private boolean hob() {
        return (deviceControl & CONTROL_HOB) != 0;
    }

    private int absentStatus() {
        return selected == 1 && drives[0] != null ? 0 : FLOATING;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        metrics.portAccesses.increment();
        if (!decoded) {
            return;
        }
        if (port == control) {
            writeControl(value);
            return;
        }
        int register = port - base;
        IdeDrive drive = drives[selected];
        if (register == DATA) {
            if (drive != null) {
                drive.writeData(size, value);
            }
            return;
        }
        deviceControl &= ~CONTROL_HOB;
        if (register == COMMAND) {
            command(value);
            return;
        }
        if (register == DEVICE) {
            selected = (value & DEVICE_1) != 0 ? 1 : 0;
        }
        for (IdeDrive d : drives) {
            if (d != null) {
                d.write(register, value);
            }
        }
        updateLine();
    }

    private void writeControl(int value) {
        boolean was = (deviceControl & CONTROL_SRST) != 0;
        boolean reset = (value & CONTROL_SRST) != 0;
        deviceControl = value & (CONTROL_HOB | CONTROL_SRST | CONTROL_NIEN);
        if (reset && !was) {
            selected = 0;
            for (IdeDrive d : drives) {
                if (d != null) {
                    d.beginReset();
                }
            }
        }
        updateLine();
    }

    int selected() {
        return selected;
    }

    boolean inReset() {
        return (deviceControl & CONTROL_SRST) != 0;
    }

    private void command(int opcode) {
        if (inReset()) {
            return;
        }
        if (opcode == AtaCommands.EXECUTE_DEVICE_DIAGNOSTIC) {
            diagnose();
            return;
        }
        IdeDrive drive = drives[selected];
        if (drive != null) {
            drive.start(opcode);
        }
    }

    /** Both drives do it, drive 0 answers. */
    private void diagnose() {
        if (drives[0] != null && drives[0].busy() || drives[1] != null && drives[1].busy()) {
            return;
        }
        selected = 0;
        for (IdeDrive d : drives) {
            if (d != null) {
                metrics.commands.increment();
                d.beginReset();
            }
        }
        if (drives[0] != null) {
            drives[0].raise();
        }
    }

    // ---- bus master ----

    synchronized int busMasterRead(int register) {
        metrics.portAccesses.increment();
        return busMaster.read(register);
    }

    synchronized void busMasterWrite(int register, int value) {
        metrics.portAccesses.increment();
        if (!busMaster.write(register, value)) {
            return;
        }
        if (busMaster.active()) {
            dmaReady();
        } else {
            // Stopped half-way: when this returns no byte of guest memory changes any more, as if the bus had been let go.
            awaitDma();
        }
    }

    /** Has a drive that waits for the bus master go on, if that can run. */
    void dmaReady() {
        for (IdeDrive d : drives) {
            if (d != null && d.awaitsDma() && busMaster.active() && master && dmaOwner == null) {
                d.dmaReady();
            }
        }
    }

    void dmaBegins(IdeDrive by) {
        dmaOwner = by;
        metrics.dmaTransfers.increment();
    }

    private void awaitDma() {
        boolean interrupted = false;
        while (dmaOwner != null) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- drives ----

    /** A drive's request has ended; on a disk's thread or, for those that need no disk, on the one that asked. */
    synchronized void completed(IdeDrive drive, DiskStatus status) {
        if (dmaOwner == drive) {
            dmaOwner = null;
        }
        drive.requestEnded(status);
        dmaReady();
        notifyAll();
    }

    void updateLine() {
        IdeDrive d = drives[selected];
        boolean level = d != null && d.interrupt() && (deviceControl & CONTROL_NIEN) == 0;
        if (level == line) {
            return;
        }
        line = level;
        if (level) {
            metrics.interrupts.increment();
            busMaster.interrupted();
        }
        interrupts.setLine(irq, level);
    }

    // ---- whole channel ----

    /** Waits until no request is on its way. No VP runs, so none will follow. */
    synchronized void quiesce() {
        boolean interrupted = false;
        while (drives[0] != null && drives[0].inFlight() || drives[1] != null && drives[1].inFlight()) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    synchronized void reset() {
        quiesce();
        selected = 0;
        deviceControl = 0;
        busMaster.reset();
        for (IdeDrive d : drives) {
            if (d != null) {
                d.powerOn();
            }
        }
        updateLine();
    }

    synchronized IdeChannelState save() {
        quiesce();
        return new IdeChannelState(selected, deviceControl, busMaster.save(), Arrays.asList(
                drives[0] == null ? null : drives[0].save(), drives[1] == null ? null : drives[1].save()));
    }

    synchronized void restore(IdeChannelState s) {
        quiesce();
        selected = s.selected() & 1;
        deviceControl = s.control() & (CONTROL_HOB | CONTROL_SRST | CONTROL_NIEN);
        busMaster.restore(s.busMaster());
        for (int i = 0; i < drives.length; i++) {
            if (drives[i] != null && s.drives().get(i) != null) {
                drives[i].restore(s.drives().get(i));
            }
        }
        updateLine();
        dmaReady();
    }
}
