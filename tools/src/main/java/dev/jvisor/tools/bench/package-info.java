/**
 * {@code jvisor bench}: measurements with a baseline beside each. A benchmark makes a {@link dev.jvisor.tools.bench.BenchReport}; the table
 * on stdout and the JSON of {@code --json} are two ways of writing the same rows.
 */
package dev.jvisor.tools.bench;
