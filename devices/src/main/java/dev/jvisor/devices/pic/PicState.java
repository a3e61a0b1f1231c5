package dev.jvisor.devices.pic;

/**
 * What the pair of controllers remembers.
 *
 * @param master lines 0 to 7
 * @param slave lines 8 to 15
 */
public record PicState(Chip master, Chip slave) {
    /**
     * One chip; bit n of a set is line n.
     *
     * @param irr requests
     * @param isr in service
     * @param imr masked
     * @param levels what the devices drive
     * @param elcr level-triggered lines
     * @param vectorBase ICW2
     * @param first line with the highest priority
     * @param expectedIcw initialization word expected next, 0 for none
     * @param needsIcw4 ICW1 announced ICW4
     * @param single ICW1 said there is no cascade
     * @param levelMode ICW1 asked for level triggering of all lines
     * @param autoEoi automatic end of interrupt
     * @param rotateOnAutoEoi rotation in automatic end of interrupt
     * @param fullyNested special fully nested mode
     * @param specialMask special mask mode
     * @param readIsr command port reads ISR, else IRR
     * @param poll next read is a poll
     */
    public record Chip(int irr, int isr, int imr, int levels, int elcr, int vectorBase, int first, int expectedIcw, boolean needsIcw4,
                       boolean single, boolean levelMode, boolean autoEoi, boolean rotateOnAutoEoi, boolean fullyNested,
                       boolean specialMask, boolean readIsr, boolean poll) {
        /** All clear. */
        static final Chip POWER_ON = new Chip(0, 0, 0, 0, 0, 0, 0, 0, false, false, false, false, false, false, false, false, false);

        /** Brings values from outside into the chip's ranges. */
        public Chip {
            irr &= 0xFF;
            isr &= 0xFF;
            imr &= 0xFF;
            levels &= 0xFF;
            elcr &= 0xFF;
            vectorBase &= 0xF8;
            first &= 7;
        }
    }
}
