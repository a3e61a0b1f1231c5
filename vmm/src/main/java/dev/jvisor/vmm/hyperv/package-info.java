/**
 * The hypervisor interface a guest sees: CPUID leaves, synthetic MSRs, hypercalls, SynIC (messages, event flags), synthetic timers and the
 * reference time, as the Hypervisor Top-Level Functional Specification (TLFS) describes them. Needs no Hyper-V support in the host's kernel
 * and is the same above both backends. Start at {@link dev.jvisor.vmm.hyperv.Hypervisor}; whoever offers something to the guest (the VMBus
 * server) connects {@link dev.jvisor.vmm.hyperv.MessagePort}s and {@link dev.jvisor.vmm.hyperv.EventPort}s there.
 */
package dev.jvisor.vmm.hyperv;
