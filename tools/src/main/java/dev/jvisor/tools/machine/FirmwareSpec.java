package dev.jvisor.tools.machine;

import dev.jvisor.tools.options.UserMistake;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The firmware of a machine, as the options name it.
 *
 * @param image the file with the code
 * @param variables the file that UEFI variables are kept in; null for a private copy that is forgotten
 * @param serialConsole whether it shows its screen on the first serial line and takes keys from there
 * @param log the file that takes what it tells of its work; null for nowhere
 */
public record FirmwareSpec(Path image, Path variables, boolean serialConsole, Path log) {
    /** What Debian's packages of these names have, most wanted first. */
    private static final Map<String, List<String>> PACKAGES = Map.of(
            "seabios", List.of("/usr/share/seabios/bios-256k.bin"),
            "ovmf", List.of("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd"));

    /**
     * {@return the file that a name means, there or not}
     *
     * @param name a file, or a package's name
     * @throws UserMistake when it is a package's, and that is not installed
     */
    public static Path find(String name) {
        List<String> files = PACKAGES.get(name);
        if (files == null) {
            return Path.of(name);
        }
        return files.stream().map(Path::of).filter(Files::isReadable).findFirst().orElseThrow(() -> new UserMistake("--firmware: " + name
                + " is not installed; install it (Debian: apt-get install " + name + "), or name a file"));
    }
}
