/**
 * The software CPU's core: one virtual processor ({@link dev.jvisor.vmm.x86.cpu.Cpu}) with its
 * {@link dev.jvisor.vmm.x86.cpu.Registers}, how it reaches memory (soft-TLB in {@code Cpu}, page walks in
 * {@link dev.jvisor.vmm.x86.cpu.Mmu}, breakpoints and alignment in {@link dev.jvisor.vmm.x86.cpu.AccessChecks}, which writes others hear of
 * in {@link dev.jvisor.vmm.x86.cpu.WriteGrants}), lazy flags ({@link dev.jvisor.vmm.x86.cpu.Flags}), how x87 errors are reported
 * ({@link dev.jvisor.vmm.x86.cpu.X87Errors}), and the micro-op contract
 * ({@link dev.jvisor.vmm.x86.cpu.Uop}) that the instruction packages implement. It knows no instruction.
 *
 * <h2>Several VPs: how the order of memory accesses is kept</h2>
 *
 * Each VP is a thread of the host, all on the same memory, and the host is an x86 too (Intel SDM 3A, 9.2: loads in order, stores in order, a
 * load may overtake an earlier store). So what the hardware does to our accesses is just what the guest expects, provided that the Java
 * compiler lets each one stand where the guest put it:
 *
 * <ul>
 * <li>An access is an ordinary one of the {@code MemorySegment}, made inside {@code exec} of one micro-op. Between two micro-ops stands
 * {@code Cpu.keepOrder()}, an acquire and a release fence: no instruction on x86, but HotSpot moves no access across it, whatever it has
 * inlined. (Mostly it inlines nothing, as the call sees hundreds of classes; a loop of one class it does.) It costs nothing that can be
 * measured: with and without, loops of loads, stores and arithmetic run at the same speed, within two in a hundred. Plain where there is one
 * VP would gain nothing, so it is always there. A translator that puts several instructions into one method must put it between them.
 * <li>LOCK, XCHG with memory and CMPXCHG are compare-and-sets (full barriers); MFENCE, and those serializing instructions that guests use as
 * barriers (MOV to CR, WRMSR, INVLPG, CPUID, IRET), are {@code Cpu.serialize()}. Interrupts pass through atomic sets.
 * <li>LOCK and XCHG on an operand that lies across two aligned 8-byte units have all other VPs stand still for that instruction.
 * <li>Aligned accesses up to 8 bytes are of one piece.
 * <li>Accessed and dirty bits are set by compare-and-set of the entry that was walked; when it has changed, the walk begins again.
 * <li>The time-stamp counter is one for all: the partition's clock, and an offset that is 0 on every VP until the guest writes to its counter.
 * </ul>
 *
 * Not guaranteed: the order of accesses inside one instruction (strings, PUSHA, FXSAVE); one piece for 16 bytes, and for operands that are
 * not aligned; that who reads both halves of a CMPXCHG16B's operand by ordinary loads does not see the new first and the old second (nothing
 * stored there is lost, and among themselves those with LOCK are atomic, by {@code GpaSpace.busLock()}); split locks against user code that
 * runs in KVM meanwhile; anything on a host that is not an x86.
 *
 * <p>Code written by one VP and run by another: before the write is made all who decoded code from the page are told, and throw it away when
 * their block ends; a VP that decodes from a page waits until each VP that may be writing to it has come to the end of its block, and from
 * then on asks first. So a flag stored after the code is enough, if whoever has seen it serializes before it runs the code.
 *
 * <p>{@code dev.jvisor.guest.litmus} has guests that try all of this; {@code dev.jvisor.ci.stress} has jcstress put the same questions to the
 * steps alone, in loops that HotSpot inlines as a whole.
 */
package dev.jvisor.vmm.x86.cpu;
