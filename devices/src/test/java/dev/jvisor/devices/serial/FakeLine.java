package dev.jvisor.devices.serial;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;

/** The far end of a line, without threads: a queue to the guest, a text from it, and a switch that says whether there is room. */
final class FakeLine implements SerialBackend {
    private final ArrayDeque<Integer> input = new ArrayDeque<>();
    final StringBuilder output = new StringBuilder();
    boolean writable = true;
    private Listener listener;

    void type(String text) {
        for (byte b : text.getBytes(StandardCharsets.ISO_8859_1)) {
            input.add(b & 0xFF);
        }
        listener.inputReady();
    }

    int waiting() {
        return input.size();
    }

    void makeRoom() {
        writable = true;
        listener.outputReady();
    }

    @Override
    public void attach(Listener newListener) {
        listener = newListener;
    }

    @Override
    public int read() {
        return input.isEmpty() ? -1 : input.poll();
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public void awaitWritable() { }

    @Override
    public void write(int value) {
        output.append((char) value);
    }

    @Override
    public void close() { }
}
