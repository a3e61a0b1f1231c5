/**
 * Emulated devices and the resources behind them, one package each. {@link dev.jvisor.devices.motherboard} wires the devices of a PC to a
 * partition; start there. A device package has the device, {@code XxxRegisters} with its offsets and bits, and {@code XxxState}, what it
 * remembers.
 *
 * <p>Rules all of them keep: registers are called on VP threads and timers on the timer thread, so each device has one lock; it raises
 * interrupts with that lock held and calls nothing else so; nothing a guest writes makes it throw, loop or grow.
 */
package dev.jvisor.devices;
