/**
 * Where firmware lives: {@link dev.jvisor.devices.firmware.FirmwareRom} is the chip below 4 GiB that a processor starts from,
 * {@link dev.jvisor.devices.firmware.ShadowMemory} the memory below 1 MiB that shows the chip's end until firmware copies itself over it, and
 * {@link dev.jvisor.devices.firmware.Flash} a second chip that UEFI firmware keeps its variables in, backed by a
 * {@link dev.jvisor.devices.firmware.FlashFile} if they are to last.
 */
package dev.jvisor.devices.firmware;
