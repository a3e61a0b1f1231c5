/**
 * The hypervisor: partitions, virtual processors and their state machine. Start reading at the package {@code backend}, which says what an
 * engine must do, and {@code memory}, which says what a guest address is.
 */
package dev.jvisor.vmm;
