/**
 * The 16550A serial port. {@link dev.jvisor.devices.serial.Serial16550} is the device; {@code SerialRegisters} names its registers;
 * {@link dev.jvisor.devices.serial.SerialBackend} is the far end of the line: {@link dev.jvisor.devices.serial.StreamSerialBackend} for host
 * streams, {@link dev.jvisor.devices.serial.ConsoleSerialBackend} for tests and programs that talk to the guest.
 *
 * <pre>
 *   guest --THR--> Serial16550 --write--> SerialBackend --own thread--> host
 *   guest &lt;--RBR-- Serial16550 &lt;--read--- SerialBackend &lt;--own thread-- host      (read only when the FIFO has room)
 * </pre>
 *
 * <p>No byte is lost between host and guest: input waits in the backend until the guest can take it, output waits in the guest until the
 * backend can.
 */
package dev.jvisor.devices.serial;
