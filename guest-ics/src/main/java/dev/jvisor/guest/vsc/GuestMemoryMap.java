package dev.jvisor.guest.vsc;

/**
 * Where a guest of ours keeps what it shares with the host, in GPAs. All below 2 GiB, identity-mapped, and not expected to be zero.
 *
 * @param base first byte, a multiple of a page
 * @param ringPages pages of each ring, the header's included; the others are a power of two, so that indices wrap by a mask
 */
public record GuestMemoryMap(int base, int ringPages) {
    private static final int PAGE = 4096;
    private static final int CONTROL_PAGES = 16;

    /** Checks the shape. */
    public GuestMemoryMap {
        if (base <= 0 || base % PAGE != 0 || ringPages < 2 || Integer.bitCount(ringPages - 1) != 1) {
            throw new IllegalArgumentException("no such map: base=" + base + ", ringPages=" + ringPages);
        }
    }

    /** {@return the hypercall page} */
    public int hypercallPage() {
        return base;
    }

    /** {@return the SynIC message page; the event page follows} */
    public int messagePage() {
        return base + PAGE;
    }

    /** {@return the SynIC event flags page} */
    public int eventPage() {
        return base + 2 * PAGE;
    }

    /** {@return a page for answers that are read once, such as that of READ CAPACITY} */
    public int scratchPage() {
        return base + 3 * PAGE;
    }

    /** {@return the guest-to-host ring; the other follows} */
    public int outRing() {
        return base + CONTROL_PAGES * PAGE;
    }

    /** {@return the host-to-guest ring} */
    public int inRing() {
        return outRing() + ringPages * PAGE;
    }

    /** {@return bytes of a ring's data area} */
    public int ringBytes() {
        return (ringPages - 1) * PAGE;
    }

    /** {@return the first byte after all of this} */
    public int end() {
        return inRing() + ringPages * PAGE;
    }
}
