/**
 * The host's end of a guest's serial line: {@link dev.jvisor.tools.console.SerialEnd} is what {@code --serial} chooses: the terminal (raw,
 * with an escape key, {@link dev.jvisor.tools.console.EscapeKeys}), a pipe, a file, or nothing.
 * {@link dev.jvisor.tools.console.ScreenFile} shows the other thing that a guest writes to, its text screen.
 */
package dev.jvisor.tools.console;
