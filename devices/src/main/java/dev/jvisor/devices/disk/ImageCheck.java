package dev.jvisor.devices.disk;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Looks for what an open forgives: second copies that are bad, a log that waits. */
final class ImageCheck {
    private ImageCheck() {
    }

    static List<String> run(Path path, DiskFormat format, boolean repair) throws IOException {
        List<String> problems = new ArrayList<>();
        DiskFormat found;
        boolean logged = false;
        try (HostFile file = HostFile.open(path, repair, true)) {
            found = format == null ? ImageOpener.detect(file) : format;
            if (found == DiskFormat.VHDX) {
                logged = copies(file, problems);
            } else if (found == DiskFormat.VHD) {
                footers(file, repair, problems);
            }
        } catch (DiskFormatException e) {
            problems.add(e.getMessage());
            return problems;
        }
        if (logged && !repair) {
            problems.add(path + ": was not closed cleanly; the next opening replays its log, as --repair does");
            return problems;
        }
        try (DiskImage image = ImageOpener.open(path, (repair ? DiskOptions.writable() : DiskOptions.reading()).format(found))) {
            for (long at = 0; at < image.byteSize();) {
                at += Math.abs(image.own(at, image.byteSize() - at));
            }
        } catch (DiskFormatException e) {
            problems.add(e.getMessage());
        }
        return problems;
    }

    private static boolean copies(ImageFile file, List<String> problems) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            VhdxHeader header = VhdxHeader.read(file);
            MemorySegment a = arena.allocate(VhdxLayout.REGIONS_SIZE, 8);
            MemorySegment b = arena.allocate(VhdxLayout.REGIONS_SIZE, 8);
            file.read(a, VhdxLayout.REGIONS_1);
            file.read(b, VhdxLayout.REGIONS_2);
            boolean logged = !header.logGuid().equals(LittleEndian.ZERO_GUID);
            if (!logged && a.mismatch(b) >= 0) {
                problems.add(file.name() + ": the two region tables differ");
            }
            return logged;
        }
    }

    private static void footers(ImageFile file, boolean repair, List<String> problems) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment last = arena.allocate(VhdLayout.FOOTER_SIZE, 8);
            MemorySegment first = arena.allocate(VhdLayout.FOOTER_SIZE, 8);
            file.read(last, Math.max(0, file.size() - VhdLayout.FOOTER_SIZE));
            file.read(first, 0);
            boolean lastGood = VhdLayout.validFooter(last);
            if (lastGood && VhdLayout.u32(last, VhdLayout.TYPE) == VhdLayout.TYPE_FIXED) {
                return;
            }
            if (!lastGood && VhdLayout.validFooter(first) && !repair) {
                problems.add(file.name() + ": the footer at the end is missing; its copy is good, and the next opening for writing mends it");
            } else if (lastGood && last.mismatch(first) >= 0) {
                if (repair) {
                    file.write(last, 0);
                    file.sync();
                } else {
                    problems.add(file.name() + ": the copy of the footer at the start differs; the next opening for writing mends it, as --repair does");
                }
            }
        }
    }
}
