package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.loader.LoaderException.Subject;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What all loaders do with guest memory: put files, images and command lines there, with errors for people. */
final class GuestWriter {
    private static final long MIB = 1 << 20;

    private GuestWriter() { }

    /** {@return bytes as whole MiB, rounded up, with the unit} */
    static String mib(long bytes) {
        return (bytes + MIB - 1) / MIB + " MB";
    }

    /** Makes sure that {@code [from, to)} is RAM. */
    static void need(GpaSpace gpa, BootOptions o, String what, long from, long to) throws LoaderException {
        if (from < 0 || to < from || gpa.ram(from, to - from) == null) {
            boolean tooBig = from >= MemoryLayout.HIGH && to > MemoryLayout.lowBytes(o.memoryBytes());
            throw new LoaderException(tooBig ? Subject.MEMORY : Subject.KERNEL, tooBig
                    ? what + " needs " + mib(to) + ", the partition has " + mib(o.memoryBytes())
                    : what + " wants addresses 0x" + Long.toHexString(from) + "-0x" + Long.toHexString(to) + ", which are not RAM");
        }
    }

    /** Writes part of an image and zeros up to {@code memorySize}. */
    static void segment(GpaSpace gpa, BootOptions o, String what, ImageBytes image, long offset, long fileSize, long address, long memorySize)
            throws LoaderException {
        int from = image.check(offset, fileSize);
        long size = Math.max(fileSize, memorySize);
        need(gpa, o, what, address, address + size);
        gpa.write(address, MemorySegment.ofArray(image.bytes()).asSlice(from, fileSize));
        zero(gpa, address + fileSize, size - fileSize);
    }

    /** Zeros RAM: it need not be fresh, after a restart. */
    static void zero(GpaSpace gpa, long address, long size) {
        if (size > 0) {
            GpaRegion r = gpa.find(address);
            gpa.host().asSlice(r.hostOffset() + (address - r.gpa()), size).fill((byte) 0);
            gpa.written(address, size);
        }
    }

    /** Writes a command line with its NUL. {@return its address} */
    static long commandLine(GpaSpace gpa, String text, int max) throws LoaderException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > max) {
            throw new LoaderException(Subject.COMMAND_LINE, "command line too long: " + bytes.length + " bytes, the kernel takes " + max);
        }
        gpa.write(BootLayout.COMMAND_LINE, java.util.Arrays.copyOf(bytes, bytes.length + 1));
        return BootLayout.COMMAND_LINE;
    }

    /**
     * Puts the initrd as high as it may lie.
     *
     * @param end first address it may not reach
     * @param kernelEnd first address after the kernel and what it needs for itself
     * @return its address
     */
    static long initrdBelow(GpaSpace gpa, BootOptions o, long size, long end, long kernelEnd) throws LoaderException {
        long top = Math.min(end, MemoryLayout.lowBytes(o.memoryBytes()));
        long at = top - size & -GpaSpace.PAGE_SIZE;
        if (size > top || at < kernelEnd) {
            throw new LoaderException(Subject.MEMORY, "kernel and initrd need " + mib(kernelEnd + size) + ", the partition has " + mib(o.memoryBytes()));
        }
        file(gpa, o.initrd(), at, size);
        return at;
    }

    /** Copies a file into RAM that is known to be there. */
    static void file(GpaSpace gpa, Path file, long address, long size) throws LoaderException {
        if (size == 0) {
            return;
        }
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ); Arena arena = Arena.ofConfined()) {
            gpa.write(address, in.map(FileChannel.MapMode.READ_ONLY, 0, size, arena));
        } catch (IOException e) {
            throw new LoaderException(Subject.INITRD, ImageBytes.cannotRead(file, e), e);
        }
    }
}
