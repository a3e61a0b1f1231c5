/**
 * ACPI tables, built in Java: {@link dev.jvisor.vmm.acpi.AcpiTables#write} puts them into the guest's memory and says where the root pointer
 * is; {@link dev.jvisor.vmm.acpi.AcpiTables#build} leaves them without addresses, as an {@link dev.jvisor.vmm.acpi.AcpiImage}, for firmware to
 * place by the commands of {@link dev.jvisor.vmm.acpi.TableLoader}. {@link dev.jvisor.vmm.acpi.Aml} writes the byte code of the DSDT,
 * {@code Dsdt} says what is in it.
 */
package dev.jvisor.vmm.acpi;
