package dev.jvisor.devices.scsi;

import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** A disk in memory that completes requests when the test says so. */
final class MemoryDisk implements VirtualDisk {
    final MemorySegment content;
    final List<String> log = new ArrayList<>();
    private final ArrayDeque<DiskRequest> queue = new ArrayDeque<>();
    private final int sector;
    private final int physical;
    boolean readOnly;
    boolean closed;
    DiskStatus failWith;

    MemoryDisk(long bytes, int sector, int physical) {
        content = Arena.ofAuto().allocate(bytes);
        this.sector = sector;
        this.physical = physical;
    }

    /** Completes what is queued, and what that brings. */
    int run() {
        int n = 0;
        while (!queue.isEmpty()) {
            DiskRequest r = queue.poll();
            n++;
            r.complete(perform(r));
        }
        return n;
    }

    private DiskStatus perform(DiskRequest r) {
        log.add(r.op() + " " + r.offset() + "+" + r.length() + (r.fua() ? " fua" : ""));
        if (failWith != null) {
            return failWith;
        }
        long at = r.offset();
        long left = r.length();
        switch (r.op()) {
            case READ, WRITE -> {
                for (int i = 0; i < r.pieces(); i++) {
                    int n = r.pieceLength(i);
                    if (r.op() == DiskRequest.Op.READ) {
                        MemorySegment.copy(content, at, r.memory(), r.pieceOffset(i), n);
                    } else {
                        MemorySegment.copy(r.memory(), r.pieceOffset(i), content, at, n);
                    }
                    at += n;
                    left -= n;
                }
                if (left != 0) {
                    throw new AssertionError("pieces do not cover the length: left=" + left);
                }
            }
            case UNMAP, WRITE_ZEROES -> content.asSlice(at, left).fill((byte) 0);
            case FLUSH -> { }
        }
        return DiskStatus.OK;
    }

    byte at(long offset) {
        return content.get(ValueLayout.JAVA_BYTE, offset);
    }

    @Override
    public long byteSize() {
        return content.byteSize();
    }

    @Override
    public int logicalSectorSize() {
        return sector;
    }

    @Override
    public int physicalSectorSize() {
        return physical;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public UUID id() {
        return UUID.fromString("6b1f54a0-0d8c-4b3e-9a54-0123456789ab");
    }

    @Override
    public boolean supportsUnmap() {
        return true;
    }

    @Override
    public void submit(DiskRequest request) {
        if (closed) {
            throw new IllegalStateException("closed");
        }
        request.start();
        queue.add(request);
    }

    @Override
    public void close() {
        closed = true;
    }
}
