package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.devices.disk.DiskStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * What all drives have: the command block registers with their previous contents, DRQ blocks through the data port, the interrupt, software
 * reset. Subclasses know commands. All under the channel's lock.
 *
 * <pre>
 *            command                    block gone       all data gone
 *   IDLE ----------> DISK (BSY) ---+--> DATA_IN/OUT (DRQ) --> DISK ... --> IDLE
 *                      ^           +--> IDLE
 *                      +-- DMA_WAIT (BSY): until the bus master runs       PACKET (DRQ): a packet drive waits for its packet
 * </pre>
 */
abstract class IdeDrive {
    /** What the drive waits for. */
    enum Phase { IDLE, DISK, DATA_IN, DATA_OUT, DMA_WAIT, PACKET }

    /** Bytes of a drive's buffer: a multiple of all sizes of DRQ blocks of a disk. */
    static final int BUFFER_BYTES = 128 << 10;
    static final int READY = DRDY | DSC;
    static final int TRANSFER_PIO = 0x08;
    static final int TRANSFER_MWDMA = 0x20;
    static final int TRANSFER_UDMA = 0x40;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    // Fixed
    final IdeChannel channel;
    final int index;
    final MemorySegment buffer = Arena.ofAuto().allocate(BUFFER_BYTES, 4096);

    // Registers: content, and the content before in bits 8 to 15
    int features;
    int count;
    int low;
    int mid;
    int high;
    int device;
    int status;
    int error;

    // Settings
    int transferMode;

    // Volatile state
    Phase phase = Phase.IDLE;
    int position;
    int limit;
    int blockEnd;
    private boolean interrupt;
    private boolean inFlight;
    private boolean resetPending;

    IdeDrive(IdeChannel channel, int index) {
        this.channel = channel;
        this.index = index;
    }

    // ---- what subclasses know ----

    /** Begins a command that is not DEVICE RESET for a drive that has none. Registers are as written; the drive is idle. */
    abstract void command(int opcode);

    /** The DRQ block has gone through the data port. */
    abstract void blockDone();

    /** The bus master runs, for a drive that waits for it. */
    abstract void dmaReady();

    /** The request given to {@link #begin} has ended. */
    abstract void diskDone(DiskStatus result);

    /** Whether DEVICE RESET is a command of it. */
    abstract boolean hasDeviceReset();

    /** Forgets what a software reset makes it forget, and the command under way. */
    abstract void forget();

    /** Back to power-on settings, those a software reset leaves included. */
    abstract void defaults();

    /** LBA mid and high after a reset: what kind of drive this is. */
    abstract int signature();

    /** Status after a reset. */
    abstract int resetStatus();

    abstract IdeDriveState save();

    abstract void restore(IdeDriveState state);

    // ---- registers ----

    final int read(int register, boolean previous) {
        int shift = previous ? 8 : 0;
        return switch (register) {
            case ERROR -> error;
            case COUNT -> count >>> shift & 0xFF;
            case LBA_LOW -> low >>> shift & 0xFF;
            case LBA_MID -> mid >>> shift & 0xFF;
            case LBA_HIGH -> high >>> shift & 0xFF;
            case DEVICE -> device | 0xA0;
            default -> 0xFF;
        };
    }

    /** What drive 0 says in place of a drive 1 that is not there; only a disk shows its registers (ATA8-APT 7.2). */
    int readForAbsent(int register, boolean previous) {
        return read(register, previous);
    }

    final void write(int register, int value) {
        if ((status() & BSY) != 0) {
            // The select bit goes to both drives, busy or not.
            if (register == DEVICE && !resetPending) {
                device = device & ~DEVICE_1 | value & DEVICE_1;
            }
            return;
        }
        switch (register) {
            case FEATURES -> features = (features << 8 | value) & 0xFFFF;
            case COUNT -> count = (count << 8 | value) & 0xFFFF;
            case LBA_LOW -> low = (low << 8 | value) & 0xFFFF;
            case LBA_MID -> mid = (mid << 8 | value) & 0xFFFF;
            case LBA_HIGH -> high = (high << 8 | value) & 0xFFFF;
            case DEVICE -> device = value;
            default -> { }
        }
    }

    final int status() {
        return resetPending || channel.inReset() ? BSY : status;
    }

    final boolean busy() {
        return inFlight || resetPending;
    }

    final boolean inFlight() {
        return inFlight;
    }

    // ---- interrupt ----

    final boolean interrupt() {
        return interrupt;
    }

    final void raise() {
        interrupt = true;
        channel.updateLine();
    }

    final void acknowledge() {
        interrupt = false;
        channel.updateLine();
    }

    final void setInterrupt(boolean on) {
        interrupt = on;
    }

    // ---- commands ----

    final void start(int opcode) {
        if (opcode == AtaCommands.DEVICE_RESET && hasDeviceReset()) {
            channel.metrics().commands.increment();
            beginReset();
            return;
        }
        if (busy()) {
            return;
        }
        channel.metrics().commands.increment();
        acknowledge();
        // A command given in the middle of another puts an end to that.
        phase = Phase.IDLE;
        error = 0;
        command(opcode);
    }

    /** Ends a command well. */
    final void finish(boolean withInterrupt) {
        phase = Phase.IDLE;
        status = READY;
        error = 0;
        if (withInterrupt) {
            raise();
        }
    }

    /** Ends a command badly. */
    final void fail(int errorBits, int statusBits) {
        phase = Phase.IDLE;
        status = READY | ERR | statusBits;
        error = errorBits;
        raise();
    }

    final void abort() {
        channel.metrics().rejected.increment();
        fail(ABRT, 0);
    }

    /** Waits for the bus master, and goes on at once if it runs. */
    final void awaitDma() {
        phase = Phase.DMA_WAIT;
        status = BSY | READY;
        channel.dmaReady();
    }

    final boolean awaitsDma() {
        return phase == Phase.DMA_WAIT && !busy();
    }

    /** SET FEATURES 03h. Transfers take what time they take; the mode is only told back. */
    final void setTransferMode(int mode) {
        int most = switch (mode & 0xF8) {
            case 0 -> 1;
            case TRANSFER_PIO -> 4;
            case TRANSFER_MWDMA -> 2;
            case TRANSFER_UDMA -> 5;
            default -> -1;
        };
        if ((mode & 7) > most) {
            abort();
            return;
        }
        if (mode >= TRANSFER_MWDMA) {
            transferMode = mode; // a PIO mode leaves the DMA mode alone
        }
        finish(true);
    }

    // ---- data port ----

    /** Offers, or asks for, the next block of the buffer. */
    final void startBlock(Phase direction, int bytes, boolean withInterrupt) {
        phase = direction;
        blockEnd = position + Math.min(bytes, limit - position);
        status = READY | DRQ;
        channel.metrics().pioBlocks.increment();
        if (withInterrupt) {
            raise();
        }
    }

    final int readData(int size) {
        if (phase != Phase.DATA_IN || status() != status) {
            return -1;
        }
        int at = position;
        int n = Math.min(size, blockEnd - at);
        position = at + n;
        int value;
        if (n == 2) {
            value = buffer.get(LE16, at) & 0xFFFF;
        } else {
            value = 0;
            for (int i = 0; i < n; i++) {
                value |= (buffer.get(BYTE, at + i) & 0xFF) << 8 * i;
            }
        }
        if (position == blockEnd) {
            blockDone();
        }
        return value;
    }

    final void writeData(int size, int value) {
        if (phase != Phase.DATA_OUT && phase != Phase.PACKET || status() != status) {
            return;
        }
        int n = Math.min(size, blockEnd - position);
        if (n == 2) {
            buffer.set(LE16, position, (short) value);
        } else {
            for (int i = 0; i < n; i++) {
                buffer.set(BYTE, position + i, (byte) (value >>> 8 * i));
            }
        }
        position += n;
        if (position == blockEnd) {
            blockDone();
        }
    }

    // ---- requests to the disk ----

    /** A request is about to be given away; the guest sees BSY until {@link IdeChannel#completed}. */
    final void begin() {
        inFlight = true;
        phase = Phase.DISK;
        status = BSY | READY;
    }

    final void requestEnded(DiskStatus result) {
        inFlight = false;
        if (resetPending) {
            resetPending = false;
            becomeReset();
        } else {
            diskDone(result);
        }
    }

    // ---- reset ----

    /** Software reset, DEVICE RESET or diagnostic: at once, or when the request on its way has ended. */
    final void beginReset() {
        interrupt = false;
        phase = Phase.IDLE;
        if (inFlight) {
            resetPending = true;
        } else {
            becomeReset();
        }
        channel.updateLine();
    }

    private void becomeReset() {
        phase = Phase.IDLE;
        position = 0;
        limit = 0;
        blockEnd = 0;
        interrupt = false;
        forget();
        sign();
        device = channel.selected() == 1 ? DEVICE_1 : 0;
        error = DIAGNOSTIC_PASSED;
        status = resetStatus();
    }

    /** Puts the signature into the registers. */
    final void sign() {
        count = 1;
        low = 1;
        mid = signature() & 0xFF;
        high = signature() >>> 8;
    }

    /** Power-on or bus reset; no request is on its way. */
    final void powerOn() {
        defaults();
        features = 0;
        becomeReset();
    }

    // ---- saving ----

    final int[] saveRegisters() {
        return new int[] {features, count, low, mid, high, device, status, error};
    }

    final byte[] saveBuffer() {
        return buffer.asSlice(0, limit).toArray(BYTE);
    }

    /** Restores what every drive has; a position that cannot be makes the drive idle. */
    final void restoreBasics(IdeDriveState s) {
        int[] r = s.registers();
        features = r[0] & 0xFFFF;
        count = r[1] & 0xFFFF;
        low = r[2] & 0xFFFF;
        mid = r[3] & 0xFFFF;
        high = r[4] & 0xFFFF;
        device = r[5] & 0xFF;
        status = r[6] & 0xFF;
        error = r[7] & 0xFF;
        interrupt = s.interrupt();
        resetPending = false;
        limit = Math.min(s.buffer().length, BUFFER_BYTES);
        MemorySegment.copy(s.buffer(), 0, buffer, BYTE, 0, limit);
        position = s.position();
        blockEnd = s.blockEnd();
        phase = Phase.valueOf(s.phase());
        if (phase == Phase.DISK || position < 0 || position > blockEnd || blockEnd > limit
                || position == blockEnd && phase != Phase.IDLE && phase != Phase.DMA_WAIT) {
            phase = Phase.IDLE;
            position = 0;
            blockEnd = 0;
            limit = 0;
            status = READY | ERR;
            error = ABRT;
        }
    }
}
