package dev.jvisor.guest.disk;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.guest.vsc.ChannelRings;
import dev.jvisor.guest.vsc.Failure;
import dev.jvisor.guest.vsc.GuestMemoryMap;
import dev.jvisor.guest.vsc.StorVsc;
import dev.jvisor.guest.vsc.VmbusClient;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.StorVspProtocol;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes to the first synthetic disk until it is killed, and prints what it has been promised. It works in rounds of {@link #CHANGES}
 * changes, two rounds at once: all changes of a round, then a flush, then the line {@code s ROUND}, and the next round follows. So when
 * {@code s n} has been printed, all of round n is durable, and nothing of round n + 3 or later has begun. What the changes of a round are
 * depends on the seed alone: {@link Plan} knows them.
 *
 * <p>First it prints {@code ready}. Anything that the host refuses ends it with a line that has FAIL in it.
 */
public final class CrashGuest {
    /** Changes of a round. */
    public static final int CHANGES = 24;
    /** RAM that it needs, in bytes. */
    public static final long MEMORY_BYTES = 64 << 20;
    /** Its name, with which its lines begin when something is wrong. */
    public static final String NAME = "disk-crash";

    private static final int ROUNDS_AT_ONCE = 2;
    private static final int SLOTS = ROUNDS_AT_ONCE * CHANGES;
    private static final GuestMemoryMap MAP = new GuestMemoryMap(DiskGuest.SHARED, 65);
    private static final int BUFFERS = 0x0200_0000;
    private static final int BUFFER_BYTES = 32 << 10;
    private static final int WRITE_SAME_16 = 0x93;
    private static final int CDB_FLAGS = 1, CDB_LBA = 2, CDB_BLOCKS = 10;
    private static final int FUA = 0x08, UNMAP_WITHOUT_DATA = 0x09;
    private static final long LCG_FACTOR = 6364136223846793005L;
    private static final long LCG_TERM = 1442695040888963407L;

    /**
     * A change.
     *
     * @param generation what sectors written by it say
     * @param zero whether it zeroes (WRITE SAME with UNMAP) instead of writing
     * @param first sector
     * @param count sectors
     */
    public record Change(long generation, boolean zero, int first, int count) { }

    /** What the guest does, round by round. */
    public static final class Plan {
        private final int sectors;
        private final int sectorBytes;
        private long state;
        private long generation;

        /**
         * Makes the plan of a guest.
         *
         * @param sectors of the disk
         * @param sectorBytes of one
         * @param seed of all places
         * @param generation the last before its first
         */
        public Plan(int sectors, int sectorBytes, long seed, long generation) {
            this.sectors = sectors;
            this.sectorBytes = sectorBytes;
            this.state = seed;
            this.generation = generation;
        }

        /** {@return the changes of the next round, from round 0 on} */
        public List<Change> next() {
            List<Change> round = new ArrayList<>(CHANGES);
            for (int i = 0; i < CHANGES; i++) {
                state = state * LCG_FACTOR + LCG_TERM;
                int count = sectorsOf(i, sectorBytes);
                round.add(new Change(++generation, zeroes(i), (int) ((state >>> 33) % (sectors - count + 1)), count));
            }
            return round;
        }
    }

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final Supervisor supervisor = new Supervisor(boot);
    private final Failure failure = new Failure(boot, NAME);
    private final VmbusClient client = new VmbusClient(boot, supervisor, failure, MAP, DeviceClass.SCSI);
    private final ChannelRings rings = new ChannelRings(a, supervisor, client, MAP);
    private final StorVsc vsc = new StorVsc(a, rings, failure, MAP);
    private final int sectors;
    private final int sectorBytes;
    private final Label issue = a.label("issue");
    private final Label fill = a.label("fill");
    private final Label packets = a.label("packets");
    private final Label lbaOffsets = a.label("lbaOffsets");
    private final Label packetWords = a.label("packetWords");
    private final Label places = a.label("places");
    private final Label filled = a.label("filled");
    private final Label outstanding = a.label("outstanding");
    private final Label roundOf = a.label("roundOf");
    private final Label nextRound = a.label("nextRound");
    private final byte[][] bytes = new byte[SLOTS + ROUNDS_AT_ONCE][];
    private final int[] lbaOffset = new int[SLOTS];
    private int stride;

    private CrashGuest(int sectors, int sectorBytes) {
        this.sectors = sectors;
        this.sectorBytes = sectorBytes;
        for (int slot = 0; slot < SLOTS; slot++) {
            makePacket(slot);
        }
        for (int i = 0; i < ROUNDS_AT_ONCE; i++) {
            bytes[SLOTS + i] = StorVsc.plainPacket(StorVsc.SYNCHRONIZE_CACHE_10, SLOTS + i + 1);
        }
        for (byte[] b : bytes) {
            stride = Math.max(stride, b.length);
        }
    }

    /**
     * Makes the guest.
     *
     * @param sectors of the disk, as many as are used
     * @param sectorBytes logical sector of the disk, 512 or 4096
     * @param seed of all places
     * @param generation the last before its first
     */
    public static GuestProgram program(int sectors, int sectorBytes, long seed, long generation) {
        return new CrashGuest(sectors, sectorBytes).build(seed, generation);
    }

    /** The last two of a round zero a little, and a few blocks. */
    private static boolean zeroes(int change) {
        return change >= CHANGES - 2;
    }

    private static int sectorsOf(int change, int sectorBytes) {
        int n = change < 10 ? sectorBytes : change < 18 || change == 21 ? 4096 : change < 21 ? BUFFER_BYTES : change == 22 ? 8192 : 562 * 4096;
        return n / sectorBytes;
    }

    private void makePacket(int slot) {
        int change = slot % CHANGES;
        int count = sectorsOf(change, sectorBytes);
        if (zeroes(change)) {
            bytes[slot] = StorVsc.plainPacket(WRITE_SAME_16, slot + 1);
            int cdb = PacketLayout.DESCRIPTOR_SIZE + StorVspProtocol.CDB;
            ByteBuffer.wrap(bytes[slot]).put(cdb + CDB_FLAGS, (byte) UNMAP_WITHOUT_DATA).putInt(cdb + CDB_BLOCKS, count);
            lbaOffset[slot] = cdb + CDB_LBA;
        } else {
            bytes[slot] = StorVsc.transferPacket(StorVsc.WRITE_16, buffer(slot), count * sectorBytes, sectorBytes, slot + 1);
            lbaOffset[slot] = StorVsc.transferAddress(count * sectorBytes);
            if (change == 21) {
                bytes[slot][lbaOffset[slot] - CDB_LBA + CDB_FLAGS] = FUA;
            }
        }
    }

    private static int buffer(int slot) {
        return BUFFERS + slot * BUFFER_BYTES;
    }

    private GuestProgram build(long seed, long generation) {
        boot.start();
        boot.enterLongMode(true);
        supervisor.start();
        client.enableSynic();
        supervisor.enterUser();
        client.connect();
        rings.start();
        vsc.start();
        a.movabs(R15, seed);
        a.movabs(R14, generation);
        boot.serial().printLine("ready");
        for (int i = 0; i < ROUNDS_AT_ONCE; i++) {
            a.mov(EBX, i);
            a.call(issue);
        }
        mainLoop();
        emitIssue();
        emitFill();
        client.emit();
        rings.emit();
        vsc.emit();
        supervisor.emit();
        emitTables();
        return boot.finish(NAME);
    }

    /** R14 is the last generation, R15 the state of the generator. */
    private void mainLoop() {
        Label loop = a.bind("loop");
        Label nothing = a.label("nothing");
        Label flushed = a.label("flushed");
        vsc.takeCompletion(nothing);
        a.dec(EAX);
        a.sub(EAX, SLOTS);
        a.j(Cond.AE, flushed);
        a.xor(EBX, EBX);
        a.cmp(EAX, CHANGES - SLOTS);
        a.set(Cond.GE, BL);
        a.dec(mem(outstanding).index(RBX, 8).qword());
        a.j(Cond.NE, loop);
        a.lea(ESI, mem(RBX).disp(SLOTS));
        send(StorVsc.plainPacket(StorVsc.SYNCHRONIZE_CACHE_10, 1).length);
        rings.publish();
        a.jmp(loop);

        a.bind(flushed);
        a.mov(EBX, EAX);
        boot.serial().print("s ");
        boot.serial().printDecimal(mem(roundOf).index(RBX, 8).qword());
        boot.serial().printLine("");
        a.call(issue);
        a.jmp(loop);

        a.bind(nothing);
        rings.sleepUntilPacket();
        a.jmp(loop);
    }

    /** Sends the packet of slot ESI. */
    private void send(int length) {
        a.imul(RSI, RSI, stride);
        a.lea(RDI, mem(packets));
        a.add(RSI, RDI);
        a.mov(ECX, length / 8);
        rings.write();
    }

    /** Issues a round in the half EBX of the slots. Keeps RBX. */
    private void emitIssue() {
        a.bind(issue);
        a.mov(RAX, mem(nextRound));
        a.mov(mem(roundOf).index(RBX, 8), RAX);
        a.inc(mem(nextRound).qword());
        a.mov(mem(outstanding).index(RBX, 8).qword(), CHANGES);
        a.imul(RBP, RBX, CHANGES);
        Label each = a.bind("eachSlot");
        Label noData = a.label("noData");
        a.movabs(RAX, LCG_FACTOR);
        a.imul(R15, RAX);
        a.movabs(RAX, LCG_TERM);
        a.add(R15, RAX);
        a.mov(RAX, R15);
        a.shr(RAX, 33);
        a.xor(EDX, EDX);
        a.mov(ECX, mem(places).index(RBP, 8).dword());
        a.div(ECX);
        a.inc(R14);
        a.imul(RSI, RBP, stride);
        a.lea(RDI, mem(packets));
        a.add(RSI, RDI);
        a.mov(RCX, mem(lbaOffsets).index(RBP, 8));
        a.mov(RAX, RDX);
        a.bswap(RAX);
        a.mov(mem(RSI).index(RCX, 1), RAX);
        a.mov(ECX, mem(filled).index(RBP, 8).dword());
        a.test(ECX, ECX);
        a.j(Cond.E, noData);
        a.push(RSI);
        a.call(fill);
        a.pop(RSI);
        a.bind(noData);
        a.mov(ECX, mem(packetWords).index(RBP, 8).dword());
        rings.write();
        a.inc(EBP);
        a.imul(RAX, RBX, CHANGES);
        a.add(EAX, CHANGES);
        a.cmp(EBP, EAX);
        a.j(Cond.NE, each);
        rings.publish();
        a.ret();
    }

    /** Fills ECX sectors of the buffer of slot EBP as {@link SectorPattern} has it: first sector RDX, generation R14. */
    private void emitFill() {
        a.bind(fill);
        a.imul(RDI, RBP, BUFFER_BYTES);
        a.add(RDI, BUFFERS);
        a.movabs(R8, SectorPattern.SECTOR_FACTOR);
        a.movabs(R9, SectorPattern.GENERATION_FACTOR);
        a.imul(R9, R14);
        a.mov(RAX, RDX);
        a.imul(RAX, R8);
        a.add(RAX, R9);
        a.movabs(R9, SectorPattern.MAGIC);
        a.add(RAX, R9);
        a.movabs(R10, SectorPattern.WORD_FACTOR);
        Label sector = a.bind("fillSector");
        a.mov(mem(RDI), RDX);
        a.mov(mem(RDI).disp(8), R14);
        a.lea(R11, mem(RAX).index(R10, 2));
        a.mov(ESI, 2);
        Label word = a.bind("fillWord");
        a.mov(mem(RDI).index(RSI, 8), R11);
        a.add(R11, R10);
        a.inc(ESI);
        a.cmp(ESI, sectorBytes / 8);
        a.j(Cond.NE, word);
        a.add(RDI, sectorBytes);
        a.inc(RDX);
        a.add(RAX, R8);
        a.dec(ECX);
        a.j(Cond.NE, sector);
        a.ret();
    }

    private void emitTables() {
        a.align(8);
        a.bind(packets);
        for (byte[] b : bytes) {
            a.bytes(b);
            a.zeros(stride - b.length);
        }
        a.bind(lbaOffsets);
        for (int slot = 0; slot < SLOTS; slot++) {
            a.dq(lbaOffset[slot]);
        }
        a.bind(packetWords);
        for (int slot = 0; slot < SLOTS; slot++) {
            a.dq(bytes[slot].length / 8);
        }
        a.bind(places);
        for (int slot = 0; slot < SLOTS; slot++) {
            a.dq(sectors - sectorsOf(slot % CHANGES, sectorBytes) + 1);
        }
        a.bind(filled);
        for (int slot = 0; slot < SLOTS; slot++) {
            a.dq(zeroes(slot % CHANGES) ? 0 : sectorsOf(slot % CHANGES, sectorBytes));
        }
        for (Label variable : new Label[] {outstanding, roundOf, nextRound}) {
            a.bind(variable);
            a.zeros(8 * ROUNDS_AT_ONCE);
        }
    }
}
