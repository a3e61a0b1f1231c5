/**
 * Tests for jcstress: what two threads may see of each other where no lock keeps them apart, in every way that HotSpot can compile it. One
 * class a subject, one nested class a question; start with {@link dev.jvisor.ci.stress.MemoryOrderStress}. {@code ci/jcstress} runs them;
 * they are too long for each change. The same questions are put to whole guests by {@code dev.jvisor.guest.litmus}.
 */
package dev.jvisor.ci.stress;
