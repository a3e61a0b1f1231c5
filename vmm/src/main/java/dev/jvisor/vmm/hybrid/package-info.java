/**
 * An engine made of two: the software CPU executes what is supervisor code, KVM the user code, on the same memory and the same state. For
 * hosts whose KVM interprets supervisor code, and not all of it (KVM-PVM): there an unmodified kernel runs only so, at the software CPU's
 * speed, and its programs at the processor's own. {@link dev.jvisor.vmm.hybrid.HybridBackend} makes such partitions; {@code HybridVp} is
 * where a VP goes back and forth. See {@link dev.jvisor.vmm.backend.SupervisorVp} and {@link dev.jvisor.vmm.backend.UserVp} for what is
 * handed over.
 */
package dev.jvisor.vmm.hybrid;
