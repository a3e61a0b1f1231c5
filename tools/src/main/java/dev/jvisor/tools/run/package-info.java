/**
 * {@code jvisor run}: a partition in the foreground. {@link dev.jvisor.tools.run.RunCommand} reads the options;
 * {@link dev.jvisor.tools.run.BackendChoice} picks the engine; {@link dev.jvisor.tools.run.TraceLog} is {@code --trace};
 * {@link dev.jvisor.tools.run.PartitionTarget} lets a debugger in.
 */
package dev.jvisor.tools.run;
