/**
 * The keyboard controller at 60h and 64h with an AT keyboard behind it. {@link dev.jvisor.devices.i8042.I8042} is the controller and
 * resets the machine when told to; {@code Keyboard} is the keyboard on its cable; {@link dev.jvisor.devices.i8042.Key} names the keys and
 * their scan codes.
 */
package dev.jvisor.devices.i8042;
