/**
 * A partition: one guest, with its GPA space, port space, MSRs, virtual processors, interrupt controllers, time and state machine.
 * {@link dev.jvisor.vmm.partition.Partition} is the whole; {@link dev.jvisor.vmm.partition.VirtualProcessor} is the thread that runs guest
 * code; {@link dev.jvisor.vmm.partition.PortSpace} and {@link dev.jvisor.vmm.partition.MsrSpace} are where devices hang their registers.
 *
 * <pre>
 *   OFF -- start --> STARTING --> RUNNING -- pause --> PAUSED -- resume --> RUNNING
 *    |                               |                    |
 *    +------- requestStop -----------+--------------------+--> STOPPING --> STOPPED
 * </pre>
 *
 * <p>Threads: one platform thread per virtual processor ({@code vp-0}, ...), on which all of its intercepts and so most device code runs;
 * one timer thread; whoever calls {@code start}, {@code pause} and {@code requestStop}. A deterministic partition has one thread
 * ({@code vps}) for all processors and timers: {@link dev.jvisor.vmm.partition.TurnThread}, {@link dev.jvisor.vmm.partition.InstructionClock}.
 */
package dev.jvisor.vmm.partition;
