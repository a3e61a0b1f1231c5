package dev.jvisor.tools.options;

import dev.jvisor.vmm.backend.CpuLevel;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the name of a {@link CpuLevel}: {@code x86-64-v1} to {@code x86-64-v3}, {@code max}. */
public final class CpuLevelName implements ITypeConverter<CpuLevel> {
    /** Made by the command line. */
    public CpuLevelName() { }

    /** {@return the level of that name} @throws IllegalArgumentException with a line that lists the names */
    public static CpuLevel parse(String text) {
        for (CpuLevel level : CpuLevel.values()) {
            if (level.text().equalsIgnoreCase(text.strip())) {
                return level;
            }
        }
        throw new IllegalArgumentException("'" + text + "' is no level of the instruction set; give one of "
                + Arrays.stream(CpuLevel.values()).map(CpuLevel::text).collect(Collectors.joining(", ")));
    }

    @Override
    public CpuLevel convert(String value) {
        try {
            return parse(value);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
