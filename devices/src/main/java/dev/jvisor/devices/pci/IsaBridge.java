package dev.jvisor.devices.pci;

import dev.jvisor.vmm.backend.InterruptController;

/**
 * The PIIX3's ISA bridge, which routes the four PCI interrupt lines PIRQA to PIRQD to ISA interrupt lines, several to one if it is told so.
 * Source: Intel 82371SB (PIIX3) datasheet, 2.2.8.
 */
public final class IsaBridge extends PciFunction {
    /** Number of PCI interrupt lines. */
    static final int LINES = 4;

    private static final PciIdentity IDENTITY = new PciIdentity(0x8086, 0x7000, 0x060100, 0, 0, 0, 0);
    /** A route for each line: the ISA line in bits 0 to 3. */
    private static final int ROUTES = 0x60;
    private static final int NOT_ROUTED = 0x80;
    private static final int ISA_LINE = 0x0F;
    /** ISA lines that can be chosen: 3 to 7, 9 to 12, 14 and 15. */
    private static final int CHOICE = 0xDEF8;

    private final InterruptController interrupts;
    private final Object lock = new Object();
    private int asserted;
    private int driven;

    /** @param interrupts where ISA lines go */
    public IsaBridge(InterruptController interrupts) {
        super(IDENTITY);
        this.interrupts = interrupts;
        defineRoutes();
    }

    private void defineRoutes() {
        define(ROUTES, LINES, 0x80808080, 0x8F8F8F8F);
    }

    /** A PCI interrupt line changes. @param line 0 to 3 */
    void setLine(int line, boolean level) {
        synchronized (lock) {
            asserted = level ? asserted | 1 << line : asserted & ~(1 << line);
            drive();
        }
    }

    private void drive() {
        int wanted = 0;
        for (int i = 0; i < LINES; i++) {
            int route = configValue(ROUTES + i, 1);
            if ((asserted & 1 << i) != 0 && (route & NOT_ROUTED) == 0) {
                wanted |= 1 << (route & ISA_LINE) & CHOICE;
            }
        }
        int change = wanted ^ driven;
        driven = wanted;
        for (int isa = 0; change != 0; isa++, change >>>= 1) {
            if ((change & 1) != 0) {
                interrupts.setLine(isa, (wanted & 1 << isa) != 0);
            }
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        synchronized (lock) {
            drive();
        }
    }

    @Override
    protected void deviceReset() {
        defineRoutes();
        configWritten(ROUTES, LINES);
    }
}
