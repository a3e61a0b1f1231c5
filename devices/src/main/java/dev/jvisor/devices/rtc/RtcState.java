package dev.jvisor.devices.rtc;

/**
 * What the clock remembers.
 *
 * @param index register selected
 * @param cmos the 128 bytes
 * @param offsetNs how far the clock is ahead of the wall clock
 * @param lastSecond second up to which flags have been raised
 * @param lastPeriod periodic tick up to which the flag has been raised
 */
public record RtcState(int index, byte[] cmos, long offsetNs, long lastSecond, long lastPeriod) {
    /** Copies the bytes. */
    public RtcState {
        if (cmos.length != RtcRegisters.SIZE) {
            throw new IllegalArgumentException("CMOS has 128 bytes: length=" + cmos.length);
        }
        cmos = cmos.clone();
    }

    /** {@return a copy of the 128 bytes} */
    @Override
    public byte[] cmos() {
        return cmos.clone();
    }
}
