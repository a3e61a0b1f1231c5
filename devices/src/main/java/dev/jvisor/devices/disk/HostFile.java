package dev.jvisor.devices.disk;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.FileIo;
import dev.jvisor.nativebindings.IoVector;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A file or block device of the host, locked: many may read, or one may write. */
final class HostFile implements ImageFile {
    private static final long ZEROES_SIZE = 1 << 20;

    private final FileIo io;
    private final String name;

    private HostFile(FileIo io, String name) {
        this.io = io;
        this.name = name;
    }

    /** Opens and locks. @param locked false only to look at a file that another may be writing */
    static HostFile open(Path path, boolean writable, boolean locked) throws IOException {
        String name = path.toString();
        FileIo io;
        try {
            io = FileIo.open(name, writable);
        } catch (ErrnoException e) {
            throw new IOException(name + ": cannot open for " + (writable ? "writing" : "reading") + ": " + reason(e), e);
        }
        return lock(new HostFile(io, name), writable, locked);
    }

    /** Creates a new, empty file; one that exists is an error. */
    static HostFile create(Path path) throws IOException {
        String name = path.toString();
        FileIo io;
        try {
            io = FileIo.create(name);
        } catch (ErrnoException e) {
            throw new IOException(name + ": cannot create: " + reason(e), e);
        }
        return lock(new HostFile(io, name), true, true);
    }

    private static HostFile lock(HostFile file, boolean exclusive, boolean wanted) throws IOException {
        try {
            if (wanted && !file.io.lock(exclusive)) {
                throw new IOException(file.name + ": the disk is in use by another" + (exclusive ? ", and who writes must be alone" : ", who writes it")
                        + "; end the other first");
            }
            return file;
        } catch (ErrnoException e) {
            file.close();
            throw new IOException(file.name + ": cannot lock: " + reason(e), e);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private static String reason(ErrnoException e) {
        String m = e.getMessage();
        int open = m.lastIndexOf('(');
        return open > 0 && m.endsWith(")") ? m.substring(open + 1, m.length() - 1) : m;
    }

    @Override
    public void read(IoCursor to, long length, long position) {
        while (length > 0) {
            IoVector v = to.take(length);
            long n = v.bytes();
            long got = io.readv(v, position);
            if (got < n) {
                v.zero();
            }
            position += n;
            length -= n;
        }
    }

    @Override
    public boolean readNow(IoCursor to, long length, long position) {
        while (length > 0) {
            IoVector v = to.take(length);
            long n = v.bytes();
            if (!io.readvNow(v, position)) {
                return false;
            }
            position += n;
            length -= n;
        }
        return true;
    }

    @Override
    public void write(IoCursor from, long length, long position) {
        while (length > 0) {
            IoVector v = from.take(length);
            long n = v.bytes();
            io.writev(v, position);
            position += n;
            length -= n;
        }
    }

    @Override
    public void read(MemorySegment to, long position) {
        long got = io.read(to, 0, to.byteSize(), position);
        if (got < to.byteSize()) {
            to.asSlice(got).fill((byte) 0);
        }
    }

    @Override
    public void write(MemorySegment from, long position) {
        io.write(from, 0, from.byteSize(), position);
    }

    @Override
    public long size() {
        return io.size();
    }

    @Override
    public void resize(long size) {
        io.resize(size);
    }

    @Override
    public void reserve(long position, long length) {
        if (length > 0) {
            io.reserve(position, length); // where the file system cannot, a write may find it full
        }
    }

    @Override
    public void zero(long position, long length) {
        if (length == 0 || io.punchHole(position, length)) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment zeroes = arena.allocate(Math.min(length, ZEROES_SIZE));
            for (long done = 0; done < length; done += zeroes.byteSize()) {
                io.write(zeroes, 0, Math.min(zeroes.byteSize(), length - done), position + done);
            }
        }
    }

    @Override
    public long nextData(long position) {
        long size = io.size();
        if (position >= size) {
            return size;
        }
        long at = io.nextData(position);
        return at < 0 ? size : Math.min(at, size);
    }

    @Override
    public long nextHole(long position) {
        long size = io.size();
        if (position >= size) {
            return size;
        }
        long at = io.nextHole(position);
        return at < 0 ? size : Math.min(at, size);
    }

    @Override
    public void sync() {
        io.sync();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void close() {
        io.close();
    }
}
