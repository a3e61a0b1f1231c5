package dev.jvisor.devices.i8042;

/**
 * What the keyboard controller remembers.
 *
 * @param config the configuration byte
 * @param status bits 3, 5 and 6 of the status register
 * @param output byte in the output buffer, -1 for none; bit 8 set when it interrupts
 * @param command controller command that waits for its byte, 0 for none
 * @param outputPort the output port
 * @param keyboard the keyboard
 */
public record I8042State(int config, int status, int output, int command, int outputPort, KeyboardState keyboard) {
    /**
     * What the keyboard remembers.
     *
     * @param set scan code set, 1 or 2
     * @param scanning sends keys
     * @param command command that waits for its argument, 0 for none
     * @param leds lit indicators
     * @param last byte sent last
     * @param replies replies not yet sent
     * @param scans scan codes not yet sent
     */
    public record KeyboardState(int set, boolean scanning, int command, int leds, int last, int[] replies, int[] scans) {
        /** Copies the arrays. */
        public KeyboardState {
            replies = replies.clone();
            scans = scans.clone();
        }

        /** {@return a copy} */
        @Override
        public int[] replies() {
            return replies.clone();
        }

        /** {@return a copy} */
        @Override
        public int[] scans() {
            return scans.clone();
        }
    }
}
