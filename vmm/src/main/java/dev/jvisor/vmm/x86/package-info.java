/**
 * The software CPU's engine: {@link dev.jvisor.vmm.x86.SoftwareBackend} makes partitions whose VPs run on an interpreter. Read
 * {@link dev.jvisor.vmm.x86.SoftwareVp} for the run loop, {@code BlockBuilder} for how bytes become blocks, {@code BlockCache} for how
 * blocks are found and thrown away. State, memory and micro-ops are in {@code cpu}; decoding in {@code decode}; instructions in
 * {@code ops}, {@code system}, {@code fpu} and {@code simd}.
 */
package dev.jvisor.vmm.x86;
