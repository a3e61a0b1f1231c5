/**
 * The backend that runs partitions on {@code /dev/kvm}.
 *
 * <p>{@link dev.jvisor.vmm.kvm.KvmBackend} makes {@link dev.jvisor.vmm.kvm.KvmPartition}s (a VM, its memory slots and interrupt
 * controllers), which make {@link dev.jvisor.vmm.kvm.KvmVp}s (a vCPU and the loop that turns its exits into intercepts).
 * {@link dev.jvisor.vmm.kvm.VpStateCodec} moves architectural state between {@code VpState} and the kernel's structs.
 * {@link dev.jvisor.vmm.kvm.KvmProbe} finds out by running small guests what the host's KVM really does: some, nested ones above all,
 * interpret supervisor code with an incomplete instruction set.
 *
 * <p>Needs no Hyper-V support in the host kernel: MSRs that KVM does not keep come here through a filter and user-space MSR exits, and
 * CPUID is a table of ours. Nothing here asks for VT-x, SVM or a kernel version by name; each optional thing is asked for by capability.
 *
 * <p>Start reading at {@link dev.jvisor.vmm.kvm.KvmVp#run}.
 */
package dev.jvisor.vmm.kvm;
