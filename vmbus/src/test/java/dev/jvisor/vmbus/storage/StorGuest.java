package dev.jvisor.vmbus.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmbus.guest.GuestMemory;
import dev.jvisor.vmbus.guest.GuestRing;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Random;

/**
 * One channel of a storage VSP as storvsc sees it, written from Linux's storvsc_drv.c: offsets are numbers here on purpose. Commands are
 * sent and their answers waited for; the channel's thread is the test's.
 */
final class StorGuest {
    private static final long PATIENCE_MS = 10_000;
    final GuestMemory memory;
    final GuestRing out;
    final GuestRing in;
    private final StorQueue queue;
    private final RingReader reader;
    private final long[] pfns;
    private final Object wakes = new Object();
    private boolean wake;
    int signals;
    private long nextId = 1;

    /** An answer. */
    record Answer(long id, byte[] bytes) {
        private ByteBuffer b() {
            return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        int operation() {
            return b().getInt(0);
        }

        int status() {
            return b().getInt(8);
        }

        int srbStatus() {
            return bytes[14] & 0xFF;
        }

        int scsiStatus() {
            return bytes[15] & 0xFF;
        }

        int senseLength() {
            return bytes[21] & 0xFF;
        }

        int transferred() {
            return b().getInt(24);
        }

        int u16(int at) {
            return b().getShort(at) & 0xFFFF;
        }

        int u32(int at) {
            return b().getInt(at);
        }

        /** "key/asc/ascq" of the sense data. */
        String sense() {
            return "%x/%02x/%02x".formatted(bytes[30] & 0xF, bytes[40], bytes[41]);
        }
    }

    /** Opens a channel with rings of so many pages each. */
    StorGuest(GuestMemory memory, StorQueue queue, int ringPages) {
        this.memory = memory;
        this.queue = queue;
        pfns = memory.take(2 * ringPages);
        out = new GuestRing(memory.gpa(), pfns, 0, ringPages);
        in = new GuestRing(memory.gpa(), pfns, ringPages, ringPages);
        out.initialize();
        in.initialize();
        GuestPages pages = GuestPages.of(memory.gpa(), pfns, pfns.length);
        RingReader reader = new RingReader(pages.slice(0, ringPages));
        RingWriter writer = new RingWriter(pages.slice(ringPages, ringPages));
        this.reader = reader;
        queue.open(new StorLine() {
            @Override
            public GpaSpace gpa() {
                return memory.gpa();
            }

            @Override
            public int read(IncomingPacket packet) {
                return reader.read(packet);
            }

            @Override
            public int send(int type, long transactionId, MemorySegment payload, int length) {
                return writer.write(type, 0, transactionId, payload, 0, length);
            }

            @Override
            public void flush() {
                if (writer.publish()) {
                    signals++;
                }
            }

            @Override
            public void wake() {
                synchronized (wakes) {
                    wake = true;
                }
            }
        });
    }

    /** What the channel's thread does when it is signalled. */
    void signal() {
        boolean again;
        do {
            reader.mask();
            boolean drained = queue.signalled();
            reader.release();
            again = drained && reader.unmask();
        } while (again);
    }

    void close() {
        queue.closed();
        memory.give(pfns);
    }

    private boolean woken() {
        synchronized (wakes) {
            boolean w = wake;
            wake = false;
            return w;
        }
    }

    /** The next packet in the ring, of any kind; waits for it. */
    GuestRing.Packet packet() throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (true) {
            if (woken()) {
                signal();
            }
            GuestRing.Packet p = in.receive();
            if (p != null) {
                if (in.hostWaits()) {
                    signal();
                }
                return p;
            }
            assertTrue(System.currentTimeMillis() < deadline, "no packet came");
            Thread.sleep(1);
        }
    }

    /** The next answer. */
    Answer answer() throws InterruptedException {
        GuestRing.Packet p = packet();
        assertEquals(0xB, p.type());
        assertEquals(64, p.payload().length, "Linux drops shorter answers and cuts longer ones");
        Answer a = new Answer(p.id(), p.payload());
        assertEquals(1, a.operation());
        return a;
    }

    /** Sends a packet without waiting. {@return its transaction id} */
    long post(int type, byte[] header, byte[] payload) {
        long id = nextId++;
        GuestRing.Sent sent = out.send(type, 1, id, header, payload);
        assertTrue(sent != GuestRing.Sent.AGAIN, "no room in the ring");
        if (sent == GuestRing.Sent.SIGNAL) {
            signal();
        }
        return id;
    }

    /** Sends an operation of 64 bytes and waits for its answer. */
    Answer operation(int operation, int... u16At12) throws InterruptedException {
        ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, operation).putInt(4, 1);
        for (int i = 0; i < u16At12.length; i++) {
            b.putShort(12 + 2 * i, (short) u16At12[i]);
        }
        long id = post(6, new byte[0], b.array());
        Answer a = answer();
        assertEquals(id, a.id());
        return a;
    }

    /** The start as Linux does it, with one version. {@return the answer to QUERY PROPERTIES} */
    Answer start(int version) throws InterruptedException {
        assertEquals(0, operation(7).status());
        assertEquals(0, operation(9, version).status());
        Answer properties = operation(10);
        assertEquals(0, properties.status());
        assertEquals(0, operation(8).status());
        return properties;
    }

    /** An SRB packet. @param direction 0 write, 1 read, 2 none */
    static ByteBuffer srb(int lun, int direction, int transfer, String cdb) {
        byte[] c = HexFormat.of().parseHex(cdb.replace(" ", ""));
        ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, 3).putInt(4, 1).putShort(12, (short) 0x34).put(19, (byte) lun).put(20, (byte) c.length).put(21, (byte) 20);
        b.put(22, (byte) direction).putInt(24, transfer).put(28, c).putInt(56, 60);
        return b;
    }

    /** The header of a GPA-direct packet with one range. */
    static byte[] range(int offset, int bytes, long... pfns) {
        ByteBuffer b = ByteBuffer.allocate(16 + 8 * pfns.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(4, 1).putInt(8, bytes).putInt(12, offset);
        for (int i = 0; i < pfns.length; i++) {
            b.putLong(16 + 8 * i, pfns[i]);
        }
        return b.array();
    }

    /** Sends a command without data and waits. */
    Answer none(String cdb) throws InterruptedException {
        long id = post(6, new byte[0], srb(0, 2, 0, cdb).array());
        Answer a = answer();
        assertEquals(id, a.id());
        return a;
    }

    /** Sends a command with a data buffer that starts in the middle of a page, and waits. {@return the answer} */
    Answer data(int lun, int direction, byte[] data, String cdb) throws InterruptedException {
        return data(lun, direction, data, 1234, cdb);
    }

    Answer data(int lun, int direction, byte[] data, int offset, String cdb) throws InterruptedException {
        long[] pfns = memory.take((offset + data.length + 4095) / 4096);
        for (int i = 0; direction == 0 && i < data.length; i++) {
            set(pfns, offset + i, data[i]);
        }
        long id = post(9, range(offset, data.length, pfns), srb(lun, direction, data.length, cdb).array());
        Answer a = answer();
        assertEquals(id, a.id());
        for (int i = 0; direction == 1 && i < data.length; i++) {
            data[i] = get(pfns, offset + i);
        }
        memory.give(pfns);
        return a;
    }

    void set(long[] pfns, int at, byte value) {
        memory.gpa().host().set(ValueLayout.JAVA_BYTE, memory.gpa().hostOffset((pfns[at / 4096] << 12) + at % 4096), value);
    }

    byte get(long[] pfns, int at) {
        return memory.gpa().host().get(ValueLayout.JAVA_BYTE, memory.gpa().hostOffset((pfns[at / 4096] << 12) + at % 4096));
    }

    static byte[] random(int bytes, long seed) {
        byte[] b = new byte[bytes];
        new Random(seed).nextBytes(b);
        return b;
    }
}
