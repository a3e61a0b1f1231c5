package dev.jvisor.devices.scsi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

/** Sends commands to a target and looks at what comes back. The data buffer is scattered over memory backwards, page by page. */
final class ScsiInitiator {
    static final int PAGE = 4096;
    private static final int PAGES = 64;
    final MemorySegment memory = Arena.ofAuto().allocate((long) PAGE * PAGES);
    private final ScsiTarget target;
    private final Runnable disk;
    private int completed;
    final ScsiRequest request = new ScsiRequest(memory, PAGES, r -> completed++);

    ScsiInitiator(ScsiTarget target, Runnable disk) {
        this.target = target;
        this.disk = disk;
    }

    private static long pageAt(int index) {
        return (long) PAGE * (PAGES - 1 - index);
    }

    /** Sends a command of hexadecimal bytes; {@code data} bytes of buffer. */
    ScsiInitiator send(int lun, ScsiRequest.Direction direction, int data, String cdb) {
        return send(lun, direction, data, HexFormat.of().parseHex(cdb.replace(" ", "")));
    }

    ScsiInitiator send(int lun, ScsiRequest.Direction direction, int data, byte[] cdb) {
        request.begin(direction);
        System.arraycopy(cdb, 0, request.cdb(), 0, cdb.length);
        for (int done = 0; done < data; done += PAGE) {
            if (!request.addData(pageAt(done / PAGE), Math.min(PAGE, data - done))) {
                throw new AssertionError("too much data");
            }
        }
        completed = 0;
        target.execute(lun, request);
        disk.run();
        if (completed != 1) {
            throw new AssertionError("completed " + completed + " times");
        }
        return this;
    }

    ScsiInitiator none(String cdb) {
        return send(0, ScsiRequest.Direction.NONE, 0, cdb);
    }

    ScsiInitiator in(int data, String cdb) {
        return send(0, ScsiRequest.Direction.IN, data, cdb);
    }

    ScsiInitiator out(byte[] data, String cdb) {
        put(data);
        return send(0, ScsiRequest.Direction.OUT, data.length, cdb);
    }

    void put(byte[] data) {
        for (int i = 0; i < data.length; i++) {
            memory.set(ValueLayout.JAVA_BYTE, pageAt(i / PAGE) + i % PAGE, data[i]);
        }
    }

    byte[] data() {
        byte[] all = new byte[request.transferred()];
        for (int i = 0; i < all.length; i++) {
            all[i] = memory.get(ValueLayout.JAVA_BYTE, pageAt(i / PAGE) + i % PAGE);
        }
        return all;
    }

    String hex() {
        return HexFormat.of().formatHex(data());
    }

    /** {@return "good", or the sense code as KKAAQQ} */
    String result() {
        return request.status() == ScsiStatus.GOOD ? "good" : request.status() == ScsiStatus.CHECK_CONDITION
                ? "%06x".formatted(request.sense()) : "status " + request.status();
    }
}
