package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.firmware.Flash;
import dev.jvisor.devices.firmware.FirmwareRom;
import java.util.List;

/**
 * The firmware of a board, and what it is told.
 *
 * @param image what is in its chip
 * @param variables what is in the flash below it, where UEFI keeps its variables; null for none
 * @param keeper told of what changes there
 * @param vgaRom option ROM of the VGA adapter, for firmware that has no driver of its own; null for none
 * @param serialConsole whether firmware is to use the first serial port as screen and keyboard too
 * @param vmbus whether the ACPI tables tell of a VMBus
 * @param bootOrder what to boot from, most wanted first, as Open Firmware paths
 */
public record FirmwareConfig(byte[] image, byte[] variables, Flash.Listener keeper, byte[] vgaRom, boolean serialConsole, boolean vmbus,
                             List<String> bootOrder) {
    /** Checks the sizes. */
    public FirmwareConfig {
        bootOrder = List.copyOf(bootOrder);
        if (!FirmwareRom.fits(image.length) || variables != null && (variables.length % Flash.BLOCK != 0
                || !FirmwareRom.fits((long) image.length + variables.length))) {
            throw new IllegalArgumentException("firmware does not fit: image=" + image.length + ", variables="
                    + (variables == null ? 0 : variables.length));
        }
    }

    /** {@return firmware that boots from nothing, with a serial console, without variables, option ROM and VMBus} */
    public static FirmwareConfig of(byte[] image) {
        return new FirmwareConfig(image, null, (offset, changed) -> { }, null, true, false, List.of());
    }

    /** {@return this with a variable store} */
    public FirmwareConfig withVariables(byte[] content, Flash.Listener changes) {
        return new FirmwareConfig(image, content, changes, vgaRom, serialConsole, vmbus, bootOrder);
    }

    /** {@return this with an option ROM for the VGA adapter, or null for none} */
    public FirmwareConfig withVgaRom(byte[] rom) {
        return new FirmwareConfig(image, variables, keeper, rom, serialConsole, vmbus, bootOrder);
    }

    /** {@return this with or without the serial console} */
    public FirmwareConfig withSerialConsole(boolean on) {
        return new FirmwareConfig(image, variables, keeper, vgaRom, on, vmbus, bootOrder);
    }

    /** {@return this with or without VMBus} */
    public FirmwareConfig withVmbus(boolean present) {
        return new FirmwareConfig(image, variables, keeper, vgaRom, serialConsole, present, bootOrder);
    }

    /** {@return this with another boot order} */
    public FirmwareConfig withBootOrder(List<String> paths) {
        return new FirmwareConfig(image, variables, keeper, vgaRom, serialConsole, vmbus, paths);
    }
}
