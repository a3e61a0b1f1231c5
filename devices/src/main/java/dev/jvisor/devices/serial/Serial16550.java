package dev.jvisor.devices.serial;

import static dev.jvisor.devices.serial.SerialRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;

/**
 * A 16550A serial port.
 *
 * <p>Output leaves at once: the transmitter is empty whenever the backend has room; a guest that sends regardless is made to wait. Input arrives no faster than a line at 115200 baud would
 * bring it, so that a guest's own buffers keep up as they do on hardware. Slower rates that the guest programs are not held to.
 *
 * <p>Host input is never lost to a driver's set-up: bytes enter the FIFO only while the guest listens, that is with receive interrupts
 * enabled, or when it polls LSR without transmitting; and what lies in the FIFO when the guest resets or reprograms the port is taken back
 * and delivered again later.
 *
 * <p>Thread-safe. Calls the interrupt controller and the backend with its own lock held.
 */
public final class Serial16550 implements PortDevice, SerialBackend.Listener {
    /** LSR reads that follow another LSR read before the port counts as polled for input. A transmitter needs one read a byte. */
    private static final int POLLS_TO_LISTEN = 3;
    private static final int[] TRIGGER = {1, 4, 8, 14};
    private static final long NS_PER_SECOND = 1_000_000_000L;
    /** Longest character time that is kept: slow rates are a driver's habit, not a wish. 10 bits at 115200 baud. */
    private static final long MAX_CHAR_NS = 10 * NS_PER_SECOND / BASE_BAUD;
    /** Shortest, for odd divisors. */
    private static final long MIN_CHAR_NS = 10_000;

    private final int base;
    private final int irq;
    private final InterruptController interrupts;
    private final SerialBackend backend;
    private final Timers timers;
    private final Timer timeoutTimer;
    private final Timer paceTimer;

    private int divisor;
    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int lsrErrors;
    private int msr;
    private int scr;
    private boolean thrInterrupt;
    private boolean timeout;
    private final ByteFifo received = new ByteFifo(FIFO);
    private final ByteFifo returned = new ByteFifo(FIFO);

    private boolean polled;
    private int polls;
    private boolean lastWasLsr;
    private boolean rtsUsed;
    private boolean lineLevel;
    private long nextInputNs;

    /**
     * Makes a port and attaches the backend to it.
     *
     * @param base first of the eight ports, for example 3F8h
     * @param irq interrupt line, for example 4
     * @param timers the partition's time
     * @param interrupts where the line goes
     * @param backend the far end
     */
    public Serial16550(int base, int irq, Timers timers, InterruptController interrupts, SerialBackend backend) {
        this.base = base;
        this.irq = irq;
        this.timers = timers;
        this.interrupts = interrupts;
        this.backend = backend;
        this.timeoutTimer = timers.create("serial-timeout-" + Integer.toHexString(base), this::timeoutFired);
        this.paceTimer = timers.create("serial-pace-" + Integer.toHexString(base), this::inputReady);
        powerOn();
        backend.attach(this);
    }

    /** {@return the first of its eight ports} */
    public int base() {
        return base;
    }

    private void powerOn() {
        divisor = 12; // 9600 baud, what a BIOS leaves behind
        ier = 0;
        fcr = 0;
        lcr = LCR_WORD;
        mcr = 0;
        lsrErrors = 0;
        msr = MSR_CTS | MSR_DSR | MSR_DCD;
        scr = 0;
        thrInterrupt = false;
        timeout = false;
        rtsUsed = false;
        stopPolling();
    }

    /** Power-on reset; input that waits stays. */
    public synchronized void reset() {
        takeBack();
        powerOn();
        update();
    }

    // --- receiving ---------------------------------------------------------------------------------------------------------------

    @Override
    public synchronized void inputReady() {
        fill();
        update();
    }

    private boolean loopback() {
        return (mcr & MCR_LOOP) != 0;
    }

    private boolean listening() {
        return !loopback() && ((ier & IER_RDI) != 0 || polled) && (!rtsUsed || (mcr & MCR_RTS) != 0);
    }

    private int capacity() {
        return (fcr & FCR_ENABLE) != 0 ? FIFO : 1;
    }

    private int trigger() {
        return (fcr & FCR_ENABLE) != 0 ? TRIGGER[fcr >>> 6] : 1;
    }

    private long charNs() {
        int bits = 1 + 5 + (lcr & LCR_WORD) + ((lcr & LCR_PARITY) != 0 ? 1 : 0) + ((lcr & LCR_STOP) != 0 ? 2 : 1);
        return Math.clamp(bits * NS_PER_SECOND * Math.max(divisor, 1) / BASE_BAUD, MIN_CHAR_NS, MAX_CHAR_NS);
    }

    /** Moves input into the FIFO as far as there is room and the line's rate allows. */
    private void fill() {
        if (!listening() || received.size() >= capacity()) {
            return;
        }
        long now = timers.nowNs();
        if (now < nextInputNs) {
            paceTimer.arm(nextInputNs);
            return;
        }
        int added = 0;
        while (received.size() < capacity()) {
            int b = returned.isEmpty() ? backend.read() : returned.take();
            if (b < 0) {
                break;
            }
            received.add(b);
            added++;
        }
        if (added > 0) {
            nextInputNs = now + added * charNs();
            if (!timeout) {
                restartTimeout();
            }
        }
    }

    private void restartTimeout() {
        timeout = false;
        if (!received.isEmpty() && (fcr & FCR_ENABLE) != 0 && received.size() < trigger()) {
            timeoutTimer.arm(timers.nowNs() + 4 * charNs());
        } else {
            timeoutTimer.disarm();
        }
    }

    private synchronized void timeoutFired() {
        if (!received.isEmpty() && (fcr & FCR_ENABLE) != 0) {
            timeout = true;
            update();
        }
    }

    /** Empties the FIFO without losing host input; what came through the loopback is dropped. */
    private void takeBack() {
        if (!loopback()) {
            // What was taken back before is younger than the FIFO's bytes; together they never exceed one FIFO, as the FIFO fills from there first.
            byte[] older = received.toArray();
            byte[] younger = returned.toArray();
            returned.clear();
            returned.add(older, 0, older.length);
            returned.add(younger, 0, younger.length);
        }
        received.clear();
        restartTimeout();
    }

    private void stopPolling() {
        polled = false;
        polls = 0;
        lastWasLsr = false;
    }

    private void notePoll() {
        if (lastWasLsr && ++polls >= POLLS_TO_LISTEN) {
            polled = true;
        }
        lastWasLsr = true;
        if (polled) {
            fill();
        }
    }

    // --- transmitting ------------------------------------------------------------------------------------------------------------

    @Override
    public synchronized void outputReady() {
        thrInterrupt = true;
        update();
    }

    private boolean transmitterEmpty() {
        return loopback() || backend.writable();
    }

    private void transmit(int value) {
        thrInterrupt = false;
        if (loopback()) {
            if (received.size() < capacity()) {
                received.add(value);
                restartTimeout();
            } else {
                lsrErrors |= LSR_OE;
            }
        } else {
            backend.write(value);
        }
        if (transmitterEmpty()) {
            thrInterrupt = true;
        }
    }

    // --- interrupts --------------------------------------------------------------------------------------------------------------

    private int interruptId() {
        if ((ier & IER_RLSI) != 0 && lsrErrors != 0) {
            return IIR_RLSI;
        }
        if ((ier & IER_RDI) != 0) {
            if (received.size() >= trigger()) {
                return IIR_RDI;
            }
            if (timeout) {
                return IIR_TIMEOUT;
            }
        }
        if ((ier & IER_THRI) != 0 && thrInterrupt) {
            return IIR_THRI;
        }
        if ((ier & IER_MSI) != 0 && (msr & (MSR_DCTS | MSR_DDSR | MSR_TERI | MSR_DDCD)) != 0) {
            return IIR_MSI;
        }
        return IIR_NO_INT;
    }

    private void update() {
        boolean level = interruptId() != IIR_NO_INT;
        if (level != lineLevel) {
            lineLevel = level;
            interrupts.setLine(irq, level);
        }
    }

    private void writeMcr(int value) {
        if (((value ^ mcr) & MCR_LOOP) != 0) {
            takeBack(); // host bytes entering the loop, the loop's own leaving it
        }
        mcr = value & 0x1F;
        if ((mcr & MCR_RTS) != 0 && !loopback()) {
            rtsUsed = true;
        }
        int lines = MSR_CTS | MSR_DSR | MSR_DCD;
        if (loopback()) {
            lines = ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0) | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0) | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
                    | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
        }
        int changed = (lines ^ msr) & 0xF0;
        int deltas = changed >>> 4;
        if ((lines & MSR_RI) != 0) {
            deltas &= ~MSR_TERI; // only the trailing edge of RI counts
        }
        msr = lines | msr & 0x0F | deltas;
    }

    // --- registers ---------------------------------------------------------------------------------------------------------------

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        int register = port - base;
        int value = switch (register) {
            case RBR -> {
                if ((lcr & LCR_DLAB) != 0) {
                    yield divisor & 0xFF;
                }
                int b = received.isEmpty() ? 0 : received.take();
                restartTimeout();
                fill();
                yield b;
            }
            case IER -> (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
            case IIR -> {
                int id = interruptId();
                if (id == IIR_THRI) {
                    thrInterrupt = false;
                }
                yield id | ((fcr & FCR_ENABLE) != 0 ? IIR_FIFO : 0);
            }
            case LCR -> lcr;
            case MCR -> mcr;
            case LSR -> {
                notePoll();
                int lsr = lsrErrors | (received.isEmpty() ? 0 : LSR_DR) | (transmitterEmpty() ? LSR_THRE | LSR_TEMT : 0);
                lsrErrors = 0;
                yield lsr;
            }
            case MSR -> {
                int status = msr;
                msr &= 0xF0;
                yield status;
            }
            case SCR -> scr;
            default -> 0xFF;
        };
        // Who polls may look at the modem lines each time, too: UEFI firmware does.
        if (register != LSR && register != MCR && register != MSR) {
            lastWasLsr = false;
        }
        update();
        return value;
    }

    private synchronized boolean sends(int register) {
        return register == RBR && (lcr & LCR_DLAB) == 0 && !loopback();
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        int register = port - base;
        if (sends(register)) {
            backend.awaitWritable(); // a guest that does not look at THRE waits here, without the lock that timers need
        }
        write(register, value);
    }

    private synchronized void write(int register, int value) {
        int v = value & 0xFF;
        boolean dlab = (lcr & LCR_DLAB) != 0;
        lastWasLsr = false;
        switch (register) {
            case RBR -> {
                if (dlab) {
                    divisor = divisor & 0xFF00 | v;
                } else {
                    transmit(v);
                }
            }
            case IER -> {
                if (dlab) {
                    divisor = divisor & 0xFF | v << 8;
                } else {
                    writeIer(v & 0x0F);
                }
            }
            case IIR -> writeFcr(v);
            case LCR -> {
                setUp();
                lcr = v;
            }
            case MCR -> {
                writeMcr(v);
                fill();
            }
            case SCR -> scr = v;
            default -> { } // LSR and MSR are read-only
        }
        update();
    }

    /** The driver sets the port up: whoever polled does so no more, and bytes it would throw away are taken back. */
    private void setUp() {
        stopPolling();
        if ((ier & IER_RDI) == 0) {
            takeBack();
        }
    }

    private void writeIer(int value) {
        boolean thriRises = (value & ~ier & IER_THRI) != 0;
        ier = value;
        if (thriRises && transmitterEmpty()) {
            thrInterrupt = true; // enabling it with an empty transmitter interrupts: drivers start sending that way, and test for it
        }
        setUp();
        fill();
    }

    private void writeFcr(int value) {
        boolean toggled = ((value ^ fcr) & FCR_ENABLE) != 0;
        fcr = (value & FCR_ENABLE) != 0 ? value & ~(FCR_CLEAR_RX | FCR_CLEAR_TX) : 0;
        stopPolling();
        if (toggled || (value & FCR_CLEAR_RX) != 0) {
            takeBack();
        }
        if (toggled || (value & FCR_CLEAR_TX) != 0) {
            thrInterrupt |= transmitterEmpty() && (ier & IER_THRI) != 0;
        }
        restartTimeout();
        fill();
    }

    // --- state -------------------------------------------------------------------------------------------------------------------

    /** {@return what the port remembers} */
    public synchronized SerialState save() {
        return new SerialState(divisor, ier, fcr, lcr, mcr, lsrErrors, msr, scr, thrInterrupt, timeout, received.toArray(),
                returned.toArray());
    }

    /** Replaces what the port remembers. */
    public synchronized void restore(SerialState s) {
        divisor = s.divisor() & 0xFFFF;
        ier = s.ier() & 0x0F;
        fcr = s.fcr() & 0xFF;
        lcr = s.lcr() & 0xFF;
        mcr = s.mcr() & 0x1F;
        lsrErrors = s.lsr() & LSR_ERRORS;
        msr = s.msr() & 0xFF;
        scr = s.scr() & 0xFF;
        thrInterrupt = s.thrInterrupt();
        received.clear();
        received.add(s.received(), 0, s.received().length);
        returned.clear();
        returned.add(s.returned(), 0, s.returned().length);
        rtsUsed = (mcr & MCR_RTS) != 0;
        stopPolling();
        restartTimeout();
        timeout = s.timeout() && !received.isEmpty();
        fill();
        update();
    }
}
