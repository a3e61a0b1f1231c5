/**
 * Tests for jcstress: what two threads may see of each other where no lock keeps them apart, in every way that HotSpot can compile it. One
 * class a subject, one nested class a question; start with {@link dev.jvisor.ci.stress.MemoryOrderStress}. {@code ci/jcstress} runs them;
 * they are too long for each change. (On JDK 25 HotSpot keeps native segments' accesses in order by itself: the tests of that order pass without the
 * fences, too, and are here for what a later one may do.) The same questions are put to whole guests by {@code dev.jvisor.guest.litmus}.
 */
package dev.jvisor.ci.stress;
