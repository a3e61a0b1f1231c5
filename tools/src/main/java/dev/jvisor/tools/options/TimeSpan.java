package dev.jvisor.tools.options;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads durations as people write them: {@code 300s}, {@code 5m}, {@code 1h30m}, {@code 500ms}; a bare number is seconds. */
public final class TimeSpan implements ITypeConverter<Duration> {
    private static final String HOW = " is not a duration; write for example 300s, 5m or 1h30m";
    private static final Pattern PART = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");

    /** Made by the command line. */
    public TimeSpan() { }

    /** {@return the duration meant by {@code text}, more than zero} @throws IllegalArgumentException with a line that says how to write it */
    public static Duration parse(String text) {
        String s = text.strip();
        Duration sum = Duration.ZERO;
        if (s.matches("\\d{1,9}")) {
            sum = Duration.ofSeconds(Long.parseLong(s));
        } else {
            Matcher m = PART.matcher(s);
            int at = 0;
            while (at < s.length()) {
                if (!m.find(at) || m.start() != at) {
                    throw new IllegalArgumentException("'" + text + "'" + HOW);
                }
                long n = Long.parseLong(m.group(1));
                sum = sum.plus(switch (m.group(2)) {
                    case "ms" -> Duration.ofMillis(n);
                    case "s" -> Duration.ofSeconds(n);
                    case "m" -> Duration.ofMinutes(n);
                    case "h" -> Duration.ofHours(n);
                    default -> Duration.ofDays(n);
                });
                at = m.end();
            }
        }
        if (sum.isZero()) {
            throw new IllegalArgumentException("'" + text + "'" + HOW);
        }
        return sum;
    }

    @Override
    public Duration convert(String value) {
        try {
            return parse(value);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
