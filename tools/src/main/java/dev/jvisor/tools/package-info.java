/**
 * The {@code jvisor} command. {@link dev.jvisor.tools.Main} is the entry; each verb has a package of its own: {@code run}, {@code info},
 * {@code bench}, {@code image}. {@code options} says how options are written, {@code gdb} is the debugger's end of {@code run --gdb}.
 */
package dev.jvisor.tools;
