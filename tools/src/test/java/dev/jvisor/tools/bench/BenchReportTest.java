package dev.jvisor.tools.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.tools.bench.BenchReport.Row;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchReportTest {
    private final BenchReport report = new BenchReport("boot", "a machine", List.of(
            Row.less("default guest", 20, "s", "QEMU TCG", 5), Row.more("loops", 300, "1/s", "host", 200), Row.alone("exits", 5.5, "us")));

    @Test
    void aRatioAboveOneIsBetter() {
        assertEquals(0.25, report.rows().get(0).ratio());
        assertEquals(1.5, report.rows().get(1).ratio());
    }

    @Test
    void jsonHasTheFieldsOfTheDesign() {
        JsonNode j = JsonMapper.builder().build().readTree(report.json());
        assertEquals("boot", j.get("benchmark").asString());
        assertEquals("a machine", j.get("host").asString());
        JsonNode row = j.get("rows").get(0);
        assertEquals(List.of("name", "value", "unit", "baseline", "baselineValue", "ratio"), List.copyOf(row.propertyNames()));
        assertTrue(j.get("rows").get(2).get("ratio").isNull());
    }

    @Test
    void theTableHasTheSameRows() {
        String[] lines = report.table().split("\n");
        assertEquals(5, lines.length);
        assertTrue(lines[1].matches("default guest +20\\.0 +s +QEMU TCG +5\\.000 +0\\.250"), lines[1]);
    }
}
