package dev.jvisor.devices.serial;

/**
 * A line on which the guest only sends, and on which what it sees does not depend on how fast the far end takes it: there is always room, for
 * which the thread that writes waits when need be.
 */
public final class OneWaySerialBackend implements SerialBackend {
    private final SerialBackend to;

    /** @param to the real far end, which is asked for nothing; stays the caller's to close */
    public OneWaySerialBackend(SerialBackend to) {
        this.to = to;
    }

    @Override
    public void attach(Listener listener) { }

    @Override
    public int read() {
        return -1;
    }

    @Override
    public boolean writable() {
        return true;
    }

    @Override
    public void awaitWritable() { }

    @Override
    public void write(int value) {
        to.awaitWritable();
        to.write(value);
    }

    @Override
    public void close() { }
}
