/**
 * How options are written and how a command ends: sizes ({@link dev.jvisor.tools.options.ByteSize}), durations
 * ({@link dev.jvisor.tools.options.TimeSpan}), exit codes ({@link dev.jvisor.tools.options.ExitCode}) and the one-line complaint
 * ({@link dev.jvisor.tools.options.UserMistake}).
 */
package dev.jvisor.tools.options;
