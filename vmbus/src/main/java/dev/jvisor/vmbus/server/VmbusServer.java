package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.ChannelMessage;
import dev.jvisor.vmbus.protocol.Guids;
import dev.jvisor.vmbus.protocol.MessageLayout;
import dev.jvisor.vmbus.protocol.OfferLayout;
import dev.jvisor.vmbus.protocol.VmbusVersion;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmm.hyperv.HvStatus;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bus of one partition: speaks the control protocol with the guest and runs the channels that the host offers. All control work is on
 * one thread, so that the state of the bus needs no locks; messages of the guest wait in a bounded queue, and past that the guest is told to
 * try again. Closing a channel waits there for the device's I/O; VPs never wait.
 *
 * <p>Answers to nonsense: a message that is too short, of no type, or the host's own, fails its hypercall with INVALID_PARAMETER; a request
 * about something unknown is refused by status where its answer has one, answered where the guest would wait for ever, else dropped; all
 * are counted. Public methods may be called by any thread.
 */
public final class VmbusServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VmbusServer.class);
    /** STATUS_UNSUCCESSFUL: any number but 0 would do. */
    static final int REFUSED = 0xC0000001;
    /** STATUS_CONNECTION_REFUSED. */
    private static final int CONNECTION_REFUSED = 0xC0000236;
    /** Messages to the guest that may wait before it is told to be slower. */
    private static final int MAX_BACKLOG = 512;

    private final VmbusHost host;
    private final VmbusVersion newest;
    private final BusNotes notes = new BusNotes();
    private final ControlThread control = new ControlThread(e -> notes.failed("a control task failed", e));
    private final MessageSender sender;
    private final GpadlTable gpadls = new GpadlTable();
    private final GpadlDialogue sharing;
    private final OfferedChannel[] channels = new OfferedChannel[MessageLayout.RELID_LIMIT];
    private volatile VmbusVersion version;
    private boolean offersDelivered;
    private boolean paused;

    /** Makes a bus that speaks all versions we know, and connects it. */
    public VmbusServer(VmbusHost host) {
        this(host, VmbusVersion.V5_3);
    }

    /** Makes a bus that speaks versions up to {@code newest}, and connects it. */
    public VmbusServer(VmbusHost host, VmbusVersion newest) {
        this.host = host;
        this.newest = newest;
        this.sender = new MessageSender(host);
        this.sharing = new GpadlDialogue(gpadls, sender, host.gpa(), notes);
        control.start();
        host.onMessageSpace(() -> control.host(sender::retry));
        host.onReset(this::reset);
        host.connectMessages(MessageLayout.CONNECTION_LEGACY, this::post);
        host.connectMessages(MessageLayout.CONNECTION_CONTACT, this::post);
    }

    /** {@return what it runs over} */
    public VmbusHost host() {
        return host;
    }

    /** {@return the negotiated version, or null when no guest is connected} */
    public VmbusVersion version() {
        return version;
    }

    /** {@return how often something has happened} */
    public long counter(VmbusCounter which) {
        return notes.sum(which);
    }

    /** {@return where the bus and its channels note what happens} */
    BusNotes notes() {
        return notes;
    }

    /**
     * Offers a channel: now if the guest is connected, else when it connects. Sub-channels are offered once the guest has asked for them,
     * and go away with the connection and when the primary channel is closed.
     *
     * @throws IllegalArgumentException when the same channel is offered already
     * @throws IllegalStateException when all 2047 numbers are taken
     */
    public OfferedChannel offer(Offer offer, ChannelDevice device) {
        return control.call(() -> offerNow(offer, device));
    }

    /** Offers a sub-channel, unless its primary channel has been closed since somebody decided so. */
    void offerSubChannel(OfferedChannel primary, Channel open, int index, ChannelDevice device) {
        control.call(() -> {
            if (primary.channel() != open) {
                throw new IllegalStateException("the channel is not open any more: name=" + primary.offer().name());
            }
            return offerNow(primary.offer().subChannel(index), device);
        });
    }

    private OfferedChannel offerNow(Offer offer, ChannelDevice device) {
        int free = 0;
        for (int i = channels.length - 1; i > 0; i--) {
            OfferedChannel c = channels[i];
            if (c == null) {
                free = i;
            } else if (c.offer().sameChannel(offer) && c.state() != ChannelState.RESCINDED) {
                throw new IllegalArgumentException("offered already: name=" + offer.name() + ", instance=" + offer.instance());
            }
        }
        if (free == 0) {
            throw new IllegalStateException("no relid is free for " + offer.name());
        }
        OfferedChannel c = new OfferedChannel(this, offer, device, free);
        channels[free] = c;
        if (offersDelivered) {
            sendOffer(c);
        }
        return c;
    }

    void rescind(OfferedChannel c) {
        control.host(() -> rescindNow(c));
    }

    /** {@return the pages behind a handle of a channel, or null} */
    GuestPages gpadl(int relid, int handle) {
        GpadlTable.Gpadl g = gpadls.get(handle);
        return g == null || g.relid != relid ? null : g.pages();
    }

    /** A message, on a VP's thread. */
    private int post(int vp, int messageType, MemorySegment message, int size) {
        if (messageType != MessageLayout.SYNIC_MESSAGE_TYPE || size < MessageLayout.HEADER_SIZE || size > MessageLayout.MAX_SIZE) {
            notes.count(VmbusCounter.MESSAGES_MALFORMED);
            return HvStatus.INVALID_PARAMETER;
        }
        ByteBuffer m = MessageSender.copy(message, size);
        ChannelMessage type = ChannelMessage.of(m.getInt(MessageLayout.TYPE));
        if (type == null || type.direction() != ChannelMessage.Direction.TO_HOST || size < type.size()) {
            notes.count(VmbusCounter.MESSAGES_MALFORMED);
            return HvStatus.INVALID_PARAMETER;
        }
        boolean startsAnew = type == ChannelMessage.INITIATE_CONTACT || type == ChannelMessage.UNLOAD;
        if (!startsAnew && sender.backlog() > MAX_BACKLOG || !control.guest(() -> handle(type, m))) {
            notes.count(VmbusCounter.MESSAGES_DEFERRED);
            return HvStatus.INSUFFICIENT_BUFFERS;
        }
        return HvStatus.SUCCESS;
    }

    private void handle(ChannelMessage type, ByteBuffer m) {
        notes.count(VmbusCounter.MESSAGES);
        switch (type) {
            case INITIATE_CONTACT -> initiateContact(m);
            case UNLOAD -> unload();
            default -> {
                if (version == null || type.size(version) < 0) {
                    notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
                    return;
                }
                handleConnected(type, m);
            }
        }
    }

    private void handleConnected(ChannelMessage type, ByteBuffer m) {
        switch (type) {
            case REQUEST_OFFERS -> requestOffers();
            case OPEN_CHANNEL -> open(m);
            case CLOSE_CHANNEL -> close(find(m));
            case GPADL_HEADER -> sharing.header(m, find(m) != null);
            case GPADL_BODY -> sharing.body(m);
            case GPADL_TEARDOWN -> gpadlTeardown(m);
            case RELID_RELEASED -> relidReleased(find(m));
            case MODIFY_CHANNEL -> modify(m);
            case TL_CONNECT_REQUEST -> {
                ByteBuffer answer = MessageSender.message(ChannelMessage.TL_CONNECT_RESULT);
                answer.put(MessageLayout.TL_GUEST_ENDPOINT, m, MessageLayout.TL_GUEST_ENDPOINT, 2 * Guids.SIZE);
                sender.send(answer.putInt(MessageLayout.TL_RESULT_STATUS, CONNECTION_REFUSED));
            }
            default -> throw new AssertionError(type);
        }
    }

    /** {@return the channel a message is about, or null when the guest does not know of such a one} */
    private OfferedChannel find(ByteBuffer m) {
        int relid = m.getInt(MessageLayout.RELID);
        OfferedChannel c = relid > 0 && relid < channels.length ? channels[relid] : null;
        return c == null || c.state() == ChannelState.PENDING ? null : c;
    }

    private void initiateContact(ByteBuffer m) {
        // Whatever there was: this guest, or the kernel it was kexec'ed from, knows nothing of it.
        disconnect();
        int code = m.getInt(MessageLayout.CONTACT_VERSION);
        VmbusVersion wanted = VmbusVersion.of(code);
        int vp = m.getInt(MessageLayout.CONTACT_TARGET_VP);
        int sint = MessageLayout.DEFAULT_SINT;
        boolean good = wanted != null && newest.atLeast(wanted);
        if (wanted != null && ChannelMessage.namesConnection(wanted)) {
            sint = m.get(MessageLayout.CONTACT_SINT);
            if (sint < 1 || sint > 15) {
                sint = MessageLayout.DEFAULT_SINT;
                good = false;
            }
        }
        if (vp < 0 || vp >= host.processors()) {
            vp = 0;
            good = false;
        }
        sender.target(vp, sint);
        if (good) {
            version = wanted;
            notes.count(VmbusCounter.CONNECTIONS);
            if (counter(VmbusCounter.CONNECTIONS) <= BusNotes.LOGGED) {
                LOG.info("guest connects to VMBus, version {}", wanted);
            }
        } else {
            LOG.debug("version refused: code=0x{}, vp={}", Integer.toHexString(code), vp);
        }
        ByteBuffer answer = MessageSender.message(ChannelMessage.VERSION_RESPONSE);
        answer.put(MessageLayout.VERSION_SUPPORTED, (byte) (good ? 1 : 0));
        if (good && ChannelMessage.namesConnection(wanted)) {
            answer.putInt(MessageLayout.VERSION_CONNECTION, MessageLayout.CONNECTION_LEGACY);
        }
        sender.send(answer);
    }

    private void unload() {
        disconnect();
        sender.send(MessageSender.message(ChannelMessage.UNLOAD_RESPONSE));
    }

    /** Forgets the guest. When this returns, nothing of the bus or its devices touches guest memory. */
    private void disconnect() {
        sender.clear();
        version = null;
        offersDelivered = false;
        for (int i = 1; i < channels.length; i++) {
            OfferedChannel c = channels[i];
            if (c != null) {
                stop(c);
                if (c.state() == ChannelState.RESCINDED || c.offer().subChannelIndex() != 0) {
                    remove(c);
                } else if (c.state() == ChannelState.OFFERED) {
                    c.become(ChannelState.PENDING);
                }
            }
        }
        gpadls.clear();
    }

    /** The guest resets: as if it had unloaded, but it hears nothing. */
    private void reset() {
        control.call(() -> {
            disconnect();
            return null;
        });
    }

    private void requestOffers() {
        if (offersDelivered) {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
            return;
        }
        offersDelivered = true;
        for (OfferedChannel c : channels) {
            if (c != null && c.state() == ChannelState.PENDING) {
                sendOffer(c);
            }
        }
        sender.send(MessageSender.message(ChannelMessage.ALL_OFFERS_DELIVERED));
    }

    private void sendOffer(OfferedChannel c) {
        Offer o = c.offer();
        ByteBuffer m = MessageSender.message(ChannelMessage.OFFER_CHANNEL);
        MemorySegment at = MemorySegment.ofArray(m.array());
        Guids.put(at, OfferLayout.TYPE, o.type());
        Guids.put(at, OfferLayout.INSTANCE, o.instance());
        m.putShort(OfferLayout.FLAGS, (short) o.flags());
        m.putShort(OfferLayout.MMIO_MEGABYTES, (short) o.mmioMegabytes());
        m.put(OfferLayout.USER_DEFINED, o.userDefined());
        m.putShort(OfferLayout.SUB_CHANNEL_INDEX, (short) o.subChannelIndex());
        m.putInt(OfferLayout.RELID, c.relid());
        m.putShort(OfferLayout.DEDICATED_INTERRUPT, (short) 1);
        m.putInt(OfferLayout.CONNECTION_ID, connectionId(c));
        c.become(ChannelState.OFFERED);
        sender.send(m);
    }

    private int connectionId(OfferedChannel c) {
        return c.relid() | MessageLayout.DEFAULT_SINT << 12;
    }

    private void open(ByteBuffer m) {
        OfferedChannel c = find(m);
        int openId = m.getInt(MessageLayout.OPEN_ID);
        int status = c == null ? REFUSED : tryOpen(c, m, openId);
        if (status != 0) {
            notes.count(VmbusCounter.OPENS_REFUSED);
        }
        ByteBuffer answer = MessageSender.message(ChannelMessage.OPEN_CHANNEL_RESULT);
        answer.putInt(MessageLayout.RELID, m.getInt(MessageLayout.RELID));
        sender.send(answer.putInt(MessageLayout.OPEN_RESULT_ID, openId).putInt(MessageLayout.OPEN_RESULT_STATUS, status));
    }

    private int tryOpen(OfferedChannel c, ByteBuffer m, int openId) {
        int targetVp = m.getInt(MessageLayout.OPEN_TARGET_VP);
        if (c.state() != ChannelState.OFFERED || targetVp < 0 || targetVp >= host.processors()) {
            return REFUSED;
        }
        c.openId = openId;
        c.ringGpadl = m.getInt(MessageLayout.OPEN_RING_GPADL);
        c.downstreamPage = m.getInt(MessageLayout.OPEN_DOWNSTREAM_PAGE);
        c.userData = new byte[MessageLayout.USER_DATA_SIZE];
        m.get(MessageLayout.OPEN_USER_DATA, c.userData);
        Channel channel = makeChannel(c, targetVp);
        if (channel == null) {
            return REFUSED;
        }
        c.become(ChannelState.OPENING);
        int status = REFUSED;
        try {
            status = c.device().opened(channel);
        } catch (RuntimeException | Error e) {
            notes.failed(c.offer().name() + ": the device failed to open", e);
        }
        if (status != 0) {
            c.become(ChannelState.OFFERED);
            return status;
        }
        c.become(ChannelState.OPEN);
        start(c, channel);
        return 0;
    }

    /** {@return a channel over the rings the guest named, or null when they are none} */
    private Channel makeChannel(OfferedChannel c, int targetVp) {
        GuestPages ring = gpadl(c.relid(), c.ringGpadl);
        int split = c.downstreamPage;
        if (ring == null || split < 2 || split > ring.count() - 2) {
            return null;
        }
        RingReader reader = new RingReader(ring.slice(0, split));
        RingWriter writer = new RingWriter(ring.slice(split, ring.count() - split));
        return reader.broken() || writer.broken() ? null : new Channel(this, c, sender.sint(), targetVp, reader, writer, c.userData);
    }

    private void start(OfferedChannel c, Channel channel) {
        c.channel(channel);
        host.connectEvents(connectionId(c), channel::signal);
        channel.start();
    }

    /** If it is open, it is OFFERED afterwards. */
    private void stop(OfferedChannel c) {
        if (c.state() == ChannelState.OPEN) {
            c.become(ChannelState.CLOSING);
            host.disconnectEvents(connectionId(c));
            c.channel().stop();
            c.channel(null);
            c.become(ChannelState.OFFERED);
        }
    }

    private void close(OfferedChannel c) {
        if (c == null || c.state() != ChannelState.OPEN) {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
            return;
        }
        stop(c);
        rescindSubChannels(c);
    }

    private void rescindSubChannels(OfferedChannel primary) {
        if (primary.offer().subChannelIndex() == 0) {
            for (OfferedChannel s : channels.clone()) {
                if (s != null && s != primary && s.offer().sameDevice(primary.offer()) && s.offer().subChannelIndex() != 0) {
                    rescindNow(s);
                }
            }
        }
    }

    private void rescindNow(OfferedChannel c) {
        if (channels[c.relid()] != c || c.state() == ChannelState.RESCINDED) {
            return;
        }
        rescindSubChannels(c);
        stop(c);
        if (c.state() == ChannelState.PENDING) {
            remove(c);
            return;
        }
        c.become(ChannelState.RESCINDED);
        sender.send(MessageSender.message(ChannelMessage.RESCIND_CHANNEL_OFFER).putInt(MessageLayout.RELID, c.relid()));
    }

    private void relidReleased(OfferedChannel c) {
        if (c == null || c.state() != ChannelState.RESCINDED) {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
            return;
        }
        remove(c);
    }

    private void remove(OfferedChannel c) {
        c.become(ChannelState.REMOVED);
        channels[c.relid()] = null;
        gpadls.removeAllOf(c.relid());
    }

    private void gpadlTeardown(ByteBuffer m) {
        int handle = m.getInt(MessageLayout.GPADL);
        GpadlTable.Gpadl g = gpadls.get(handle);
        if (g == null) {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
        } else {
            // A guest that takes memory back which an open channel may use loses the channel: the promise of TORNDOWN is kept.
            OfferedChannel c = channels[g.relid];
            if (c != null && c.state() == ChannelState.OPEN && c.ringGpadl == handle) {
                notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
                close(c);
            }
            gpadls.remove(g);
        }
        sharing.tornDown(handle);
    }

    private void modify(ByteBuffer m) {
        OfferedChannel c = find(m);
        int vp = m.getInt(MessageLayout.MODIFY_TARGET_VP);
        boolean good = c != null && c.state() == ChannelState.OPEN && vp >= 0 && vp < host.processors();
        if (good) {
            c.channel().targetVp(vp);
        } else {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
        }
        if (ChannelMessage.MODIFY_CHANNEL_RESPONSE.size(version) > 0) {
            sender.send(MessageSender.message(ChannelMessage.MODIFY_CHANNEL_RESPONSE)
                    .putInt(MessageLayout.RELID, m.getInt(MessageLayout.RELID)).putInt(MessageLayout.MODIFY_STATUS, good ? 0 : REFUSED));
        }
    }

    /** Makes every channel stand still with its I/O finished or parked, and waits for it; VPs should stand still already. */
    public void pause() {
        control.call(() -> {
            paused = true;
            List<CountDownLatch> all = new ArrayList<>();
            for (OfferedChannel c : channels) {
                if (c != null && c.state() == ChannelState.OPEN) {
                    all.add(c.channel().pause());
                }
            }
            for (CountDownLatch latch : all) {
                latch.await();
            }
            return null;
        });
    }

    /** Lets every channel go on. */
    public void resume() {
        control.call(() -> {
            paused = false;
            for (OfferedChannel c : channels) {
                if (c != null && c.state() == ChannelState.OPEN) {
                    c.channel().resume();
                }
            }
            return null;
        });
    }

    /** {@return the state of the bus} @throws IllegalStateException when it is not paused */
    public VmbusState save() {
        return control.call(() -> {
            if (!paused) {
                throw new IllegalStateException("the bus is saved only while it is paused");
            }
            List<VmbusState.ChannelRecord> records = new ArrayList<>();
            for (OfferedChannel c : channels) {
                if (c != null) {
                    Offer o = c.offer();
                    int vp = c.channel() == null ? 0 : c.channel().targetVp();
                    records.add(new VmbusState.ChannelRecord(o.type(), o.instance(), o.subChannelIndex(), c.relid(), c.state(), c.openId, vp,
                            c.ringGpadl, c.downstreamPage, c.userData.clone()));
                }
            }
            List<VmbusState.GpadlRecord> shared = new ArrayList<>();
            gpadls.all().forEach(g -> shared.add(new VmbusState.GpadlRecord(g.relid, g.handle, g.arrived, g.pfns.clone())));
            return new VmbusState(VmbusState.FORMAT, version == null ? 0 : version.code(), sender.vp(), sender.sint(), offersDelivered,
                    records, shared, sender.save());
        });
    }

    /**
     * Takes over the state of a bus whose guest memory has been restored. The host has offered the same channels, sub-channels included, and
     * restored its devices; open channels are resumed and start to run.
     *
     * @throws IllegalArgumentException when the state does not fit what is offered
     */
    public void restore(VmbusState state) {
        control.call(() -> {
            restoreNow(state);
            return null;
        });
    }

    private void restoreNow(VmbusState state) {
        if (state.format() != VmbusState.FORMAT || version != null || state.version() != 0 && VmbusVersion.of(state.version()) == null
                || state.targetVp() < 0 || state.targetVp() >= host.processors() || state.sint() < 1 || state.sint() > 15) {
            throw new IllegalArgumentException("bus state does not fit: format=" + state.format() + ", version=" + state.version());
        }
        List<OfferedChannel> offered = new ArrayList<>();
        for (int i = 0; i < channels.length; i++) {
            if (channels[i] != null) {
                offered.add(channels[i]);
                channels[i] = null;
            }
        }
        version = VmbusVersion.of(state.version());
        offersDelivered = state.offersDelivered();
        sender.target(state.targetVp(), state.sint());
        for (VmbusState.GpadlRecord r : state.gpadls()) {
            GpadlTable.Gpadl g = gpadls.begin(r.relid(), r.handle(), r.pfns().length);
            if (g == null) {
                throw new IllegalArgumentException("bus state has a bad GPADL: handle=" + r.handle());
            }
            System.arraycopy(r.pfns(), 0, g.pfns, 0, g.pfns.length);
            g.arrived = r.arrived();
            if (g.whole() && !gpadls.complete(g, host.gpa())) {
                throw new IllegalArgumentException("bus state has a GPADL outside of memory: handle=" + r.handle());
            }
        }
        for (VmbusState.ChannelRecord r : state.channels()) {
            restoreChannel(r, offered);
        }
        for (OfferedChannel c : offered) {
            // Offered by the host since: hot added.
            for (int i = 1; i < channels.length; i++) {
                if (channels[i] == null) {
                    c.relid(i);
                    channels[i] = c;
                    break;
                }
            }
        }
        sender.restore(state.messages());
        if (offersDelivered) {
            offered.forEach(this::sendOffer);
        }
    }

    private void restoreChannel(VmbusState.ChannelRecord r, List<OfferedChannel> offered) {
        Offer wanted = new Offer("saved", r.type(), r.instance(), 0, 0, r.subChannelIndex(), new byte[0]);
        OfferedChannel c = null;
        for (OfferedChannel o : offered) {
            if (o.offer().sameChannel(wanted)) {
                c = o;
            }
        }
        if (r.state() == ChannelState.RESCINDED) {
            c = new OfferedChannel(this, wanted, null, r.relid());
        } else if (c == null) {
            throw new IllegalArgumentException("bus state has a channel that is not offered: instance=" + r.instance() + ", index="
                    + r.subChannelIndex());
        }
        offered.remove(c);
        c.relid(r.relid());
        channels[r.relid()] = c;
        c.openId = r.openId();
        c.ringGpadl = r.ringGpadl();
        c.downstreamPage = r.downstreamPage();
        c.userData = r.userData().clone();
        c.put(r.state());
        if (r.state() == ChannelState.OPEN) {
            Channel channel = makeChannel(c, r.targetVp());
            if (channel == null) {
                // The guest spoilt its rings before; let it find out.
                c.put(ChannelState.OFFERED);
                return;
            }
            c.device().resumed(channel);
            start(c, channel);
        }
    }

    /** Ends all channels and takes the bus away. Not on a VP thread or a channel's. */
    @Override
    public void close() {
        host.disconnectMessages(MessageLayout.CONNECTION_LEGACY);
        host.disconnectMessages(MessageLayout.CONNECTION_CONTACT);
        control.call(() -> {
            disconnect();
            return null;
        });
        control.close();
    }
}
