package dev.jvisor.tools.run;

import dev.jvisor.vmm.loader.FlatLoader;
import java.util.Arrays;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Where a flat binary goes and how it is entered, written {@code MODE@ADDRESS}.
 *
 * @param mode the processor's mode at the first byte
 * @param address GPA of the first byte
 */
record FlatEntry(FlatLoader.Mode mode, long address) {
    static final class Converter implements ITypeConverter<FlatEntry> {
        @Override
        public FlatEntry convert(String text) {
            String[] parts = text.split("@", 2);
            var mode = Arrays.stream(FlatLoader.Mode.values()).filter(m -> m.name().toLowerCase(Locale.ROOT).equals(parts[0])).findFirst();
            try {
                if (mode.isPresent() && parts.length == 2) {
                    long address = Long.decode(parts[1]);
                    if (address >= 0) {
                        return new FlatEntry(mode.get(), address);
                    }
                }
            } catch (NumberFormatException e) {
                // answered below
            }
            throw new TypeConversionException("'" + text + "' is not MODE@ADDRESS; write for example real16@0x7C00, protected32@0x100000 "
                    + "or long64@0x100000");
        }
    }
}
