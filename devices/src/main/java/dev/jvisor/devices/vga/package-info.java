/**
 * A VGA adapter that knows text mode only: {@link dev.jvisor.devices.vga.TextScreen} is its memory at B8000h and reads the screen for
 * people and tests; {@link dev.jvisor.devices.vga.VgaPorts} is its registers, which remember what is written and time the retrace.
 */
package dev.jvisor.devices.vga;
