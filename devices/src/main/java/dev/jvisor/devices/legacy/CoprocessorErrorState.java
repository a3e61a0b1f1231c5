package dev.jvisor.devices.legacy;

/**
 * What {@link CoprocessorError} remembers.
 *
 * @param ferr FERR# of VP 0 is asserted
 * @param irq IRQ 13 is raised
 * @param ignne IGNNE# of VP 0 is active; only while FERR# is asserted
 */
public record CoprocessorErrorState(boolean ferr, boolean irq, boolean ignne) { }
