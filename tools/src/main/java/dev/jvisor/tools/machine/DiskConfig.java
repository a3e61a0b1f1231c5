package dev.jvisor.tools.machine;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A disk of a machine, written {@code FILE[,bus=scsi|ide][,media=disk|cdrom][,readonly][,format=raw|vhd|vhdx]}.
 *
 * @param file the image
 * @param bus what the guest finds it on; null for the one that suits the machine
 * @param media what it is
 * @param readOnly whether the guest's writes are refused
 * @param format what the image is; null to find out
 */
public record DiskConfig(Path file, Bus bus, Media media, boolean readOnly, DiskFormat format) {
    /** What a disk is. */
    public enum Media {
        /** A hard disk. */
        DISK,
        /** A disc in a DVD drive. */
        CDROM
    }

    /** What a guest finds a disk on. */
    public enum Bus {
        /** The synthetic SCSI controller on VMBus. */
        SCSI,
        /** The emulated PIIX controller. */
        IDE
    }

    /**
     * Reads what the option was given. A comma that no known word follows belongs to the file's name.
     *
     * @throws IllegalArgumentException with a line that says what is wrong
     */
    public static DiskConfig parse(String text) {
        String file = text;
        Bus bus = null;
        Media media = Media.DISK;
        boolean readOnly = false;
        DiskFormat format = null;
        for (int comma = file.lastIndexOf(','); comma >= 0; comma = file.lastIndexOf(',')) {
            String word = file.substring(comma + 1);
            if (word.equals("readonly")) {
                readOnly = true;
            } else if (word.startsWith("bus=")) {
                bus = one(Bus.values(), word, "bus=scsi or bus=ide");
            } else if (word.startsWith("media=")) {
                media = one(Media.values(), word, "media=disk or media=cdrom");
            } else if (word.startsWith("format=")) {
                format = one(DiskFormat.values(), word, "format=raw, format=vhd or format=vhdx");
            } else {
                break;
            }
            file = file.substring(0, comma);
        }
        if (file.isEmpty()) {
            throw new IllegalArgumentException("'" + text + "' names no file; write for example disk.vhdx or disk.img,readonly");
        }
        return new DiskConfig(Path.of(file), bus, media, readOnly, format);
    }

    /** {@return a hard disk that is written, its format found out} @param bus null for the one that suits the machine */
    public static DiskConfig of(Path file, Bus bus) {
        return new DiskConfig(file, bus, Media.DISK, false, null);
    }

    /** {@return a disc in a DVD drive} */
    public static DiskConfig cdrom(Path file) {
        return new DiskConfig(file, null, Media.CDROM, true, null);
    }

    /**
     * {@return this on a bus} Firmware sees IDE only, and that is where guests look for DVD drives; disks of a machine without firmware are on
     * SCSI.
     *
     * @param firmware whether the machine has firmware
     */
    public DiskConfig placed(boolean firmware) {
        return bus != null ? this : new DiskConfig(file, firmware || media == Media.CDROM ? Bus.IDE : Bus.SCSI, media, readOnly, format);
    }

    private static <E extends Enum<E>> E one(E[] values, String word, String choices) {
        String value = word.substring(word.indexOf('=') + 1);
        for (E e : values) {
            if (e.name().toLowerCase(Locale.ROOT).equals(value)) {
                return e;
            }
        }
        throw new IllegalArgumentException("'" + word + "' is unknown; write " + choices);
    }

    /**
     * Opens the image and locks it.
     *
     * @throws UserMistake when it cannot be had, in terms of the command line
     */
    public VirtualDisk open() {
        if (!Files.exists(file)) {
            throw new UserMistake("--disk: " + file + " does not exist; name a file that does");
        }
        try {
            return VirtualDisk.open(file, new DiskOptions(format, readOnly || media == Media.CDROM, DiskOptions.DEFAULT_THREADS));
        } catch (IOException e) {
            throw new UserMistake("--disk: " + e.getMessage());
        }
    }

    /** Lets options be of this type. */
    public static final class Converter implements ITypeConverter<DiskConfig> {
        /** Made by the command line. */
        public Converter() { }

        @Override
        public DiskConfig convert(String value) {
            try {
                return parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
