package dev.jvisor.devices.firmware;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.FileIo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A file that holds what is in a {@link Flash}, locked for one partition. Changes are written at once and made durable at the end. */
public final class FlashFile implements Flash.Listener, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FlashFile.class);

    private final FileIo io;
    private final byte[] content;
    private boolean broken;

    private FlashFile(FileIo io, byte[] content) {
        this.io = io;
        this.content = content;
    }

    /**
     * Opens and locks a file.
     *
     * @throws IOException with a line for people when it cannot be had, another has it, or its size is not a flash's
     */
    public static FlashFile open(Path path) throws IOException {
        FileIo io;
        try {
            io = FileIo.open(path.toString(), true);
        } catch (ErrnoException e) {
            throw new IOException(path + " cannot be opened for writing (" + e.errnoName() + ")", e);
        }
        try {
            if (!io.lock(true)) {
                throw new IOException(path + " is in use by another partition");
            }
            long size = io.size();
            if (!FirmwareRom.fits(size)) {
                throw new IOException(path + " is no variable store: its size must be whole blocks of 4 KiB, and at most 16 MiB");
            }
            byte[] content = new byte[(int) size];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(size);
                io.read(memory, 0, size, 0);
                MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, content, 0, content.length);
            }
            return new FlashFile(io, content);
        } catch (IOException | RuntimeException e) {
            io.close();
            throw e;
        }
    }

    /** {@return what was in it when it was opened} */
    public byte[] content() {
        return content;
    }

    @Override
    public void changed(long offset, MemorySegment changed) {
        try {
            io.write(changed, 0, changed.byteSize(), offset);
        } catch (ErrnoException e) {
            if (!broken) {
                broken = true;
                LOG.error("the firmware's variables cannot be kept: {}", e.getMessage());
            }
        }
    }

    @Override
    public void close() {
        try {
            io.sync();
        } catch (ErrnoException e) {
            LOG.error("the firmware's variables may be lost: {}", e.getMessage());
        }
        io.close();
    }
}
