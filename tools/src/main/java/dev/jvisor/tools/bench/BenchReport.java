package dev.jvisor.tools.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a benchmark found.
 *
 * @param benchmark its name
 * @param host the machine, in a few words
 * @param rows the results
 */
public record BenchReport(String benchmark, String host, List<Row> rows) {
    /**
     * One result.
     *
     * @param name what was measured
     * @param value how much
     * @param unit of both values
     * @param baseline what it is compared with; null for nothing
     * @param baselineValue the baseline's value; null without a baseline
     * @param ratio more than 1 is better than the baseline; null without one
     */
    public record Row(String name, double value, String unit, String baseline, Double baselineValue, Double ratio) {
        /** {@return a result that stands alone} */
        public static Row alone(String name, double value, String unit) {
            return new Row(name, value, unit, null, null, null);
        }

        /** {@return a result of which less is better, such as a time} */
        public static Row less(String name, double value, String unit, String baseline, double baselineValue) {
            return new Row(name, value, unit, baseline, baselineValue, baselineValue / value);
        }

        /** {@return a result of which more is better, such as a rate} */
        public static Row more(String name, double value, String unit, String baseline, double baselineValue) {
            return new Row(name, value, unit, baseline, baselineValue, value / baselineValue);
        }
    }

    /** {@return a report of this machine: processor, number of them, kernel} */
    public static BenchReport here(String benchmark, List<Row> rows) {
        String cpu = "unknown processor";
        try {
            cpu = Files.readAllLines(Path.of("/proc/cpuinfo")).stream().filter(l -> l.startsWith("model name"))
                    .map(l -> l.substring(l.indexOf(':') + 1).strip()).findFirst().orElse(cpu);
        } catch (IOException e) {
            // Not Linux, or no /proc: the name is missing, the numbers are not.
        }
        return new BenchReport(benchmark, cpu + " x" + Runtime.getRuntime().availableProcessors() + ", Linux "
                + System.getProperty("os.version"), rows);
    }

    /** {@return the rows as a table} */
    public String table() {
        List<String[]> lines = new ArrayList<>();
        lines.add(new String[] {benchmark, "value", "unit", "baseline", "value", "ratio"});
        for (Row r : rows) {
            lines.add(new String[] {r.name, number(r.value), r.unit, r.baseline == null ? "" : r.baseline,
                r.baselineValue == null ? "" : number(r.baselineValue), r.ratio == null ? "" : String.format(Locale.ROOT, "%.3f", r.ratio)});
        }
        int[] width = new int[6];
        for (String[] l : lines) {
            for (int i = 0; i < 6; i++) {
                width[i] = Math.max(width[i], l[i].length());
            }
        }
        StringBuilder s = new StringBuilder();
        for (String[] l : lines) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < 6; i++) {
                boolean left = i == 0 || i == 2 || i == 3;
                line.append(left ? l[i] : " ".repeat(width[i] - l[i].length()) + l[i]);
                line.append(left ? " ".repeat(width[i] - l[i].length()) : "").append("  ");
            }
            s.append(line.toString().stripTrailing()).append('\n');
        }
        return s.append("on ").append(host).append("; ratio above 1: better than the baseline\n").toString();
    }

    private static String number(double v) {
        return String.format(Locale.ROOT, Math.abs(v) >= 1000 ? "%.0f" : Math.abs(v) >= 10 ? "%.1f" : "%.3f", v);
    }

    /** {@return the report for machines} */
    public String json() {
        return JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    }
}
