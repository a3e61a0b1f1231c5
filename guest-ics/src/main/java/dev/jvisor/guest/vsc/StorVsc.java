package dev.jvisor.guest.vsc;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static dev.jvisor.vmbus.protocol.StorVspProtocol.*;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.vmbus.protocol.PacketLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The storage VSC in machine code: the start-up conversation with storvsp, the size of unit 0, and packets for SRBs that are made once and
 * sent again and again with another address. One channel. Registers R12 and R13 belong to {@link ChannelRings}.
 */
public final class StorVsc {
    /** READ(16). */
    public static final int READ_16 = 0x88;
    /** WRITE(16). */
    public static final int WRITE_16 = 0x8A;
    /** SYNCHRONIZE CACHE(10). */
    public static final int SYNCHRONIZE_CACHE_10 = 0x35;

    /** Exit code of a guest whose SRB has failed. */
    public static final int IO_ERROR = 13;

    private static final int SERVICE_ACTION_IN_16 = 0x9E;
    private static final int READ_CAPACITY_16 = 0x10;
    private static final int CAPACITY_BYTES = 32;
    private static final int CDB_LBA = 2;
    private static final int CDB_BLOCKS = 10;
    private static final int PAGE = 4096;
    private static final int PAGE_SHIFT = 12;
    private static final int REVISION_NUMBER = 0;
    /** Transaction id of operations that are no SRBs: their answers have no SRB status. */
    private static final int CONTROL_ID = 0x1000;
    private static final int CAPACITY_ID = 0x1001;

    private record Packet(Label at, byte[] bytes) { }

    private final Assembler a;
    private final ChannelRings rings;
    private final Failure failure;
    private final GuestMemoryMap map;
    private final List<Packet> packets = new ArrayList<>();
    private final Label exchange;
    private final Label blocks;
    private final Label blockShift;

    /** Makes the VSC of an open channel. */
    public StorVsc(Assembler assembler, ChannelRings rings, Failure failure, GuestMemoryMap map) {
        a = assembler;
        this.rings = rings;
        this.failure = failure;
        this.map = map;
        exchange = a.label("storExchange");
        blocks = a.label("storBlocks");
        blockShift = a.label("storBlockShift");
    }

    /** Emits the start (Linux {@code storvsc_channel_init}) and the question for the size of unit 0. */
    public void start() {
        step(OP_BEGIN_INITIALIZATION, b -> { });
        step(OP_QUERY_PROTOCOL_VERSION, b -> {
            b.putShort(VERSION, (short) VERSION_WIN10);
            b.putShort(REVISION, (short) REVISION_NUMBER);
        });
        step(OP_QUERY_PROPERTIES, b -> { });
        step(OP_END_INITIALIZATION, b -> { });
        ask(dataPacket(SERVICE_ACTION_IN_16, DATA_IN, map.scratchPage(), CAPACITY_BYTES, CAPACITY_ID, cdb -> {
            cdb.put(1, (byte) READ_CAPACITY_16);
            cdb.order(ByteOrder.BIG_ENDIAN).putInt(CDB_BLOCKS, CAPACITY_BYTES);
        }));
        a.mov(RAX, mem((long) map.scratchPage()));
        a.bswap(RAX);
        a.inc(RAX);
        a.mov(mem(blocks), RAX);
        a.mov(EAX, mem((long) map.scratchPage() + 8));
        a.bswap(EAX);
        a.bsf(EAX, EAX);
        a.mov(mem(blockShift), RAX);
    }

    /** {@return a variable: number of logical blocks of unit 0, 8 bytes} */
    public Label blocks() {
        return blocks;
    }

    /** {@return a variable: logarithm to base 2 of the bytes of a logical block, 8 bytes} */
    public Label blockShift() {
        return blockShift;
    }

    private void step(int operation, java.util.function.Consumer<ByteBuffer> fields) {
        ByteBuffer payload = ByteBuffer.allocate(PACKET_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        payload.putInt(OPERATION, operation).putInt(FLAGS, FLAG_COMPLETION_REQUESTED);
        fields.accept(payload);
        ask(packet(PacketLayout.TYPE_INBAND, CONTROL_ID, new byte[0], payload.array()));
    }

    private void ask(byte[] bytes) {
        Packet p = new Packet(a.label("stor packet " + packets.size()), bytes);
        packets.add(p);
        a.lea(RSI, mem(p.at));
        a.mov(ECX, bytes.length / 8);
        a.call(exchange);
    }

    private static byte[] packet(int type, long id, byte[] header, byte[] payload) {
        int offset = PacketLayout.DESCRIPTOR_SIZE + header.length;
        ByteBuffer b = ByteBuffer.allocate(offset + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort((short) type).putShort((short) (offset / 8)).putShort((short) (b.capacity() / 8))
                .putShort((short) PacketLayout.FLAG_COMPLETION_REQUESTED).putLong(id).put(header).put(payload);
        return b.array();
    }

    /**
     * {@return a packet with an SRB that moves no data}
     *
     * @param id transaction id, not 0
     */
    public static byte[] plainPacket(int opcode, long id) {
        return packet(PacketLayout.TYPE_INBAND, id, new byte[0], srb(opcode, DATA_NONE, 0, c -> { }));
    }

    /**
     * {@return a packet with an SRB that reads or writes whole logical blocks by READ(16) or WRITE(16)}
     *
     * @param buffer GPA of the first byte, a multiple of a page
     * @param bytes length
     * @param blockBytes bytes of a logical block
     * @param id transaction id, not 0
     */
    public static byte[] transferPacket(int opcode, long buffer, int bytes, int blockBytes, long id) {
        return dataPacket(opcode, opcode == READ_16 ? DATA_IN : DATA_OUT, buffer, bytes, id,
                cdb -> cdb.order(ByteOrder.BIG_ENDIAN).putInt(CDB_BLOCKS, bytes / blockBytes));
    }

    /** {@return where in {@link #transferPacket} the address of the first block is: 8 bytes, big endian} */
    public static int transferAddress(int bytes) {
        return PacketLayout.RANGES + PacketLayout.RANGE_SIZE + 8 * pages(bytes) + CDB + CDB_LBA;
    }

    private static int pages(int bytes) {
        return bytes + PAGE - 1 >>> PAGE_SHIFT;
    }

    private static byte[] dataPacket(int opcode, int direction, long buffer, int bytes, long id,
            java.util.function.Consumer<ByteBuffer> fields) {
        int pages = pages(bytes);
        int header = PacketLayout.RANGES - PacketLayout.DESCRIPTOR_SIZE + PacketLayout.RANGE_SIZE + 8 * pages;
        ByteBuffer ranges = ByteBuffer.allocate(header).order(ByteOrder.LITTLE_ENDIAN);
        ranges.putInt(0).putInt(1).putInt(bytes).putInt(0);
        for (int i = 0; i < pages; i++) {
            ranges.putLong((buffer >>> PAGE_SHIFT) + i);
        }
        return packet(PacketLayout.TYPE_GPA_DIRECT, id, ranges.array(), srb(opcode, direction, bytes, fields));
    }

    private static byte[] srb(int opcode, int direction, int bytes, java.util.function.Consumer<ByteBuffer> fields) {
        ByteBuffer b = ByteBuffer.allocate(PACKET_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(OPERATION, OP_EXECUTE_SRB).putInt(FLAGS, FLAG_COMPLETION_REQUESTED).putShort(SRB_LENGTH, (short) SRB_SIZE)
                .put(CDB_LENGTH, (byte) CDB_SIZE).put(SENSE_LENGTH, (byte) SENSE_SIZE).put(DATA_DIRECTION, (byte) direction)
                .putInt(TRANSFER_LENGTH, bytes).put(CDB, (byte) opcode);
        fields.accept(b.slice(CDB, CDB_SIZE));
        return b.array();
    }

    /**
     * Emits the taking of the next completion: EAX is its transaction id. Ends the guest when the operation failed. Changes RAX, RBX, RDX.
     *
     * @param none where to go when there is none
     */
    public void takeCompletion(Label none) {
        rings.ifEmpty(none);
        int mask = map.ringBytes() - 1;
        a.mov(RAX, rings.inData(R13));
        a.movzx(EDX, AX);
        a.cmp(EDX, PacketLayout.TYPE_COMPLETION);
        failure.unless(Cond.E, "host sent something other than a completion", VmbusClient.FAILED);
        a.mov(RDX, RAX);
        a.shr(RDX, 8 * PacketLayout.OFFSET8);
        a.movzx(EDX, DX);
        a.lea(EDX, mem(R13).index(RDX, 8).disp(STATUS));
        a.and(EDX, mask);
        // Status and, in the upper half, SRB length, SRB status, SCSI status: one word that does not wrap.
        a.mov(RBX, rings.inData(RDX));
        a.lea(EDX, mem(R13).disp(PacketLayout.TRANSACTION_ID));
        a.and(EDX, mask);
        a.mov(EDX, rings.inData(RDX).dword());
        rings.skip();
        a.mov(EAX, EDX);
        a.test(EBX, EBX);
        failure.unless(Cond.E, "storvsp refuses", VmbusClient.FAILED);
        Label noSrb = a.label("noSrb");
        a.cmp(EAX, CONTROL_ID);
        a.j(Cond.E, noSrb);
        a.shr(RBX, 8 * (SRB_STATUS - STATUS));
        a.cmp(BX, SRB_STATUS_SUCCESS);
        failure.unless(Cond.E, "I/O error", IO_ERROR);
        a.bind(noSrb);
    }

    /** Emits routines and data. */
    public void emit() {
        a.bind(exchange);
        rings.write();
        rings.publish();
        Label take = a.bind("storTake");
        Label none = a.label("storNothing");
        takeCompletion(none);
        a.ret();
        a.bind(none);
        rings.sleepUntilPacket();
        a.jmp(take);
        a.align(8);
        for (Packet p : packets) {
            a.bind(p.at);
            a.bytes(p.bytes);
        }
        for (Label variable : new Label[] {blocks, blockShift}) {
            a.bind(variable);
            a.dq(0);
        }
    }
}
