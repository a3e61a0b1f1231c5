/**
 * JMH benchmarks, one class per question. Run one with
 * {@code java --enable-native-access=ALL-UNNAMED -cp <ci class path> org.openjdk.jmh.Main NAME}; start with
 * {@link dev.jvisor.ci.bench.KvmIoctlBenchmark}.
 */
package dev.jvisor.ci.bench;
