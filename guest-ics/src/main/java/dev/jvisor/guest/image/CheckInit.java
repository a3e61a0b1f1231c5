package dev.jvisor.guest.image;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A Linux guest that checks the machine it runs on: its init runs busybox commands (arithmetic, floating point,
 * checksums, sorting, compression, processes, signals) whose answers do not depend on machine, time or kernel, prints
 * them as lines "RESULT name value" between "CHECK begin RELEASE" and "CHECK end", and powers off. "CHECK complaints"
 * follows kernel messages that speak of trouble.
 *
 * @param kernel      bzImage
 * @param initrd      initramfs, not compressed
 * @param commandLine kernel command line
 * @param release     of the kernel, as uname -r says it
 */
public record CheckInit(Path kernel, Path initrd, String commandLine, String release) {
    /** What the console shows when all was run. */
    public static final String END = "CHECK end";
    /** What the console shows when the kernel complained. */
    public static final String COMPLAINTS = "CHECK complaints";

    /**
     * Builds the guest, or finds it when it was built before.
     *
     * @param cache    the cache directory, see {@link DefaultImage#defaultCache()}; made if missing
     * @param flavour  which kernel
     * @param progress gets a line before anything that may take long
     * @return the guest
     * @throws ImageException if packages can not be had, or the cache not be written
     */
    public static CheckInit build(Path cache, KernelFlavour flavour, Consumer<String> progress) throws ImageException {
        ImageBuilder.Built built = new ImageBuilder(cache, CommandRunner.ofProcesses(), progress).build("check", flavour, "check-init.sh", false, List.of());
        return new CheckInit(built.kernel(), built.initrd(), DefaultImage.COMMAND_LINE, built.release());
    }

    /**
     * {@return the results in what the console showed, by name, in order}
     *
     * @param console all of the console's output
     */
    public static Map<String, String> results(String console) {
        Map<String, String> results = new LinkedHashMap<>();
        console.lines().map(String::strip).filter(line -> line.startsWith("RESULT ")).forEach(line -> {
            String[] parts = line.split(" ", 3);
            results.put(parts[1], parts.length > 2 ? parts[2] : "");
        });
        return results;
    }
}
