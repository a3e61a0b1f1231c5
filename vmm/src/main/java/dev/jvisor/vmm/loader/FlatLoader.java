package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.nio.file.Path;

/** Bytes put at an address and jumped to. No initrd; a command line, if given, lies at 0x20000. */
public final class FlatLoader implements KernelImage {
    /** The processor mode a flat binary is entered in. */
    public enum Mode {
        /** Real mode: CS:IP at the first byte, other segments 0, SP 0x7000. */
        REAL16,
        /** Flat protected mode without paging. */
        PROTECTED32,
        /** 64-bit mode with the first 4 GiB mapped to themselves. */
        LONG64
    }

    private final ImageBytes image;
    private final long address;
    private final Mode mode;

    /**
     * @param code the bytes
     * @param address where they go and start
     * @param mode the processor's mode at the start
     */
    public FlatLoader(byte[] code, long address, Mode mode) {
        this(new ImageBytes("flat binary", code.clone()), address, mode);
    }

    private FlatLoader(ImageBytes image, long address, Mode mode) {
        this.image = image;
        this.address = address;
        this.mode = mode;
    }

    /** {@return a flat binary from a file} @throws LoaderException when it cannot be read */
    public static FlatLoader open(Path file, long address, Mode mode) throws LoaderException {
        return new FlatLoader(ImageBytes.read(file), address, mode);
    }

    @Override
    public String describe() {
        return "flat binary at 0x" + Long.toHexString(address) + ", " + mode;
    }

    @Override
    public VpState load(GpaSpace gpa, BootOptions o) throws LoaderException {
        if (mode == Mode.REAL16 && address >= 0x100000) {
            throw new LoaderException("a real-mode binary must lie below 1 MB: address=0x" + Long.toHexString(address));
        }
        GuestWriter.segment(gpa, o, "flat binary", image, 0, image.size(), address, image.size());
        if (!o.commandLine().isEmpty()) {
            GuestWriter.commandLine(gpa, o.commandLine(), BootLayout.COMMAND_LINE_MAX - 1);
        }
        return switch (mode) {
            case REAL16 -> EntryState.real16(address);
            case PROTECTED32 -> EntryState.protected32(gpa, address);
            case LONG64 -> EntryState.long64(gpa, address);
        };
    }
}
