/**
 * The integer instructions: micro-op classes for what runs often, static semantics for the rest. Each file registers one group of the
 * instruction set into the {@link dev.jvisor.vmm.x86.decode.OpcodeTable}; {@link dev.jvisor.vmm.x86.ops.IntegerOps} lists them. How
 * operands become steps is {@link dev.jvisor.vmm.x86.ops.Operands}; arithmetic is {@link dev.jvisor.vmm.x86.ops.Alu} and its kin.
 */
package dev.jvisor.vmm.x86.ops;
