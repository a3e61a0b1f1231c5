package dev.jvisor.devices.testing;

import dev.jvisor.vmm.backend.InterruptController;

/** Remembers the level of every line and how often each has risen. */
public final class FakeInterrupts implements InterruptController {
    private final boolean[] levels = new boolean[32];
    private final int[] rises = new int[32];

    @Override
    public synchronized void setLine(int gsi, boolean level) {
        if (level && !levels[gsi]) {
            rises[gsi]++;
        }
        levels[gsi] = level;
    }

    @Override
    public void signalMsi(long address, int data) { }

    /** {@return the level of a line} */
    public synchronized boolean level(int gsi) {
        return levels[gsi];
    }

    /** {@return how often a line has risen} */
    public synchronized int rises(int gsi) {
        return rises[gsi];
    }
}
