package dev.jvisor.vmm.loader;

import java.nio.file.Path;

/**
 * What goes with a kernel.
 *
 * @param memoryBytes the partition's RAM, as its configuration has it
 * @param commandLine kernel command line; not null
 * @param initrd initial RAM disk, or first multiboot module; null for none
 * @param acpiRsdp GPA of the ACPI root pointer; 0 for none
 * @param entry which way in, where a kernel has two
 * @param unpack Linux: unpack the kernel here instead of having the guest do it; it then runs where it was linked, without KASLR
 * @param randomSeed Linux: entropy for its random number generator; null for none
 * @param imageName multiboot: put the kernel's file name before the command line, as QEMU and GRUB Legacy do
 */
public record BootOptions(long memoryBytes, String commandLine, Path initrd, long acpiRsdp, Entry entry, boolean unpack, byte[] randomSeed,
                          boolean imageName) {
    /** Which entry of a Linux kernel is taken. */
    public enum Entry {
        /** The 64-bit one where there is one. */
        AUTO,
        /** The 32-bit one: protected mode without paging. */
        BITS_32,
        /** The 64-bit one: long mode, identity-mapped. */
        BITS_64
    }

    /** {@return no initrd, no ACPI, an empty command line, everything else as usual} */
    public static BootOptions of(long memoryBytes) {
        return new BootOptions(memoryBytes, "", null, 0, Entry.AUTO, false, null, false);
    }

    /** {@return this with another command line} */
    public BootOptions withCommandLine(String text) {
        return new BootOptions(memoryBytes, text, initrd, acpiRsdp, entry, unpack, randomSeed, imageName);
    }

    /** {@return this with another initrd} */
    public BootOptions withInitrd(Path file) {
        return new BootOptions(memoryBytes, commandLine, file, acpiRsdp, entry, unpack, randomSeed, imageName);
    }

    /** {@return this with ACPI tables} */
    public BootOptions withAcpiRsdp(long rsdpGpa) {
        return new BootOptions(memoryBytes, commandLine, initrd, rsdpGpa, entry, unpack, randomSeed, imageName);
    }

    /** {@return this with another entry} */
    public BootOptions withEntry(Entry which) {
        return new BootOptions(memoryBytes, commandLine, initrd, acpiRsdp, which, unpack, randomSeed, imageName);
    }

    /** {@return this with the kernel unpacked here, or not} */
    public BootOptions withUnpack(boolean here) {
        return new BootOptions(memoryBytes, commandLine, initrd, acpiRsdp, entry, here, randomSeed, imageName);
    }

    /** {@return this with entropy for the guest} */
    public BootOptions withRandomSeed(byte[] seed) {
        return new BootOptions(memoryBytes, commandLine, initrd, acpiRsdp, entry, unpack, seed, imageName);
    }

    /** {@return this with the kernel's file name before a multiboot command line, or without} */
    public BootOptions withImageName(boolean first) {
        return new BootOptions(memoryBytes, commandLine, initrd, acpiRsdp, entry, unpack, randomSeed, first);
    }
}
