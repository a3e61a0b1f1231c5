package dev.jvisor.tools.machine;

import dev.jvisor.devices.firmware.FirmwareRom;
import dev.jvisor.devices.firmware.Flash;
import dev.jvisor.devices.firmware.FlashFile;
import dev.jvisor.devices.motherboard.FirmwareConfig;
import dev.jvisor.devices.serial.SerialBackend;
import dev.jvisor.devices.serial.StreamSerialBackend;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Firmware out of files: code, UEFI variables, the VGA adapter's option ROM. A UEFI image without room for variables of its own comes with
 * a template for them, named as Debian's ovmf names it: {@code OVMF_CODE_4M.fd} has {@code OVMF_VARS_4M.fd}.
 */
final class Firmware implements AutoCloseable {
    private static final String VGA_ROM = "vgabios-isavga.bin";
    private static final Path VGA_ROMS = Path.of("/usr/share/seabios");
    /** The header of a firmware volume: GUID @16, signature @40 (PI 1.8 volume 3, 3.2.1). */
    private static final int VOLUME_GUID = 16, VOLUME_SIGNATURE = 40, VOLUME_HEADER = 72;
    private static final int SIGNATURE = 'H' << 24 | 'V' << 16 | 'F' << 8 | '_';
    /** EFI_SYSTEM_NV_DATA_FV_GUID, FFF12B8D-7696-4C8B-A985-2747075B4F50: a volume of variables. Its first half. */
    private static final long VARIABLES_GUID = 0x4C8B_7696_FFF1_2B8DL;

    private final FirmwareConfig config;
    private final FlashFile store;
    private final SerialBackend log;

    private Firmware(FirmwareConfig config, FlashFile store, SerialBackend log) {
        this.config = config;
        this.store = store;
        this.log = log;
    }

    /**
     * Reads the files, and locks the one that variables are kept in. That one is made from the template if it does not exist.
     *
     * @param vmbus whether the machine has a VMBus
     * @param bootOrder what to boot from, most wanted first
     * @throws UserMistake when a file cannot be had, in terms of the command line
     */
    static Firmware open(FirmwareSpec spec, boolean vmbus, List<String> bootOrder) {
        byte[] image = read("--firmware", spec.image());
        if (!FirmwareRom.fits(image.length)) {
            throw new UserMistake("--firmware: " + spec.image() + " is no firmware: its size must be whole blocks of 4 KiB, and at most 16 MiB");
        }
        if (spec.image().getFileName().toString().contains("secboot")) {
            throw new UserMistake("--firmware: " + spec.image() + " needs system management mode, which there is not; name a build without it, "
                    + "such as OVMF_CODE_4M.fd");
        }
        boolean wantsVariables = isVolume(image) && !isVariables(image);
        if (!wantsVariables && spec.variables() != null) {
            throw new UserMistake("--firmware-vars: " + spec.image() + " takes none; name UEFI code such as OVMF_CODE_4M.fd with --firmware, "
                    + "or leave the option out");
        }
        FirmwareConfig config = FirmwareConfig.of(image).withSerialConsole(spec.serialConsole()).withVmbus(vmbus).withBootOrder(bootOrder)
                .withVgaRom(vgaRom(spec.image()));
        FlashFile store = null;
        try {
            if (wantsVariables && spec.variables() == null) {
                config = withTemplate(config, spec.image());
            } else if (wantsVariables) {
                store = openStore(spec);
                config = withVariables(config, spec.variables(), store.content(), store);
            }
            return new Firmware(config, store, openLog(spec.log()));
        } catch (UserMistake e) {
            if (store != null) {
                store.close();
            }
            throw e;
        }
    }

    private static SerialBackend openLog(Path file) {
        try {
            return file == null ? null : new StreamSerialBackend(null, Files.newOutputStream(file));
        } catch (IOException e) {
            throw new UserMistake("--firmware-log: cannot write " + file + "; name a file in a directory that you may write to");
        }
    }

    private static FirmwareConfig withTemplate(FirmwareConfig config, Path code) {
        Path template = template(code);
        if (template == null) {
            throw new UserMistake("--firmware-vars: " + code + " keeps variables, and there is no template for them beside it; "
                    + "name a file that has them");
        }
        return withVariables(config, template, read("--firmware-vars", template), (offset, changed) -> { });
    }

    private static FlashFile openStore(FirmwareSpec spec) {
        Path file = spec.variables();
        if (!Files.exists(file)) {
            Path template = template(spec.image());
            if (template == null) {
                throw new UserMistake("--firmware-vars: " + file + " does not exist, and there is no template beside " + spec.image()
                        + "; name a file that does");
            }
            try {
                Files.write(file, read("--firmware-vars", template));
            } catch (IOException e) {
                throw new UserMistake("--firmware-vars: cannot write " + file + "; name a file in a directory that you may write to");
            }
        }
        try {
            return FlashFile.open(file);
        } catch (IOException e) {
            throw new UserMistake("--firmware-vars: " + e.getMessage() + (Files.isWritable(file) ? "" : "; name a file of your own"));
        }
    }

    private static FirmwareConfig withVariables(FirmwareConfig config, Path file, byte[] content, Flash.Listener keeper) {
        if (!FirmwareRom.fits((long) content.length + config.image().length) || !isVolume(content) || !isVariables(content)) {
            throw new UserMistake("--firmware-vars: " + file + " is no variable store; copy one that came with the firmware, "
                    + "or name a file that does not exist yet");
        }
        return config.withVariables(content, keeper);
    }

    private static byte[] read(String option, Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UserMistake(option + ": cannot read " + file + "; name a file that you may read");
        }
    }

    /** {@return the variables that come with the code; null when there are none beside it} */
    private static Path template(Path code) {
        String name = code.getFileName().toString();
        Path there = code.resolveSibling(name.replace("CODE", "VARS").replace("code", "vars"));
        return there.equals(code) || !Files.isReadable(there) ? null : there;
    }

    private static byte[] vgaRom(Path image) {
        for (Path rom : new Path[] {image.resolveSibling(VGA_ROM), VGA_ROMS.resolve(VGA_ROM)}) {
            if (Files.isReadable(rom)) {
                return read("--firmware", rom);
            }
        }
        return null;
    }

    private static boolean isVolume(byte[] b) {
        return b.length >= VOLUME_HEADER && ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).getInt(VOLUME_SIGNATURE) == SIGNATURE;
    }

    private static boolean isVariables(byte[] volume) {
        return ByteBuffer.wrap(volume).order(ByteOrder.LITTLE_ENDIAN).getLong(VOLUME_GUID) == VARIABLES_GUID;
    }

    /** {@return what the board is to have} */
    FirmwareConfig config() {
        return config;
    }

    /** {@return what takes the text that it tells of its work; null for nothing} */
    SerialBackend log() {
        return log;
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
        if (log != null) {
            log.close();
        }
    }
}
