package dev.jvisor.tools.bench;

import dev.jvisor.guest.disk.DiskPath;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The throughput of {@code bench disk} as an SVG picture: a panel for each pattern, a group of bars for each block size, a bar for each path
 * and depth, and a line over each bar where the host itself is. The scale is logarithmic.
 */
final class DiskPlot {
    private static final int BAR = 24, GAP = 4, GROUP_GAP = 40, LEFT = 70, PANEL = 190, PANEL_GAP = 64, TOP = 100, RIGHT = 30;
    private static final Map<String, String[]> COLORS = Map.of(
            DiskPath.SYNTHETIC.text(), new String[] {"#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"},
            DiskPath.IDE_DMA.text(), new String[] {"#fd8d3c"},
            DiskPath.IDE_PIO.text(), new String[] {"#a63603"});
    private static final String[] OTHER = {"#74c476", "#31a354", "#006d2c"};

    private final StringBuilder svg = new StringBuilder();
    private final double lowest;
    private final double highest;
    private final Map<String, String> series;

    private DiskPlot(List<DiskResult> results) {
        double low = Double.MAX_VALUE;
        double high = 1;
        for (DiskResult r : results) {
            low = Math.min(low, Math.max(0.001, r.megabytes()));
            high = Math.max(high, Math.max(r.megabytes(), r.hostMegabytes()));
        }
        lowest = Math.floor(Math.log10(low));
        highest = Math.max(lowest + 1, Math.ceil(Math.log10(high)));
        series = series(results);
    }

    private static String name(DiskResult r) {
        return r.path() + " qd" + r.workload().depth();
    }

    private static Map<String, String> series(List<DiskResult> results) {
        Map<String, Set<String>> ofPath = new LinkedHashMap<>();
        for (DiskResult r : results) {
            ofPath.computeIfAbsent(r.path(), p -> new LinkedHashSet<>()).add(name(r));
        }
        Map<String, String> colors = new LinkedHashMap<>();
        ofPath.forEach((path, names) -> {
            String[] palette = COLORS.getOrDefault(path, OTHER);
            int i = 0;
            for (String name : names) {
                colors.put(name, palette[Math.min(i++, palette.length - 1)]);
            }
        });
        return colors;
    }

    /** {@return the picture} @param subtitle a line about the machine */
    static String svg(List<DiskResult> results, String subtitle) {
        return new DiskPlot(results).draw(results, subtitle);
    }

    private String draw(List<DiskResult> results, String subtitle) {
        Map<DiskPattern, Map<Integer, List<DiskResult>>> panels = new LinkedHashMap<>();
        for (DiskResult r : results) {
            panels.computeIfAbsent(r.pattern(), p -> new LinkedHashMap<>())
                    .computeIfAbsent(r.workload().blockBytes(), b -> new ArrayList<>()).add(r);
        }
        int width = LEFT + RIGHT;
        for (Map<Integer, List<DiskResult>> groups : panels.values()) {
            int w = LEFT + RIGHT;
            for (List<DiskResult> g : groups.values()) {
                w += g.size() * (BAR + GAP) + GROUP_GAP;
            }
            width = Math.max(width, w);
        }
        width = Math.max(width, 760);
        int perRow = Math.max(1, (width - LEFT) / 150);
        int legendRows = (series.size() + 1 + perRow - 1) / perRow;
        int top = TOP + 18 * legendRows;
        int height = top + panels.size() * (PANEL + PANEL_GAP);
        line("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">", width, height);
        line("<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>");
        line("<text x=\"%d\" y=\"28\" font-size=\"18\">Disk throughput, MB/s (logarithmic)</text>", LEFT);
        line("<text x=\"%d\" y=\"48\" fill=\"#555\">%s</text>", LEFT, escape(subtitle));
        legend(perRow);
        int y = top;
        for (Map.Entry<DiskPattern, Map<Integer, List<DiskResult>>> p : panels.entrySet()) {
            panel(p.getKey().toString(), p.getValue(), y, width);
            y += PANEL + PANEL_GAP;
        }
        return svg.append("</svg>\n").toString();
    }

    private void legend(int perRow) {
        int i = 0;
        for (Map.Entry<String, String> s : series.entrySet()) {
            int x = LEFT + i % perRow * 150;
            int y = 66 + 18 * (i / perRow);
            line("<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>", x, y, s.getValue(), x + 18,
                    y + 11, escape(s.getKey()));
            i++;
        }
        int x = LEFT + i % perRow * 150;
        int y = 66 + 18 * (i / perRow);
        line("<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\" stroke-width=\"2\"/><text x=\"%d\" y=\"%d\">host file</text>", x, x + 12,
                y + 6, y + 6, x + 18, y + 11);
    }

    private double above(double megabytes) {
        return (Math.log10(Math.max(megabytes, Math.pow(10, lowest))) - lowest) / (highest - lowest) * PANEL;
    }

    private void panel(String title, Map<Integer, List<DiskResult>> groups, int top, int width) {
        int bottom = top + PANEL;
        line("<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>", LEFT, top - 8, escape(title));
        for (double decade = lowest; decade <= highest; decade++) {
            double y = bottom - above(Math.pow(10, decade));
            line("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", LEFT, width - RIGHT, y, y);
            line("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#555\">%s</text>", LEFT - 6, y + 4,
                    decade < 0 ? String.format(Locale.ROOT, "%." + (int) -decade + "f", Math.pow(10, decade))
                            : String.format(Locale.ROOT, "%.0f", Math.pow(10, decade)));
        }
        int x = LEFT + GROUP_GAP / 2;
        for (Map.Entry<Integer, List<DiskResult>> g : groups.entrySet()) {
            int start = x;
            for (DiskResult r : g.getValue()) {
                double h = above(r.megabytes());
                line("<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"%s\"><title>%s</title></rect>", x, bottom - h, BAR, h,
                        series.get(name(r)), escape(String.format(Locale.ROOT, "%s %s: %.1f MB/s", r.path(), r.title(), r.megabytes())));
                if (r.hostRate() > 0) {
                    double y = bottom - above(r.hostMegabytes());
                    line("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"black\" stroke-width=\"2\"/>", x - 1, x + BAR + 1, y, y);
                }
                x += BAR + GAP;
            }
            line("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>", (start + x - GAP) / 2.0, bottom + 16, DiskResult.size(g.getKey()));
            x += GROUP_GAP;
        }
        line("<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"#333\"/>", LEFT, width - RIGHT, bottom, bottom);
    }

    private void line(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
