/**
 * Interrupt controllers in software: a {@link dev.jvisor.vmm.apic.LocalApic} for each virtual processor, the
 * {@link dev.jvisor.vmm.apic.IoApic}, and {@link dev.jvisor.vmm.apic.SoftwareInterruptController}, which wires them together and is what
 * devices see. Start reading there. The PIC is a device (module devices) and is joined in through
 * {@link dev.jvisor.vmm.apic.IsaInterruptController} and {@link dev.jvisor.vmm.apic.ExternalInterrupt}.
 */
package dev.jvisor.vmm.apic;
