package dev.jvisor.tools.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TimeSpanTest {
    @ParameterizedTest
    @CsvSource({"300s,300000", "5m,300000", "1h30m,5400000", "500ms,500", "10,10000", "1d,86400000", "1m500ms,60500"})
    void readsWhatPeopleWrite(String text, long millis) {
        assertEquals(millis, TimeSpan.parse(text).toMillis());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-5s", "5 minutes", "0s", "5x", "1.5h", "5m!"})
    void saysHowDurationsAreWritten(String text) {
        var e = assertThrows(IllegalArgumentException.class, () -> TimeSpan.parse(text));
        assertTrue(e.getMessage().contains("300s"), e.getMessage());
    }
}
