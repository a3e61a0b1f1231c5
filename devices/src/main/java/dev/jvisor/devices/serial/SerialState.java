package dev.jvisor.devices.serial;

/**
 * What a serial port remembers. The backend's own input stays with the backend.
 *
 * @param divisor baud rate divisor
 * @param ier interrupt enable register
 * @param fcr FIFO control register, clear bits removed
 * @param lcr line control register
 * @param mcr modem control register
 * @param lsr latched errors of the line status register
 * @param msr modem status register
 * @param scr scratch register
 * @param thrInterrupt a THRE interrupt is pending
 * @param timeout a character time-out is pending
 * @param received bytes in the receive FIFO, oldest first
 * @param returned bytes taken back from the FIFO, delivered before new input, oldest first
 */
public record SerialState(int divisor, int ier, int fcr, int lcr, int mcr, int lsr, int msr, int scr, boolean thrInterrupt,
                          boolean timeout, byte[] received, byte[] returned) {
    /** Copies the bytes. */
    public SerialState {
        if (received.length > SerialRegisters.FIFO || returned.length > SerialRegisters.FIFO) {
            throw new IllegalArgumentException("more than a FIFO: received=" + received.length + ", returned=" + returned.length);
        }
        received = received.clone();
        returned = returned.clone();
    }

    /** {@return a copy of the bytes in the FIFO} */
    @Override
    public byte[] received() {
        return received.clone();
    }

    /** {@return a copy of the bytes taken back} */
    @Override
    public byte[] returned() {
        return returned.clone();
    }
}
