package dev.jvisor.tools.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({"0,0", "4096,4096", "64K,65536", "512M,536870912", "512m,536870912", "512MB,536870912", "512MiB,536870912", "2G,2147483648",
        "1T,1099511627776", "' 16 M ',16777216"})
    void readsWhatPeopleWrite(String text, long bytes) {
        assertEquals(bytes, ByteSize.parse(text).bytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "-1M", "1.5G", "12Q", "512M!", "0x1000", "1 2"})
    void saysHowSizesAreWritten(String text) {
        var e = assertThrows(IllegalArgumentException.class, () -> ByteSize.parse(text));
        assertTrue(e.getMessage().contains("512M"), e.getMessage());
    }

    @Test
    void refusesWhatOverflows() {
        assertThrows(IllegalArgumentException.class, () -> ByteSize.parse("999999999999999T"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1000", "64K", "512M", "3G", "1025K"})
    void printsAsItWasRead(String text) {
        assertEquals(text, ByteSize.parse(text).toString());
    }
}
