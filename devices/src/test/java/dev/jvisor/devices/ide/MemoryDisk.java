package dev.jvisor.devices.ide;

import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/** A disk of bytes in the heap, served by a thread of its own that can be held up. */
final class MemoryDisk implements VirtualDisk {
    final byte[] bytes;
    final List<String> log = new ArrayList<>();
    volatile DiskStatus failWith = DiskStatus.OK;
    private final int sector;
    private final Semaphore gate = new Semaphore(1);
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());

    MemoryDisk(int size, int sector) {
        bytes = new byte[size];
        this.sector = sector;
    }

    /** Requests wait from now on. */
    void hold() {
        gate.acquireUninterruptibly();
    }

    void letGo() {
        gate.release();
    }

    @Override
    public long byteSize() {
        return bytes.length;
    }

    @Override
    public int logicalSectorSize() {
        return sector;
    }

    @Override
    public int physicalSectorSize() {
        return 4096;
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public UUID id() {
        return new UUID(0x0123456789ABCDEFL, 42);
    }

    @Override
    public boolean supportsUnmap() {
        return true;
    }

    @Override
    public void submit(DiskRequest r) {
        if (thread.isShutdown()) {
            throw new IllegalStateException("closed");
        }
        r.start();
        thread.execute(() -> {
            gate.acquireUninterruptibly();
            gate.release();
            r.complete(perform(r));
        });
    }

    private synchronized DiskStatus perform(DiskRequest r) {
        log.add(r.op() + " " + r.offset() / sector + "+" + r.length() / sector + (r.fua() ? " fua" : ""));
        if (failWith != DiskStatus.OK) {
            return failWith;
        }
        if (r.offset() < 0 || r.length() < 0 || r.offset() + r.length() > bytes.length) {
            return DiskStatus.OUT_OF_RANGE;
        }
        int at = (int) r.offset();
        int left = (int) r.length();
        if (r.op() == Op.UNMAP) {
            java.util.Arrays.fill(bytes, at, at + left, (byte) 0);
        }
        for (int i = 0; i < r.pieces() && left > 0; i++) {
            int n = Math.min(left, r.pieceLength(i));
            if (r.op() == Op.READ) {
                MemorySegment.copy(bytes, at, r.memory(), ValueLayout.JAVA_BYTE, r.pieceOffset(i), n);
            } else if (r.op() == Op.WRITE) {
                MemorySegment.copy(r.memory(), ValueLayout.JAVA_BYTE, r.pieceOffset(i), bytes, at, n);
            }
            at += n;
            left -= n;
        }
        return left > 0 && (r.op() == Op.READ || r.op() == Op.WRITE) ? DiskStatus.OUT_OF_RANGE : DiskStatus.OK;
    }

    synchronized List<String> takeLog() {
        List<String> all = List.copyOf(log);
        log.clear();
        return all;
    }

    @Override
    public void close() {
        thread.shutdown();
    }
}
