package dev.jvisor.vmm.apic;

/**
 * Everything an I/O APIC holds.
 *
 * @param select register selected by IOREGSEL
 * @param id APIC id, bits 24-27
 * @param entries redirection entries, remote IRR included
 * @param levels bit mask of the pins that are asserted
 */
public record IoApicState(int select, int id, long[] entries, int levels) { }
