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
 * <p>How x87 errors are reported with CR0.NE clear is KVM's affair; nothing here asserts FERR#. On VT-x, whose processors want CR0.NE set in a
 * guest, KVM only shows the guest a clear one, and so does KVM-PVM for user code: the error is #MF. KVM's interpreter of instructions raises
 * #MF as well. On SVM the processor obeys CR0.NE and freezes, and KVM (as of 6.x) does not look at that: no IRQ 13 comes. Where instructions
 * are left to the software CPU, as KVM-PVM does with the x87 in supervisor code, they do as that does.
 *
 * <p>Start reading at {@link dev.jvisor.vmm.kvm.KvmVp#run}.
 */
package dev.jvisor.vmm.kvm;
