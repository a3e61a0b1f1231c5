/**
 * ACPI tables, built in Java: {@link dev.jvisor.vmm.acpi.AcpiTables#write} puts them into the guest's memory and says where the root pointer
 * is. {@link dev.jvisor.vmm.acpi.Aml} writes the byte code of the DSDT, {@link dev.jvisor.vmm.acpi.Dsdt} says what is in it.
 */
package dev.jvisor.vmm.acpi;
