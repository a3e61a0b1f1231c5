/**
 * Time as the virtualization stack sees it. Nothing in {@code vmm}, {@code devices} or {@code vmbus} reads the system clock; each unit is
 * given a {@link dev.jvisor.vmm.time.Clock} and, if it needs call-backs, {@link dev.jvisor.vmm.time.Timers}. A running partition uses
 * {@link dev.jvisor.vmm.time.TimerThread}; tests and deterministic runs move a {@link dev.jvisor.vmm.time.VirtualClock} by hand.
 */
package dev.jvisor.vmm.time;
