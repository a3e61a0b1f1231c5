package dev.jvisor.tools.options;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A number of bytes as people write it: {@code 512M}, {@code 2G}, {@code 65536K}, {@code 1048576}. Units are powers of 1024; {@code MB} and
 * {@code MiB} mean the same as {@code M}.
 *
 * @param bytes never negative
 */
public record ByteSize(long bytes) {
    private static final Pattern FORM = Pattern.compile("(\\d{1,18})\\s*([KMGT]?)(I?B)?", Pattern.CASE_INSENSITIVE);

    /** Reads what the option was given. @throws IllegalArgumentException with a line that says how sizes are written */
    public static ByteSize parse(String text) {
        Matcher m = FORM.matcher(text.strip());
        if (!m.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a size; write for example 512M or 2G");
        }
        long number = Long.parseLong(m.group(1));
        int shift = m.group(2).isEmpty() ? 0 : 10 * (1 + "KMGT".indexOf(m.group(2).toUpperCase(Locale.ROOT)));
        if (number > Long.MAX_VALUE >>> shift) {
            throw new IllegalArgumentException("'" + text + "' is larger than any memory; write for example 512M or 2G");
        }
        return new ByteSize(number << shift);
    }

    /** {@return the size in the largest unit that leaves a whole number} */
    @Override
    public String toString() {
        String[] units = {"", "K", "M", "G", "T"};
        long n = bytes;
        int u = 0;
        while (u < 4 && n != 0 && n % 1024 == 0) {
            n /= 1024;
            u++;
        }
        return n + units[u];
    }

    /** Lets options be of this type. */
    public static final class Converter implements ITypeConverter<ByteSize> {
        @Override
        public ByteSize convert(String value) {
            try {
                return parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
