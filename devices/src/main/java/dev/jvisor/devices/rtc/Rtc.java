package dev.jvisor.devices.rtc;

import static dev.jvisor.devices.rtc.RtcRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;
import java.time.Instant;
import java.time.InstantSource;

/**
 * The MC146818 at 70h and 71h: time of day, alarm, periodic and update-ended interrupts on line 8, and 128 bytes of CMOS. The time is the
 * wall clock's plus what the guest has set it ahead. Flags are worked out when somebody looks; a timer runs only while an interrupt is enabled.
 *
 * <p>Thread-safe. Calls the interrupt controller with its own lock held.
 */
public final class Rtc implements PortDevice {
    private static final int IRQ = 8;
    private static final long NS_PER_SECOND = 1_000_000_000L;
    /** Hertz of the oscillator behind the periodic interrupt. */
    private static final long OSCILLATOR = 32_768;
    /** Shortest time between two interrupts that the host serves. */
    private static final long MIN_INTERVAL_NS = 100_000;

    private final Timers timers;
    private final InterruptController interrupts;
    private final InstantSource wallClock;
    private final Timer timer;

    private final byte[] cmos = new byte[SIZE];
    private int index;
    private long offsetNs;
    private long lastSecond;
    private long lastPeriod;
    private Runnable alarm = () -> { };
    /** The alarm has gone off and its listener is to be told. */
    private boolean rang;

    /**
     * Makes a clock that shows the wall clock's UTC.
     *
     * @param timers the partition's time
     * @param interrupts where line 8 goes
     * @param wallClock the time of day
     * @param memoryBytes RAM below 4 GiB, for the CMOS bytes that tell firmware-era software its size
     * @param memoryAbove4G RAM above 4 GiB, in bytes
     */
    public Rtc(Timers timers, InterruptController interrupts, InstantSource wallClock, long memoryBytes, long memoryAbove4G) {
        this.timers = timers;
        this.interrupts = interrupts;
        this.wallClock = wallClock;
        this.timer = timers.create("rtc", this::fire);
        cmos[A] = 0x26; // 32768 Hz, periodic rate 1024 Hz
        cmos[B] = B_24H;
        fillMemorySize(memoryBytes, memoryAbove4G);
        lastSecond = seconds();
        lastPeriod = period();
    }

    /** Says who else hears of the alarm's interrupt; called without the clock's lock. Before the partition starts. */
    public void onAlarm(Runnable listener) {
        alarm = listener;
    }

    private void fillMemorySize(long low, long high) {
        put16(BASE_MEMORY, 640);
        long extendedKib = Math.clamp((low >> 10) - 1024, 0, 0xFFFF);
        put16(EXTENDED_MEMORY, extendedKib);
        put16(EXTENDED_MEMORY_2, extendedKib);
        put16(HIGH_MEMORY, Math.clamp((low >> 16) - 256, 0, 0xFFFF));
        long above = Math.clamp(high >> 16, 0, 0xFFFFFF);
        put16(MEMORY_ABOVE_4G, above & 0xFFFF);
        cmos[MEMORY_ABOVE_4G + 2] = (byte) (above >> 16);
        cmos[0x14] = 0x02; // equipment: coprocessor present, no floppy
        int sum = 0;
        for (int i = 0x10; i <= 0x2D; i++) {
            sum += cmos[i] & 0xFF;
        }
        cmos[CHECKSUM] = (byte) (sum >> 8);
        cmos[CHECKSUM + 1] = (byte) sum;
    }

    private void put16(int at, long value) {
        cmos[at] = (byte) value;
        cmos[at + 1] = (byte) (value >> 8);
    }

    /** Reset: interrupts off; time and memory stay, as a battery keeps them. */
    public synchronized void reset() {
        cmos[B] &= (byte) ~(B_PIE | B_AIE | B_UIE);
        cmos[C] = 0;
        index = 0;
        update();
    }

    /** {@return the clock's time, nanoseconds since 1970} */
    private long clockNs() {
        Instant now = wallClock.instant();
        return now.getEpochSecond() * NS_PER_SECOND + now.getNano() + offsetNs;
    }

    private long seconds() {
        return Math.floorDiv(clockNs(), NS_PER_SECOND);
    }

    /** {@return log2 of the periodic interrupt's divisor of the oscillator; -1 for none} */
    private int rateShift() {
        int rate = cmos[A] & A_RATE;
        return rate == 0 ? -1 : rate < 3 ? rate + 6 : rate - 1;
    }

    private long periodNs(int shift) {
        return Math.max((1L << shift) * NS_PER_SECOND / OSCILLATOR, MIN_INTERVAL_NS);
    }

    private long period() {
        int shift = rateShift();
        return shift < 0 ? 0 : timers.nowNs() / periodNs(shift);
    }

    private boolean set() {
        return (cmos[B] & B_SET) != 0;
    }

    private boolean divider() {
        return (cmos[A] & 0x70) == 0x20;
    }

    /** Raises the flags of everything that has happened since the last call. */
    private void catchUp() {
        if (!divider()) {
            return;
        }
        int flags = 0;
        long now = seconds();
        if (!set() && now > lastSecond) {
            flags |= C_UF;
            if (RtcCalendar.nextAlarm(lastSecond, cmos) <= now) {
                flags |= C_AF;
                rang |= (cmos[B] & B_AIE) != 0;
            }
        }
        lastSecond = now;
        long tick = period();
        if (tick != lastPeriod && rateShift() >= 0) {
            flags |= C_PF;
        }
        lastPeriod = tick;
        cmos[C] |= (byte) flags;
    }

    private void fire() {
        synchronized (this) {
            catchUp();
            update();
        }
        ring();
    }

    private void ring() {
        boolean now;
        synchronized (this) {
            now = rang;
            rang = false;
        }
        if (now) {
            alarm.run();
        }
    }

    /** Drives line 8 and arms the timer for the next event that may interrupt. */
    private void update() {
        boolean irq = (cmos[C] & cmos[B] & (C_PF | C_AF | C_UF)) != 0;
        cmos[C] = (byte) (irq ? cmos[C] | C_IRQF : cmos[C] & ~C_IRQF);
        interrupts.setLine(IRQ, irq);
        schedule();
    }

    private void schedule() {
        int b = cmos[B];
        int wanted = b & ~cmos[C] & (B_PIE | B_AIE | B_UIE);
        if (!divider() || set()) {
            wanted &= ~(B_AIE | B_UIE);
        }
        if (wanted == 0 || !divider()) {
            timer.disarm();
            return;
        }
        long nowNs = timers.nowNs();
        long waitNs = Long.MAX_VALUE;
        int shift = rateShift();
        if ((wanted & B_PIE) != 0 && shift >= 0) {
            waitNs = (lastPeriod + 1) * periodNs(shift) - nowNs;
        }
        if ((wanted & (B_UIE | B_AIE)) != 0) {
            long second = (wanted & B_UIE) != 0 ? lastSecond + 1 : RtcCalendar.nextAlarm(lastSecond, cmos);
            if (second != RtcCalendar.NEVER) {
                waitNs = Math.min(waitNs, second * NS_PER_SECOND - clockNs());
            }
        }
        if (waitNs == Long.MAX_VALUE) {
            timer.disarm();
        } else {
            timer.arm(nowNs + Math.max(waitNs, MIN_INTERVAL_NS));
        }
    }

    @Override
    public int portRead(int vp, int port, int size) {
        if (port != DATA) {
            return 0xFF; // the index register cannot be read back
        }
        int value;
        synchronized (this) {
            value = readRegister();
        }
        ring();
        return value;
    }

    private int readRegister() {
        switch (index) {
            case SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY -> {
                if (!set()) {
                    RtcCalendar.store(seconds(), cmos);
                }
                return cmos[index] & 0xFF;
            }
            case A -> {
                boolean updating = !set() && divider() && Math.floorMod(clockNs(), NS_PER_SECOND) >= NS_PER_SECOND - UIP_NS;
                return cmos[A] & 0x7F | (updating ? A_UIP : 0);
            }
            case C -> {
                catchUp();
                update();
                int flags = cmos[C] & 0xFF;
                cmos[C] = 0;
                update();
                return flags;
            }
            case D -> {
                return D_VRT;
            }
            default -> {
                return cmos[index] & 0xFF;
            }
        }
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        synchronized (this) {
            if (port == INDEX) {
                index = value & 0x7F; // bit 7 masks NMI, which nothing here raises
            } else if (port == DATA) {
                writeRegister(value & 0xFF);
            }
        }
        ring();
    }

    private void writeRegister(int value) {
        switch (index) {
            case SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY -> {
                if (set()) {
                    cmos[index] = (byte) value;
                } else {
                    RtcCalendar.store(seconds(), cmos);
                    cmos[index] = (byte) value;
                    setTime();
                }
            }
            case A -> {
                catchUp();
                cmos[A] = (byte) (value & 0x7F);
                lastSecond = seconds();
                lastPeriod = period();
                update();
            }
            case B -> writeB(value);
            case C, D -> { } // read-only
            default -> {
                catchUp();
                cmos[index] = (byte) value; // alarm bytes are among these
                update();
            }
        }
    }

    private void writeB(int value) {
        catchUp();
        boolean was = set();
        boolean now = (value & B_SET) != 0;
        if (now && !was) {
            RtcCalendar.store(seconds(), cmos);
        }
        cmos[B] = (byte) (now ? value & ~B_UIE : value);
        if (was && !now) {
            setTime();
        }
        update();
    }

    /** Makes the time registers the time; the fraction of the second runs on. */
    private void setTime() {
        offsetNs += (RtcCalendar.load(cmos) - seconds()) * NS_PER_SECOND;
        lastSecond = seconds();
        update();
    }

    /** {@return what the clock remembers} */
    public synchronized RtcState save() {
        return new RtcState(index, cmos, offsetNs, lastSecond, lastPeriod);
    }

    /** Replaces what the clock remembers; the time of day goes on with the wall clock. */
    public synchronized void restore(RtcState state) {
        index = state.index() & 0x7F;
        System.arraycopy(state.cmos(), 0, cmos, 0, SIZE);
        offsetNs = state.offsetNs();
        lastSecond = state.lastSecond();
        lastPeriod = state.lastPeriod();
        update();
    }
}
