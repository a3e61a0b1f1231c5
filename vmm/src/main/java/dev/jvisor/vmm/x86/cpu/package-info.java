/**
 * The software CPU's core: the state of one virtual processor ({@link dev.jvisor.vmm.x86.cpu.Cpu}), how it reaches memory (soft-TLB in
 * {@code Cpu}, page walks in {@link dev.jvisor.vmm.x86.cpu.Mmu}), lazy flags ({@link dev.jvisor.vmm.x86.cpu.Flags}), and the micro-op
 * contract ({@link dev.jvisor.vmm.x86.cpu.Uop}) that the instruction packages implement. It knows no instruction.
 *
 * <h2>Several VPs: how the order of memory accesses is kept</h2>
 *
 * Each VP is a thread of the host, all on the same memory, and the host is an x86 too (Intel SDM 3A, 9.2: loads in order, stores in order, a
 * load may overtake an earlier store). So what the hardware does to our accesses is just what the guest expects, provided that the Java
 * compiler lets each one stand where the guest put it:
 *
 * <ul>
 * <li>An access is an ordinary one of the {@code MemorySegment}, made inside {@code exec} of one micro-op. Micro-ops are called through a
 * call site that sees hundreds of classes, which HotSpot does not inline; it moves no access across such a call. That, not a fence, is what
 * keeps order between instructions. A translator that puts several instructions into one method must put {@code loadLoadFence} and
 * {@code storeStoreFence} (no instruction on x86) between their accesses.
 * <li>LOCK, XCHG with memory and CMPXCHG are compare-and-sets (full barriers); MFENCE, and those serializing instructions that guests use as
 * barriers (MOV to CR, WRMSR, INVLPG, CPUID, IRET), are {@code Cpu.serialize()}. Interrupts pass through atomic sets.
 * <li>Aligned accesses up to 8 bytes are of one piece.
 * <li>Accessed and dirty bits are set by compare-and-set of the entry that was walked; when it has changed, the walk begins again.
 * </ul>
 *
 * Not guaranteed: the order of accesses inside one instruction (strings, PUSHA, FXSAVE); one piece for 16 bytes, and for operands that are
 * not aligned; atomicity of a split lock, or of CMPXCHG16B, against those who do not use LOCK on the whole operand (among themselves they are
 * atomic, by {@code GpaSpace.busLock()}); anything on a host that is not an x86.
 *
 * <p>Code written by one VP and run by another: the other hears of it when the block that wrote ends, and throws away what it had decoded
 * when its own block ends. An IPI, which ends a block, comes after both; a flag stored in the very block that wrote may be seen before.
 */
package dev.jvisor.vmm.x86.cpu;
