/** ACPI tables, built in Java. */
package dev.jvisor.vmm.acpi;
