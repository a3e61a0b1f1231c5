/**
 * The debugger's end of {@code run --gdb}: GDB's remote serial protocol ("Debugging with GDB", appendix E) for one x86-64 partition whose
 * virtual processors are GDB's threads. {@link dev.jvisor.tools.gdb.GdbServer} listens and holds the conversation,
 * {@link dev.jvisor.tools.gdb.GdbConnection} knows packets, {@link dev.jvisor.tools.gdb.GdbRegisters} the registers and their
 * description, and {@link dev.jvisor.tools.gdb.DebugTarget} is what is asked of a partition.
 */
package dev.jvisor.tools.gdb;
