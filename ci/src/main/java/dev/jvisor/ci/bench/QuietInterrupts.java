package dev.jvisor.ci.bench;

import dev.jvisor.vmm.backend.VpInterrupts;

/** Interrupt controllers that never have anything. */
final class QuietInterrupts implements VpInterrupts {
    static final QuietInterrupts INSTANCE = new QuietInterrupts();

    @Override
    public int pendingVector() {
        return -1;
    }

    @Override
    public int acknowledge() {
        return -1;
    }

    @Override
    public boolean takeNmi() {
        return false;
    }

    @Override
    public boolean nmiPending() {
        return false;
    }

    @Override
    public boolean takeInit() {
        return false;
    }

    @Override
    public boolean initPending() {
        return false;
    }

    @Override
    public int takeSipi() {
        return -1;
    }

    @Override
    public boolean sipiPending() {
        return false;
    }

    @Override
    public int cr8() {
        return 0;
    }

    @Override
    public void setCr8(int value) { }
}
