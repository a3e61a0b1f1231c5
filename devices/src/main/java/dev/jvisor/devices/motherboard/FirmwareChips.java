package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.firmware.FirmwareRom;
import dev.jvisor.devices.firmware.Flash;
import dev.jvisor.devices.firmware.ShadowMemory;
import dev.jvisor.devices.pci.HostBridge;
import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.pm.PmFunction;
import dev.jvisor.devices.pm.PowerManagement;
import dev.jvisor.vmm.partition.Partition;

/** What a board has for its firmware's sake: the chips, the host bridge that shows them, and the function that moves the PM registers. */
final class FirmwareChips {
    private static final int PM_FUNCTION = 3;

    private final HostBridge host;
    private final PmFunction pm;
    private final Flash flash;

    /**
     * Puts them on the board.
     *
     * @param isaBridge PCI device number of the ISA bridge
     */
    FirmwareChips(Partition partition, FirmwareConfig config, PciBus pci, int isaBridge, PowerManagement power) {
        FirmwareRom rom = new FirmwareRom(partition.gpa(), config.image());
        host = new HostBridge(new ShadowMemory(partition.gpa(), rom));
        pci.add(0, 0, host);
        pm = new PmFunction(partition.ports(), power);
        pci.add(isaBridge, PM_FUNCTION, pm);
        byte[] variables = config.variables();
        flash = variables == null ? null : new Flash(partition.gpa(), rom.gpa() - variables.length, variables, config.keeper());
    }

    /** {@return first port of the power management registers; -1 while firmware has not said} */
    int pmBase() {
        return pm.base();
    }

    void reset() {
        if (flash != null) {
            flash.reset();
        }
    }

    FirmwareState save() {
        return new FirmwareState(host.saveFunction(), pm.saveFunction(), flash == null ? null : flash.save());
    }

    void restore(FirmwareState s) {
        host.restoreFunction(s.host());
        pm.restoreFunction(s.pm());
        if (flash != null && s.flash() != null) {
            flash.restore(s.flash());
        }
    }
}
