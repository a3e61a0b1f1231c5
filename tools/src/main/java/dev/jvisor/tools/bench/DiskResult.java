package dev.jvisor.tools.bench;

import dev.jvisor.guest.disk.DiskWorkload;

/**
 * What one workload over one path has come to.
 *
 * @param path who moved the data
 * @param pattern what was done
 * @param workload its particulars
 * @param seconds wall time of what was measured
 * @param transfers transfers completed in that time
 * @param flushes flushes completed in that time
 * @param latency how long transfers took
 * @param intercepts times a VP left the guest
 * @param interrupts times the device interrupted the guest
 * @param cpuSeconds CPU time of the whole process, the guest's own included
 * @param hostRate transfers a second of the host itself, with the same pattern on a raw file; 0 when not measured
 */
record DiskResult(String path, DiskPattern pattern, DiskWorkload workload, double seconds, long transfers, long flushes, Latency latency,
    long intercepts, long interrupts, double cpuSeconds, double hostRate) {
    /** Percentiles, in microseconds. */
    record Latency(double p50, double p99, double p999) { }

    double rate() {
        return transfers / seconds;
    }

    double megabytes() {
        return rate() * workload.blockBytes() / 1e6;
    }

    double hostMegabytes() {
        return hostRate * workload.blockBytes() / 1e6;
    }

    private double each(double what) {
        return what / Math.max(1, transfers + flushes);
    }

    double interceptsEach() {
        return each(intercepts);
    }

    double interruptsEach() {
        return each(interrupts);
    }

    double cpuMicrosEach() {
        return each(cpuSeconds * 1e6);
    }

    /** {@return for example {@code randread 4K qd32}} */
    String title() {
        return pattern + " " + size(workload.blockBytes()) + " qd" + workload.depth();
    }

    static String size(long bytes) {
        return bytes % (1 << 20) == 0 ? (bytes >> 20) + "M" : bytes % 1024 == 0 ? (bytes >> 10) + "K" : bytes + "B";
    }
}
