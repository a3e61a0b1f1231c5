package dev.jvisor.guest.image;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** Reads the files out of a Debian package: an ar archive with a compressed tar in it (deb(5)). */
final class DebArchive {
    /** Takes a file of the package. */
    @FunctionalInterface
    interface FileSink {
        void accept(String path, byte[] content) throws IOException;
    }

    private DebArchive() {
    }

    /**
     * Visits regular files.
     *
     * @param deb    the package
     * @param wanted says for a path, as "boot/vmlinuz-6.1", whether to read it
     * @param most   how many files are wanted at most; the rest is not unpacked once they are read
     * @param sink   gets path and content
     * @throws ImageException if it is no package, or one packed in a way that is not understood
     */
    static void read(Path deb, Predicate<String> wanted, int most, FileSink sink) throws ImageException {
        try (InputStream file = new BufferedInputStream(Files.newInputStream(deb), 1 << 16);
                ArArchiveInputStream ar = new ArArchiveInputStream(file)) {
            for (ArArchiveEntry entry = ar.getNextEntry(); entry != null; entry = ar.getNextEntry()) {
                String name = entry.getName();
                if (name.startsWith("data.tar")) {
                    readTar(unpack(deb, name, ar), wanted, most, sink);
                    return;
                }
            }
        } catch (IOException e) {
            throw new ImageException("cannot read the package " + deb + ": " + e.getMessage(), e);
        }
        throw new ImageException("not a Debian package: " + deb + " has no data.tar in it");
    }

    private static InputStream unpack(Path deb, String name, InputStream in) throws IOException, ImageException {
        return switch (name) {
            case "data.tar" -> in;
            case "data.tar.xz" -> new XZInputStream(in);
            case "data.tar.gz" -> new GZIPInputStream(in);
            default -> throw new ImageException("the package " + deb + " is packed in a way not supported here: " + name);
        };
    }

    private static void readTar(InputStream data, Predicate<String> wanted, int most, FileSink sink) throws IOException {
        TarArchiveInputStream tar = new TarArchiveInputStream(new BufferedInputStream(data, 1 << 16));
        int read = 0;
        for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
            String path = entry.getName().startsWith("./") ? entry.getName().substring(2) : entry.getName();
            if (entry.isFile() && wanted.test(path)) {
                sink.accept(path, tar.readAllBytes());
                if (++read == most) {
                    return;
                }
            }
        }
    }
}
