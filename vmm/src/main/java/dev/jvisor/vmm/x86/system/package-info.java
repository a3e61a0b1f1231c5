/**
 * The system side of the software CPU: segments and descriptors, far transfers, events ({@link dev.jvisor.vmm.x86.system.EventDelivery}), task
 * switches, control and debug registers, MSRs ({@link dev.jvisor.vmm.x86.system.MsrFile}), CPUID
 * ({@link dev.jvisor.vmm.x86.system.CpuidModel}), ports, SYSCALL and its kin, reset, and the way between {@code Cpu} and {@code VpState}.
 * {@link dev.jvisor.vmm.x86.system.SystemOps} puts the instructions into the opcode table. Sources: Intel SDM volumes 2 and 3A; where Intel
 * and AMD differ, Intel's way, since CPUID says GenuineIntel.
 *
 * <p>Rule for everything here: check first, commit last, so that a fault leaves the state before the instruction. The exception is a task
 * switch, whose late faults belong to the new task, as the manual says.
 */
package dev.jvisor.vmm.x86.system;
