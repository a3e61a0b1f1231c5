package dev.jvisor.devices.disk;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A file in memory that tells a test of each call before it is carried out; the test may hold it up or make it fail there. */
class HookedFile implements ImageFile {
    /** What is called. */
    enum Call { READ, READ_NOW, WRITE, ZERO, RESIZE, SYNC }

    /** The test's part. */
    @FunctionalInterface
    interface Hook {
        void before(Call call, long position, long length) throws IOException;
    }

    final PowerLossFile file;
    volatile Hook hook = (call, position, length) -> { };

    HookedFile(long size) {
        this(new PowerLossFile(new byte[(int) size]));
    }

    HookedFile(PowerLossFile file) {
        this.file = file;
    }

    @Override
    public void read(IoCursor to, long length, long position) throws IOException {
        hook.before(Call.READ, position, length);
        file.read(to, length, position);
    }

    @Override
    public boolean readNow(IoCursor to, long length, long position) throws IOException {
        hook.before(Call.READ_NOW, position, length);
        file.read(to, length, position);
        return true;
    }

    @Override
    public void write(IoCursor from, long length, long position) throws IOException {
        hook.before(Call.WRITE, position, length);
        file.write(from, length, position);
    }

    @Override
    public void read(MemorySegment to, long position) throws IOException {
        hook.before(Call.READ, position, to.byteSize());
        file.read(to, position);
    }

    @Override
    public void write(MemorySegment from, long position) throws IOException {
        hook.before(Call.WRITE, position, from.byteSize());
        file.write(from, position);
    }

    @Override
    public long size() {
        return file.size();
    }

    @Override
    public void resize(long size) throws IOException {
        hook.before(Call.RESIZE, size, 0);
        file.resize(size);
    }

    @Override
    public void zero(long position, long length) throws IOException {
        hook.before(Call.ZERO, position, length);
        file.zero(position, length);
    }

    @Override
    public long nextData(long position) {
        return file.nextData(position);
    }

    @Override
    public long nextHole(long position) {
        return file.nextHole(position);
    }

    @Override
    public void sync() throws IOException {
        hook.before(Call.SYNC, 0, 0);
        file.sync();
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public void close() {
        file.close();
    }
}
