/**
 * IEEE 754 arithmetic in integer registers, for formats and rounding modes that Java's own floating point does not have. {@code F80} is the
 * x87 double-extended format.
 */
package dev.jvisor.vmm.x86.softfloat;
