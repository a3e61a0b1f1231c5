package dev.jvisor.devices.serial;

/**
 * The far end of a serial line. The port calls {@link #read}, {@link #writable} and {@link #write} with its own lock held and one at a time;
 * the backend calls the {@link Listener} from threads of its own, without locks.
 */
public interface SerialBackend extends AutoCloseable {
    /** What the port wants to know. */
    interface Listener {
        /** {@link SerialBackend#read} has something after it had nothing. */
        void inputReady();

        /** {@link SerialBackend#writable} is true again. */
        void outputReady();
    }

    /** Joins the port and the line; called once, before all else. Input may have come already. */
    void attach(Listener listener);

    /** {@return the next byte for the guest, 0 to 255, or -1 when there is none now}. Never waits. */
    int read();

    /** {@return whether {@link #write} would take a FIFO's worth of bytes (16)}; true for ever after {@link #close}. Never waits. */
    boolean writable();

    /** Waits until {@link #writable}. The one call that is made without the port's lock, on a VP's thread. */
    void awaitWritable();

    /** Takes a byte from the guest. Never waits: when there is no room, which is the guest's own doing, the byte is lost. */
    void write(int value);

    /** Lets go of what waits, hands out what was written, frees what it owns. Any thread. */
    @Override
    void close();
}
