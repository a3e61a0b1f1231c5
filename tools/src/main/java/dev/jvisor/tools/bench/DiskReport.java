package dev.jvisor.tools.bench;

import dev.jvisor.guest.disk.DiskPath;
import dev.jvisor.tools.bench.BenchReport.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The results of {@code bench disk} in words: a wide table, comparisons between paths, and rows for machines. */
final class DiskReport {
    private static final String[] COLUMNS = {"path", "pattern", "block", "depth", "MB/s", "IOPS", "p50 us", "p99 us", "p99.9 us", "exits/op",
        "irqs/op", "cpu us/op", "host MB/s", "of host"};

    private DiskReport() { }

    /** {@return one line for each result} */
    static String table(List<DiskResult> results) {
        List<String[]> lines = new ArrayList<>();
        lines.add(COLUMNS);
        for (DiskResult r : results) {
            lines.add(new String[] {r.path(), r.pattern().toString(), DiskResult.size(r.workload().blockBytes()),
                Integer.toString(r.workload().depth()), number(r.megabytes()), number(r.rate()), number(r.latency().p50()), number(r.latency().p99()),
                number(r.latency().p999()), number(r.interceptsEach()), number(r.interruptsEach()), number(r.cpuMicrosEach()),
                r.hostRate() == 0 ? "" : number(r.hostMegabytes()), r.hostRate() == 0 ? "" : number(r.rate() / r.hostRate())});
        }
        int[] width = new int[COLUMNS.length];
        for (String[] l : lines) {
            for (int i = 0; i < l.length; i++) {
                width[i] = Math.max(width[i], l[i].length());
            }
        }
        StringBuilder s = new StringBuilder();
        for (String[] l : lines) {
            for (int i = 0; i < l.length; i++) {
                String pad = " ".repeat(width[i] - l[i].length());
                s.append(i < 2 ? l[i] + pad : pad + l[i]).append(i == l.length - 1 ? "\n" : "  ");
            }
        }
        return s.toString();
    }

    private static String number(double v) {
        return String.format(Locale.ROOT, Math.abs(v) >= 100 ? "%.0f" : Math.abs(v) >= 10 ? "%.1f" : "%.3f", v);
    }

    /** {@return synthetic beside emulated at the same pattern and block, whatever the depth: IDE has none} */
    static List<Row> comparisons(List<DiskResult> results) {
        List<Row> rows = new ArrayList<>();
        for (DiskResult r : results) {
            if (!r.path().startsWith(DiskPath.SYNTHETIC.text())) {
                continue;
            }
            String guest = r.path().substring(DiskPath.SYNTHETIC.text().length());
            for (DiskResult other : results) {
                if (!other.path().equals(r.path()) && other.path().endsWith(guest) && !other.path().startsWith(DiskPath.SYNTHETIC.text())
                        && other.pattern() == r.pattern()
                        && other.workload().blockBytes() == r.workload().blockBytes()) {
                    rows.add(Row.more(r.path() + " " + r.title() + ": IOPS", r.rate(), "1/s", other.path(), other.rate()));
                }
            }
        }
        return rows;
    }

    /** {@return every number of every result} */
    static List<Row> rows(List<DiskResult> results) {
        List<Row> rows = new ArrayList<>();
        for (DiskResult r : results) {
            String name = r.path() + " " + r.title() + ": ";
            if (r.hostRate() > 0) {
                rows.add(Row.more(name + "throughput", r.megabytes(), "MB/s", "host file", r.hostMegabytes()));
                rows.add(Row.more(name + "IOPS", r.rate(), "1/s", "host file", r.hostRate()));
            } else {
                rows.add(Row.alone(name + "throughput", r.megabytes(), "MB/s"));
                rows.add(Row.alone(name + "IOPS", r.rate(), "1/s"));
            }
            rows.add(Row.alone(name + "latency p50", r.latency().p50(), "us"));
            rows.add(Row.alone(name + "latency p99", r.latency().p99(), "us"));
            rows.add(Row.alone(name + "latency p99.9", r.latency().p999(), "us"));
            rows.add(Row.alone(name + "intercepts per operation", r.interceptsEach(), "1"));
            rows.add(Row.alone(name + "interrupts per operation", r.interruptsEach(), "1"));
            rows.add(Row.alone(name + "CPU per operation", r.cpuMicrosEach(), "us"));
        }
        return rows;
    }
}
