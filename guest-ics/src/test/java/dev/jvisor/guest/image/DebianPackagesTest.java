package dev.jvisor.guest.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** What is asked of apt, and what people are told when it does not help. */
class DebianPackagesTest {
    private static final String META = "linux-image-cloud-amd64";
    private static final String REAL = "linux-image-6.1.0-9-cloud-amd64";

    @TempDir
    private Path directory;

    private final List<String> progress = new ArrayList<>();

    /** A host with some packages in its archive. */
    private final class FakeApt implements CommandRunner {
        private final Map<String, String> versions = new HashMap<>();
        private final Map<String, String> depends = new HashMap<>();
        private final List<String> asked = new ArrayList<>();
        private boolean installed = true;
        private boolean listsKnown = true;
        private boolean network = true;

        @Override
        public Result run(Path where, List<String> command) throws IOException {
            if (!installed) {
                throw new IOException("error=2, No such file or directory");
            }
            String last = command.getLast();
            if (command.contains("update")) {
                asked.add("update");
                listsKnown |= network;
                return network ? new Result(0, "") : new Result(100, "Err:1\nE: no network\n");
            }
            if (command.contains("policy")) {
                String version = listsKnown ? versions.getOrDefault(last, "(none)") : "(none)";
                return new Result(0, last + ":\n  Installed: (none)\n  Candidate: " + version + "\n");
            }
            if (command.contains("depends")) {
                return new Result(0, last + "\n  Depends: " + depends.get(last) + "\n");
            }
            if (command.contains("download")) {
                asked.add("download " + last);
                if (!network) {
                    return new Result(100, "E: Failed to fetch\n");
                }
                String[] parts = last.split("=");
                Files.writeString(where.resolve(parts[0] + "_" + parts[1].replace(":", "%3a") + "_amd64.deb"), "deb");
                return new Result(0, "");
            }
            return new Result(0, "apt 2.6.1");
        }
    }

    private FakeApt debian() {
        FakeApt apt = new FakeApt();
        apt.versions.put(META, "6.1.9-1");
        apt.versions.put(REAL, "6.1.9-1");
        apt.versions.put("busybox-static", "1:1.35.0-4");
        apt.depends.put(META, REAL);
        return apt;
    }

    private DebianPackages packages(FakeApt apt) {
        return new DebianPackages(directory, apt, progress::add);
    }

    @Test
    void aMetaPackageGivesTheRealOne() throws ImageException {
        DebianPackages.Fetched fetched = packages(debian()).fetchBehind(META, "linux-image-");
        assertEquals(REAL, fetched.name());
        assertEquals("6.1.9-1", fetched.version());
        assertTrue(Files.exists(fetched.deb()));
        assertEquals(List.of("downloading package " + REAL + " 6.1.9-1"), progress);
    }

    @Test
    void aPackageIsDownloadedOnce() throws ImageException {
        FakeApt apt = debian();
        DebianPackages.Fetched first = packages(apt).fetch("busybox-static");
        assertEquals("1:1.35.0-4", first.version());
        assertEquals(first, packages(apt).fetch("busybox-static"));
        assertEquals(List.of("download busybox-static=1:1.35.0-4"), apt.asked);
    }

    @Test
    void listsAreFetchedOnlyWhenAptKnowsNothing() throws ImageException {
        FakeApt apt = debian();
        apt.listsKnown = false;
        packages(apt).fetch("busybox-static");
        assertEquals(List.of("update", "download busybox-static=1:1.35.0-4"), apt.asked);
    }

    @Test
    void withoutNetworkThePackageFromBeforeServes() throws ImageException {
        FakeApt apt = debian();
        packages(apt).fetchBehind(META, "linux-image-");
        apt.network = false;
        apt.versions.put("linux-image-6.1.0-10-cloud-amd64", "6.1.10-1");
        apt.depends.put(META, "linux-image-6.1.0-10-cloud-amd64");
        assertEquals(REAL, packages(apt).fetchBehind(META, "linux-image-").name());
        assertTrue(progress.getLast().contains("using " + REAL + " 6.1.9-1 from before"), progress.toString());
    }

    @Test
    void theGenericKernelIsNotServedByTheCloudOne() throws ImageException {
        FakeApt apt = debian();
        packages(apt).fetchBehind(META, "linux-image-");
        apt.installed = false;
        assertEquals(REAL, packages(apt).fetchBehind(META, "linux-image-").name());
        assertThrows(ImageException.class, () -> packages(apt).fetchBehind("linux-image-amd64", "linux-image-"));
    }

    @Test
    void failuresAreOneLineThatSaysWhatToDo() {
        FakeApt apt = debian();
        apt.installed = false;
        ImageException noApt = assertThrows(ImageException.class, () -> packages(apt).fetch("busybox-static"));
        assertTrue(noApt.getMessage().startsWith("no apt on this host to get package busybox-static with"), noApt.getMessage());
        FakeApt offline = debian();
        offline.network = false;
        ImageException noNetwork = assertThrows(ImageException.class, () -> packages(offline).fetch("busybox-static"));
        assertEquals("cannot fetch the distribution's lists of packages: E: no network", noNetwork.getMessage());
        ImageException unknown = assertThrows(ImageException.class, () -> packages(debian()).fetch("nothing"));
        assertTrue(unknown.getMessage().startsWith("apt knows no package nothing;"), unknown.getMessage());
        assertFalse(unknown.getMessage().contains("\n"));
    }

    @Test
    void packagesAreUnpacked() throws IOException, ImageException {
        byte[] content = "busybox".getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(new XZOutputStream(data, new LZMA2Options()))) {
            for (String name : new String[] {"./bin/busybox", "./bin/other"}) {
                TarArchiveEntry entry = new TarArchiveEntry(name);
                entry.setSize(content.length);
                tar.putArchiveEntry(entry);
                tar.write(content);
                tar.closeArchiveEntry();
            }
        }
        Path deb = directory.resolve("a.deb");
        archive(deb, "data.tar.xz", data.toByteArray());
        Map<String, byte[]> found = new HashMap<>();
        DebArchive.read(deb, path -> path.startsWith("bin/"), 1, found::put);
        assertEquals(java.util.Set.of("bin/busybox"), found.keySet());
        assertArrayEquals(content, found.get("bin/busybox"));

        archive(deb, "data.tar.zst", new byte[] {1});
        assertTrue(assertThrows(ImageException.class, () -> DebArchive.read(deb, path -> true, 1, found::put)).getMessage()
                .endsWith("packed in a way not supported here: data.tar.zst"));
        Files.writeString(deb, "nonsense nonsense");
        assertTrue(assertThrows(ImageException.class, () -> DebArchive.read(deb, path -> true, 1, found::put)).getMessage()
                .startsWith("cannot read the package"));
    }

    private static void archive(Path deb, String member, byte[] content) throws IOException {
        try (ArArchiveOutputStream ar = new ArArchiveOutputStream(Files.newOutputStream(deb))) {
            byte[] version = "2.0\n".getBytes(StandardCharsets.US_ASCII);
            ar.putArchiveEntry(new ArArchiveEntry("debian-binary", version.length));
            ar.write(version);
            ar.closeArchiveEntry();
            ar.putArchiveEntry(new ArArchiveEntry(member, content.length));
            ar.write(content);
            ar.closeArchiveEntry();
        }
    }
}
