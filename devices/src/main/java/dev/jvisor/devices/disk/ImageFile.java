package dev.jvisor.devices.disk;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** The file below an image: positions, lengths, durability. Thread safe. Tests put one of their own here to lose power at any moment. */
interface ImageFile extends AutoCloseable {
    /** Reads into the next {@code length} bytes of the cursor; what is beyond the end of the file reads as zeroes. */
    void read(IoCursor to, long length, long position) throws IOException;

    /**
     * Reads as {@link #read(IoCursor, long, long)} does, but only what needs no waiting.
     *
     * @return whether all of it was read; if not, the cursor's place and memory mean nothing
     */
    default boolean readNow(IoCursor to, long length, long position) throws IOException {
        return false;
    }

    /** Writes the next {@code length} bytes of the cursor. */
    void write(IoCursor from, long length, long position) throws IOException;

    /** Fills native memory; what is beyond the end of the file reads as zeroes. */
    void read(MemorySegment to, long position) throws IOException;

    /** Writes native memory. */
    void write(MemorySegment from, long position) throws IOException;

    /** {@return the length in bytes} */
    long size() throws IOException;

    /** Cuts, or lengthens with zeroes. */
    void resize(long size) throws IOException;

    /** Takes space for a range inside the file, so that writing to it cannot find the file system full. What it holds stays. */
    default void reserve(long position, long length) throws IOException {
    }

    /** Makes a range inside the file read as zeroes, giving its space back when the file system can. */
    void zero(long position, long length) throws IOException;

    /** {@return the first position not before this one that may hold something other than zeroes; {@link #size} when there is none} */
    long nextData(long position) throws IOException;

    /** {@return where the data that holds {@code position} ends; at most {@link #size}} */
    long nextHole(long position) throws IOException;

    /** Makes all writes that have returned durable. */
    void sync() throws IOException;

    /** {@return the name for messages} */
    String name();

    @Override
    void close();
}
