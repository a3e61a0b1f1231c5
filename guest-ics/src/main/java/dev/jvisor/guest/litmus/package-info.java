/**
 * Litmus tests of the memory system: small programs for two to four processors, run again and again on words of memory of their own, whose
 * outcomes are counted. An outcome that x86's memory order (Intel SDM volume 3, chapter 9 "Multiple-Processor Management"; Sewell and others,
 * "x86-TSO", CACM 53(7), 2010) does not allow must never be seen; one that it allows and that a processor without store buffers would not
 * show is counted as <em>relaxed</em>, which shows that the test is able to see anything at all.
 *
 * <p>{@link dev.jvisor.guest.litmus.LitmusTest} is one test, {@link dev.jvisor.guest.litmus.LitmusCode} what its programs are written with;
 * {@link dev.jvisor.guest.litmus.OrderTests}, {@link dev.jvisor.guest.litmus.AtomicityTests} and
 * {@link dev.jvisor.guest.litmus.SystemTests} hold them; {@link dev.jvisor.guest.litmus.LitmusGuest} makes the bare-metal guest that runs
 * them at CPL3, or at CPL0 for those that need it: {@code LitmusPrograms} are the tests in it, {@code LitmusArea} says where their instances
 * lie, {@code LitmusJobs} gives the programs to processors, {@code LitmusOutcomes} counts and prints.
 */
package dev.jvisor.guest.litmus;
