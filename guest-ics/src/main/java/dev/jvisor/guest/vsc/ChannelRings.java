package dev.jvisor.guest.vsc;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;

/**
 * The guest's ends of a channel's two rings in machine code, with the signalling rules of Linux 6.1's {@code drivers/hv/ring_buffer.c}.
 * R12 is the index for the next packet to write, R13 that of the next to read, both of them this code's own for as long as the guest runs;
 * what is written is shown to the host by {@link #publish}, several packets at once if there are several.
 *
 * <p>The host is told not to interrupt ({@code interrupt_mask}) but for the time that the guest sleeps in {@link #sleepUntilPacket}.
 */
public final class ChannelRings {
    private final Assembler a;
    private final Supervisor supervisor;
    private final VmbusClient client;
    private final GuestMemoryMap map;
    private final Label write;
    private final Label publish;
    private final Label sleep;

    /** Makes the ends of a client's channel. */
    public ChannelRings(Assembler assembler, Supervisor supervisor, VmbusClient client, GuestMemoryMap map) {
        a = assembler;
        this.supervisor = supervisor;
        this.client = client;
        this.map = map;
        write = a.label("ringWrite");
        publish = a.label("ringPublish");
        sleep = a.label("ringSleep");
    }

    /** Emits the setting of the feature bits, before the channel is opened: a host that waits for space is signalled. */
    static void offerFlowControl(Assembler a, GuestMemoryMap map) {
        for (int ring : new int[] {map.outRing(), map.inRing()}) {
            a.mov(mem((long) ring + RingLayout.FEATURE_BITS).dword(), RingLayout.FEATURE_PENDING_SEND_SIZE);
        }
        a.mov(mem((long) map.inRing() + RingLayout.INTERRUPT_MASK).dword(), 1);
    }

    private Mem out(int field) {
        return mem((long) map.outRing() + field).dword();
    }

    private Mem in(int field) {
        return mem((long) map.inRing() + field).dword();
    }

    /** {@return memory at an offset, plus a multiple of 8 in R, of the data area of the host-to-guest ring} */
    Mem inData(dev.jvisor.guest.asm.Gpr index) {
        return mem(index).disp((long) map.inRing() + RingLayout.HEADER_SIZE);
    }

    /** Emits, once the channel is open, the start of the indices. */
    public void start() {
        a.xor(R12D, R12D);
        a.xor(R13D, R13D);
    }

    /**
     * Emits the writing of a packet that is ready in memory: RSI, ECX words of 8 bytes without trailer. Waits while the ring is full.
     * Changes RAX, RCX, RDX, RSI, RDI, R8 to R10.
     */
    public void write() {
        a.call(write);
    }

    /** Emits the showing of all packets written to the host, and a signal if it may be asleep. Changes RAX, RCX, RDX, R8 to R11. */
    public void publish() {
        a.call(publish);
    }

    /** Emits a sleep that ends when the host-to-guest ring has a packet, or for no reason. Changes RAX. */
    public void sleepUntilPacket() {
        a.call(sleep);
    }

    /** Emits a jump if there is no packet to read. Gives the space of those read back to the host first. Changes RAX. */
    public void ifEmpty(Label target) {
        a.mov(EAX, in(RingLayout.WRITE_INDEX));
        Label some = a.label("somePacket");
        a.cmp(EAX, R13D);
        a.jShort(Cond.NE, some);
        a.mov(in(RingLayout.READ_INDEX), R13D);
        a.jmp(target);
        a.bind(some);
    }

    /** Emits the step over the packet at R13, whose descriptor's first word is in RAX. Changes RAX. */
    public void skip() {
        a.shr(RAX, 8 * PacketLayout.LENGTH8);
        a.movzx(EAX, AX);
        a.lea(R13D, mem(R13).index(RAX, 8).disp(PacketLayout.TRAILER_SIZE));
        wrap(R13D);
    }

    private void wrap(dev.jvisor.guest.asm.Gpr index) {
        a.and(index, map.ringBytes() - 1);
    }

    /** Emits the routines. */
    public void emit() {
        emitWrite();
        emitPublish();
        emitSleep();
    }

    private void emitWrite() {
        a.bind(write);
        Label fits = a.label("packetFits");
        // Free bytes, one less than there are: a ring is never filled whole.
        a.mov(EAX, out(RingLayout.READ_INDEX));
        a.sub(EAX, R12D);
        a.dec(EAX);
        wrap(EAX);
        a.lea(EDX, mem(PacketLayout.TRAILER_SIZE).index(RCX, 8));
        a.cmp(EAX, EDX);
        a.j(Cond.AE, fits);
        // The host takes packets away without our doing; it only has to know of them.
        a.push(RCX);
        a.push(RSI);
        a.call(publish);
        a.pop(RSI);
        a.pop(RCX);
        a.pause();
        a.jmp(write);
        a.bind(fits);
        a.mov(R8D, R12D);
        a.mov(R9D, map.ringBytes());
        a.sub(R9D, R12D);
        a.shr(R9D, 3);
        a.lea(RDI, mem(R12).disp((long) map.outRing() + RingLayout.HEADER_SIZE));
        a.lea(R12D, mem(R12).index(RCX, 8).disp(0));
        Label whole = a.label("packetWhole");
        a.cmp(ECX, R9D);
        a.j(Cond.BE, whole);
        a.sub(ECX, R9D);
        a.xchg(ECX, R9D);
        a.rep().movs(8);
        a.mov(ECX, R9D);
        a.mov(EDI, map.outRing() + RingLayout.HEADER_SIZE);
        a.bind(whole);
        a.rep().movs(8);
        wrap(R12D);
        a.shl(R8, 32);
        a.mov(mem(R12).disp((long) map.outRing() + RingLayout.HEADER_SIZE).qword(), R8);
        a.add(R12D, PacketLayout.TRAILER_SIZE);
        wrap(R12D);
        a.ret();
    }

    private void emitPublish() {
        a.bind(publish);
        Label silent = a.label("noSignal");
        a.mov(R11D, out(RingLayout.WRITE_INDEX));
        a.cmp(R11D, R12D);
        a.j(Cond.E, silent);
        a.mov(out(RingLayout.WRITE_INDEX), R12D);
        // The index before the looks at mask and read index: the host's end does it the other way round.
        a.mfence();
        a.cmp(out(RingLayout.INTERRUPT_MASK), 0);
        a.j(Cond.NE, silent);
        a.cmp(out(RingLayout.READ_INDEX), R11D);
        a.j(Cond.NE, silent);
        client.signal();
        a.bind(silent);
        a.ret();
    }

    private void emitSleep() {
        a.bind(sleep);
        Label awake = a.label("ringAwake");
        a.mov(in(RingLayout.READ_INDEX), R13D);
        a.mov(in(RingLayout.INTERRUPT_MASK), 0);
        a.mfence();
        a.cmp(in(RingLayout.WRITE_INDEX), R13D);
        a.j(Cond.NE, awake);
        supervisor.sleep();
        a.bind(awake);
        a.mov(in(RingLayout.INTERRUPT_MASK), 1);
        client.clearEvent();
        a.ret();
    }
}
