package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.serial.ComPort;
import dev.jvisor.devices.serial.SerialBackend;
import java.time.InstantSource;
import java.util.Map;

/**
 * Which devices a board carries.
 *
 * @param serial the serial ports that exist, and what is at their far end; the backends stay the caller's to close
 * @param debugExit whether a write to port F4h ends the run
 * @param debugConsole where bytes written to port E9h go; null for no such port
 * @param wallClock the time of day that the real-time clock shows
 * @param vga whether there is a VGA text screen
 * @param testDevices whether there are the devices that test images expect: {@code pc-testdev}, firmware configuration, and what
 *        firmware leaves behind
 * @param backendPit whether a backend that has the interrupt controllers has the interval timer and port 61h too; without effect elsewhere
 * @param firmware the firmware; null for a board that the host has set up as firmware would have
 */
public record MotherboardConfig(Map<ComPort, SerialBackend> serial, boolean debugExit, SerialBackend debugConsole, InstantSource wallClock,
                                boolean vga, boolean testDevices, boolean backendPit, FirmwareConfig firmware) {
    /** Copies the map. */
    public MotherboardConfig {
        serial = Map.copyOf(serial);
    }

    /** {@return a board with one serial port, a VGA text screen and the host's time of day, without debug ports and test devices} */
    public static MotherboardConfig of(SerialBackend com1) {
        return new MotherboardConfig(Map.of(ComPort.COM1, com1), false, null, InstantSource.system(), true, false, true, null);
    }

    /** {@return this with other serial ports} */
    public MotherboardConfig withSerial(Map<ComPort, SerialBackend> ports) {
        return new MotherboardConfig(ports, debugExit, debugConsole, wallClock, vga, testDevices, backendPit, firmware);
    }

    /** {@return this with or without the debug-exit port} */
    public MotherboardConfig withDebugExit(boolean on) {
        return new MotherboardConfig(serial, on, debugConsole, wallClock, vga, testDevices, backendPit, firmware);
    }

    /** {@return this with a debug console, or none} */
    public MotherboardConfig withDebugConsole(SerialBackend console) {
        return new MotherboardConfig(serial, debugExit, console, wallClock, vga, testDevices, backendPit, firmware);
    }

    /** {@return this with another time of day} */
    public MotherboardConfig withWallClock(InstantSource clock) {
        return new MotherboardConfig(serial, debugExit, debugConsole, clock, vga, testDevices, backendPit, firmware);
    }

    /** {@return this with or without a VGA text screen} */
    public MotherboardConfig withVga(boolean on) {
        return new MotherboardConfig(serial, debugExit, debugConsole, wallClock, on, testDevices, backendPit, firmware);
    }

    /** {@return this with or without the devices that test images expect} */
    public MotherboardConfig withTestDevices(boolean on) {
        return new MotherboardConfig(serial, debugExit, debugConsole, wallClock, vga, on, backendPit, firmware);
    }

    /** {@return this with the interval timer of the backend or ours, where the backend has the interrupt controllers} */
    public MotherboardConfig withBackendPit(boolean on) {
        return new MotherboardConfig(serial, debugExit, debugConsole, wallClock, vga, testDevices, on, firmware);
    }

    /** {@return this with firmware, or null for none} */
    public MotherboardConfig withFirmware(FirmwareConfig with) {
        return new MotherboardConfig(serial, debugExit, debugConsole, wallClock, vga, testDevices, backendPit, with);
    }
}
