/**
 * Tests for jcstress: what two threads may see of each other where no lock keeps them apart, in every way that HotSpot can compile it. One
 * class a subject, one nested class a question; start with {@link dev.jvisor.ci.stress.MemoryOrderStress}. {@code ci/jcstress} runs them;
 * they are too long for each change. The same questions are put to whole guests by {@code dev.jvisor.guest.litmus}.
 *
 * <p>The JDK 25 that these were written on keeps accesses to native memory in order by itself: the tests of order pass without the engine's
 * fences, too. They are here for what a later one may do; those of MFENCE and LOCK see the host reorder when these do nothing.
 */
package dev.jvisor.ci.stress;
