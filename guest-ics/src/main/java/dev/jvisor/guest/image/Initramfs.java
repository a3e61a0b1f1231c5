package dev.jvisor.guest.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.GZIPOutputStream;

/**
 * Puts an initramfs together: busybox with a link for each applet, an init script, kernel modules with their indexes.
 * Deterministic. Linux takes it plain or compressed; plain spares a slow processor the decompression.
 */
public final class Initramfs {
    private static final String[] DIRECTORIES = {"bin", "dev", "etc", "lib", "proc", "root", "run", "sys", "tmp"};
    private static final int CONSOLE_MAJOR = 5;
    private static final int CONSOLE_MINOR = 1;
    private static final int MEMORY_MAJOR = 1;
    private static final int NULL_MINOR = 3;

    private final CpioWriter cpio = new CpioWriter();

    /**
     * Starts with busybox and an init.
     *
     * @param busybox    the static program
     * @param applets    names it answers to
     * @param initScript text of /init, run by busybox' shell
     */
    public Initramfs(byte[] busybox, List<String> applets, String initScript) {
        for (String directory : DIRECTORIES) {
            cpio.directory(directory, directory.equals("tmp") ? 01777 : directory.equals("root") ? 0700 : 0755);
        }
        cpio.symlink("sbin", "bin");
        // The kernel opens /dev/console for init before anything is mounted.
        cpio.characterDevice("dev/console", 0600, CONSOLE_MAJOR, CONSOLE_MINOR);
        cpio.characterDevice("dev/null", 0666, MEMORY_MAJOR, NULL_MINOR);
        cpio.file("bin/busybox", 0755, busybox);
        for (String applet : new TreeSet<>(applets)) {
            if (!applet.equals("busybox")) {
                cpio.symlink("bin/" + applet, "busybox");
            }
        }
        file("etc/passwd", 0644, "root::0:0:root:/root:/bin/sh\n".getBytes(StandardCharsets.US_ASCII));
        file("etc/group", 0644, "root:x:0:\n".getBytes(StandardCharsets.US_ASCII));
        file("init", 0755, initScript.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Adds a file and the directories above it.
     *
     * @param path        relative path
     * @param permissions for example 0644
     * @param content     its bytes
     */
    public void file(String path, int permissions, byte[] content) {
        for (int slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
            String directory = path.substring(0, slash);
            if (!cpio.contains(directory)) {
                cpio.directory(directory, 0755);
            }
        }
        cpio.file(path, permissions, content);
    }

    /**
     * Adds kernel modules with modules.dep and modules.alias.
     *
     * @param release    of the kernel, as uname -r says it
     * @param modules    what describes them
     * @param chosen     the ones to add, with all they need
     * @param contents   their files by path below lib/modules/RELEASE
     */
    void modules(String release, KernelModules modules, List<KernelModules.Module> chosen, Map<String, byte[]> contents) {
        String root = "lib/modules/" + release + "/";
        for (KernelModules.Module module : chosen) {
            file(root + module.path(), 0644, contents.get(module.path()));
        }
        file(root + "modules.dep", 0644, modules.dependencyFile(chosen).getBytes(StandardCharsets.UTF_8));
        file(root + "modules.alias", 0644, KernelModules.aliasFile(chosen).getBytes(StandardCharsets.UTF_8));
    }

    /** {@return the archive, not compressed} */
    public byte[] toBytes() {
        return cpio.finish();
    }

    /** {@return the archive, compressed by gzip} */
    public byte[] toGzip() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(toBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
