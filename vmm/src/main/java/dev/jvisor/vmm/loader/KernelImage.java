package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A kernel of a kind we know how to start. Immutable; may be loaded any number of times. */
public interface KernelImage {
    /** {@return one line for people: kind, version if it says one} */
    String describe();

    /**
     * Puts the kernel, and what the options add to it, into a partition's memory.
     *
     * @param gpa RAM as {@link dev.jvisor.vmm.partition.MemoryLayout} has it
     * @param options memory size, command line, initrd
     * @return the state VP 0 is to start in
     * @throws LoaderException when it does not fit or a file cannot be read
     */
    VpState load(GpaSpace gpa, BootOptions options) throws LoaderException;

    /**
     * Reads a file and finds out what it is: Linux bzImage, ELF with a PVH note, or multiboot. A flat binary cannot be told from anything
     * else: see {@link FlatLoader}.
     *
     * @throws LoaderException when the file cannot be read or is no kernel we know
     */
    static KernelImage open(Path file) throws LoaderException {
        ImageBytes image = ImageBytes.read(file);
        if (LinuxLoader.isLinux(image)) {
            return new LinuxLoader(image);
        }
        if (Elf.isElf(image)) {
            Elf elf = Elf.parse(image);
            if (elf.pvhEntry() >= 0) {
                return new ElfLoader(elf);
            }
            if (MultibootLoader.headerOffset(image) >= 0) {
                return new MultibootLoader(image);
            }
            throw new LoaderException(LoaderException.Subject.FORMAT, file + ": an ELF file with neither a PVH note nor a multiboot header");
        }
        if (MultibootLoader.headerOffset(image) >= 0) {
            return new MultibootLoader(image);
        }
        throw new LoaderException(LoaderException.Subject.FORMAT, file + ": not a kernel I know (bzImage, ELF with a PVH note, multiboot)");
    }

    /** {@return the size of a file} @throws LoaderException when it cannot be read */
    static long sizeOf(Path file) throws LoaderException {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new LoaderException(ImageBytes.cannotRead(file, e), e);
        }
    }
}
