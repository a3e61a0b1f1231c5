package dev.jvisor.guest.vsc;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static dev.jvisor.guest.vsc.SyntheticInterface.*;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.vmbus.protocol.ChannelMessage;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.protocol.Guids;
import dev.jvisor.vmbus.protocol.MessageLayout;
import dev.jvisor.vmbus.protocol.OfferLayout;
import dev.jvisor.vmbus.protocol.VmbusVersion;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The guest's end of VMBus in machine code: one connection (5.3), one channel, that of the first device of a class. Its messages are data of
 * the image, filled in at run time with what the host said. What can only go wrong if the host does ends the guest with a line and
 * {@link #FAILED}.
 *
 * <p>Use, in this order: {@link #enableSynic} at CPL0; {@link #connect} at CPL3; then {@link #signal}; {@link #emit} once, where code does
 * not run into it. All registers may change but R12 to R15.
 */
public final class VmbusClient {
    /** Exit code when the host does not do as the protocol says. */
    public static final int FAILED = 10;
    /** Exit code when there is no hypervisor interface. */
    public static final int NO_INTERFACE = 11;
    /** Exit code when there is no device of the class. */
    public static final int NO_DEVICE = 12;

    private static final int VECTOR = 0x40;
    private static final int SINT = MessageLayout.DEFAULT_SINT;
    private static final int PAGE = 4096;
    private static final int GPADL = 1;
    private static final int RANGE_HEADER = 8;
    private static final int MESSAGE_ALIGNMENT = 256;
    /** Operating system "none in particular", version 1; must not be 0. */
    private static final int OS_ID_LOW = 1;
    private static final int OS_ID_HIGH = 0x8F00_0000;

    /** A message with its hypercall's header, as data. */
    private record Message(Label at, ChannelMessage type, byte[] bytes) {
        boolean isContact() {
            return type == ChannelMessage.INITIATE_CONTACT;
        }

        boolean namesChannel() {
            return type.fields().stream().anyMatch(f -> f.name().equals("relid"));
        }
    }

    private final BootPrologue boot;
    private final Assembler a;
    private final Supervisor supervisor;
    private final Failure failure;
    private final GuestMemoryMap map;
    private final DeviceClass device;
    private final List<Message> messages = new ArrayList<>();
    private final Label post;
    private final Label await;
    private final Label done;
    private final Label connection;
    private final Label relid;
    private final Label signalConnection;

    /**
     * Makes a client.
     *
     * @param map where its pages and the rings are
     * @param device class of the device whose channel is opened
     */
    public VmbusClient(BootPrologue boot, Supervisor supervisor, Failure failure, GuestMemoryMap map, DeviceClass device) {
        this.boot = boot;
        this.supervisor = supervisor;
        this.failure = failure;
        this.map = map;
        this.device = device;
        a = boot.assembler();
        post = a.label("vmbusPost");
        await = a.label("vmbusAwait");
        done = a.label("vmbusDone");
        connection = a.label("vmbusConnection");
        relid = a.label("vmbusRelid");
        signalConnection = a.label("vmbusSignalConnection");
    }

    /** Emits, at CPL0, what needs privilege: the hypercall page, message and event pages, the SINT of messages and events. */
    public void enableSynic() {
        a.mov(EAX, LEAF_VENDOR);
        a.cpuid();
        a.cmp(EBX, VENDOR_EBX);
        failure.unless(Cond.E, "no hypervisor interface", NO_INTERFACE);
        a.mov(EDI, map.messagePage());
        a.mov(ECX, 2 * PAGE / 8);
        a.xor(EAX, EAX);
        a.rep().stos(8);
        supervisor.wakeOn(VECTOR);
        writeMsr(GUEST_OS_ID, OS_ID_LOW, OS_ID_HIGH);
        writeMsr(HYPERCALL, map.hypercallPage() | ENABLE, 0);
        writeMsr(SIMP, map.messagePage() | ENABLE, 0);
        writeMsr(SIEFP, map.eventPage() | ENABLE, 0);
        writeMsr(SINT0 + SINT, VECTOR, 0);
        writeMsr(SCONTROL, ENABLE, 0);
    }

    private void writeMsr(int msr, int low, int high) {
        a.mov(ECX, msr);
        a.mov(EAX, low);
        a.mov(EDX, high);
        a.wrmsr();
    }

    /** Emits, at CPL3, all from the first message to the open channel. The rings are empty then. */
    public void connect() {
        send(message(ChannelMessage.INITIATE_CONTACT, 0, b -> {
            b.putInt(MessageLayout.CONTACT_VERSION, VmbusVersion.V5_3.code());
            b.put(MessageLayout.CONTACT_SINT, (byte) SINT);
        }));
        expect(ChannelMessage.VERSION_RESPONSE);
        a.cmp(mem(RSI).disp(MessageLayout.VERSION_SUPPORTED).byte_(), 1);
        failure.unless(Cond.E, "VMBus 5.3 is refused", FAILED);
        a.mov(EAX, mem(RSI).disp(MessageLayout.VERSION_CONNECTION));
        a.mov(mem(connection), EAX);
        a.call(done);
        send(message(ChannelMessage.REQUEST_OFFERS, 0, b -> { }));
        findOffer();
        clearRings();
        shareRings();
        expect(ChannelMessage.GPADL_CREATED);
        a.cmp(mem(RSI).disp(MessageLayout.GPADL_CREATED_STATUS).dword(), 0);
        failure.unless(Cond.E, "GPADL refused", FAILED);
        a.call(done);
        send(message(ChannelMessage.OPEN_CHANNEL, 0, b -> {
            b.putInt(MessageLayout.OPEN_ID, 1);
            b.putInt(MessageLayout.OPEN_RING_GPADL, GPADL);
            b.putInt(MessageLayout.OPEN_DOWNSTREAM_PAGE, map.ringPages());
        }));
        expect(ChannelMessage.OPEN_CHANNEL_RESULT);
        a.cmp(mem(RSI).disp(MessageLayout.OPEN_RESULT_STATUS).dword(), 0);
        failure.unless(Cond.E, "channel not opened", FAILED);
        a.call(done);
    }

    /** Takes offers until the host says that these were all; the first of the class is ours. */
    private void findOffer() {
        byte[] guid = new byte[Guids.SIZE];
        Guids.put(MemorySegment.ofArray(guid), 0, device.guid());
        ByteBuffer type = ByteBuffer.wrap(guid).order(ByteOrder.LITTLE_ENDIAN);
        Label next = a.bind("nextOffer");
        Label other = a.label("otherOffer");
        Label all = a.label("allOffers");
        a.call(await);
        a.mov(EAX, mem(RSI).disp(MessageLayout.TYPE));
        a.cmp(EAX, ChannelMessage.ALL_OFFERS_DELIVERED.type());
        a.j(Cond.E, all);
        a.cmp(EAX, ChannelMessage.OFFER_CHANNEL.type());
        a.j(Cond.NE, other);
        for (int half = 0; half < Guids.SIZE; half += 8) {
            a.movabs(RAX, type.getLong(half));
            a.cmp(mem(RSI).disp(OfferLayout.TYPE + half), RAX);
            a.j(Cond.NE, other);
        }
        a.cmp(mem(relid).dword(), 0);
        a.j(Cond.NE, other);
        a.mov(EAX, mem(RSI).disp(OfferLayout.RELID));
        a.mov(mem(relid), EAX);
        a.mov(EAX, mem(RSI).disp(OfferLayout.CONNECTION_ID));
        a.mov(mem(signalConnection), EAX);
        a.bind(other);
        a.call(done);
        a.jmp(next);
        a.bind(all);
        a.call(done);
        a.cmp(mem(relid).dword(), 0);
        failure.unless(Cond.NE, "no such device on VMBus", NO_DEVICE);
    }

    private void clearRings() {
        a.xor(EAX, EAX);
        for (int ring : new int[] {map.outRing(), map.inRing()}) {
            a.mov(EDI, ring);
            a.mov(ECX, PAGE / 8);
            a.rep().stos(8);
        }
        ChannelRings.offerFlowControl(a, map);
    }

    /** One GPADL for both rings, which lie one after the other. */
    private void shareRings() {
        int pages = 2 * map.ringPages();
        int first = Math.min(pages, MessageLayout.GPADL_HEADER_MAX_PFNS);
        send(message(ChannelMessage.GPADL_HEADER, 8 * first, b -> {
            b.putInt(MessageLayout.GPADL, GPADL);
            b.putShort(MessageLayout.GPADL_RANGE_BUFFER_LENGTH, (short) (RANGE_HEADER + 8 * pages));
            b.putShort(MessageLayout.GPADL_RANGE_COUNT, (short) 1);
            b.putInt(MessageLayout.GPADL_BYTE_COUNT, pages * PAGE);
            putPages(b, MessageLayout.GPADL_HEADER_PFNS, 0, first);
        }));
        for (int at = first; at < pages; at += MessageLayout.GPADL_BODY_MAX_PFNS) {
            int start = at;
            int count = Math.min(pages - at, MessageLayout.GPADL_BODY_MAX_PFNS);
            send(message(ChannelMessage.GPADL_BODY, 8 * count, b -> {
                b.putInt(MessageLayout.GPADL, GPADL);
                putPages(b, MessageLayout.GPADL_BODY_PFNS, start, count);
            }));
        }
    }

    private void putPages(ByteBuffer b, int at, int first, int count) {
        for (int i = 0; i < count; i++) {
            b.putLong(at + 8 * i, map.outRing() / PAGE + first + i);
        }
    }

    private Message message(ChannelMessage type, int more, Consumer<ByteBuffer> fields) {
        byte[] bytes = new byte[type.size() + more];
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(MessageLayout.TYPE, type.type());
        fields.accept(b);
        Message m = new Message(a.label("message " + type + " " + messages.size()), type, bytes);
        messages.add(m);
        return m;
    }

    /** Posts a message, with what the host has said since: the connection for messages, the channel's number. */
    private void send(Message m) {
        a.lea(RDI, mem(m.at));
        if (!m.isContact()) {
            a.mov(EAX, mem(connection));
            a.mov(mem(RDI).disp(POST_CONNECTION), EAX);
        }
        if (m.namesChannel()) {
            a.mov(EAX, mem(relid));
            a.mov(mem(RDI).disp(POST_PAYLOAD + MessageLayout.RELID), EAX);
        }
        a.call(post);
    }

    /** Emits a wait for a message of one type; others before it are dropped. RSI is where it is; {@link #done} must follow. */
    private void expect(ChannelMessage type) {
        Label again = a.bind("expect");
        Label right = a.label("expected");
        a.call(await);
        a.cmp(mem(RSI).disp(MessageLayout.TYPE).dword(), type.type());
        a.j(Cond.E, right);
        a.call(done);
        a.jmp(again);
        a.bind(right);
    }

    /** Emits, at CPL3, a signal to the host's end of the channel. */
    public void signal() {
        a.mov(ECX, FAST | SIGNAL_EVENT);
        a.mov(EDX, mem(signalConnection));
        a.xor(R8D, R8D);
        a.mov(EAX, map.hypercallPage());
        a.call(RAX);
    }

    /** Emits, at CPL3, the taking of the channel's event flag, so that the host's next signal interrupts again. Changes RAX. */
    public void clearEvent() {
        a.mov(EAX, mem(relid));
        a.lock().btr(mem((long) map.eventPage() + SINT * SLOT_BYTES).dword(), RAX.as(4));
    }

    /** Emits routines, messages and variables. */
    public void emit() {
        emitPost();
        emitAwait();
        for (Message m : messages) {
            // The input of a hypercall lies in one page.
            a.align(MESSAGE_ALIGNMENT);
            a.bind(m.at);
            a.dd(m.isContact() ? MessageLayout.CONNECTION_CONTACT : 0, 0, MessageLayout.SYNIC_MESSAGE_TYPE, m.bytes.length);
            a.bytes(m.bytes);
        }
        a.align(8);
        for (Label variable : new Label[] {connection, relid, signalConnection}) {
            a.bind(variable);
            a.dq(0);
        }
    }

    /** Posts the message at RDI, again while the host has no room. */
    private void emitPost() {
        a.bind(post);
        Label sent = a.label("posted");
        a.push(RDI);
        a.mov(ECX, POST_MESSAGE);
        a.mov(RDX, RDI);
        a.xor(R8D, R8D);
        a.mov(EAX, map.hypercallPage());
        a.call(RAX);
        a.pop(RDI);
        a.test(AX, AX);
        a.j(Cond.E, sent);
        a.cmp(AX, STATUS_INSUFFICIENT_BUFFERS);
        failure.unless(Cond.E, "message refused", FAILED);
        a.pause();
        a.jmp(post);
        a.bind(sent);
        a.ret();
    }

    /** Waits for a message: RSI is its payload, in the slot. And, under another label, gives the slot back. */
    private void emitAwait() {
        long slot = map.messagePage() + (long) SINT * SLOT_BYTES;
        a.bind(await);
        Label here = a.label("messageHere");
        a.cmp(mem(slot + SLOT_TYPE).dword(), 0);
        a.j(Cond.NE, here);
        supervisor.sleep();
        a.jmp(await);
        a.bind(here);
        a.mov(ESI, slot + SLOT_PAYLOAD);
        a.ret();

        a.bind(done);
        Label noMore = a.label("noMore");
        // The flag may only be looked at once the slot is seen to be empty: the host looks in the other order.
        a.mov(mem(slot + SLOT_TYPE).dword(), 0);
        a.mfence();
        a.test(mem(slot + SLOT_FLAGS).byte_(), FLAG_PENDING);
        a.j(Cond.E, noMore);
        a.xor(EBX, EBX);
        a.xor(EDX, EDX);
        supervisor.writeMsr(EOM);
        a.bind(noMore);
        a.ret();
    }
}
