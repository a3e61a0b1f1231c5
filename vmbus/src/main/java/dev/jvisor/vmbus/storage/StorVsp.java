package dev.jvisor.vmbus.storage;

import static dev.jvisor.vmbus.protocol.StorVspProtocol.*;

import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiDvd;
import dev.jvisor.devices.scsi.ScsiRequest;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.devices.scsi.ScsiUnit;
import dev.jvisor.devices.scsi.ScsiUnitState;
import dev.jvisor.vmbus.server.Channel;
import dev.jvisor.vmbus.server.ChannelDevice;
import dev.jvisor.vmm.memory.GpaSpace;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The storage VSP: a synthetic SCSI controller with one target, bus 0 target 0, of up to {@link ScsiTarget#MAX_LUNS} units.
 *
 * <p>A guest starts it by BEGIN, proposals of a version until one is taken, QUERY PROPERTIES and END, and may then ask once for more
 * channels; closing the first channel takes it back to the beginning. SRBs may come on any channel and are answered on the same.
 *
 * <p>Thread-safe: channels have a thread each, disks complete on theirs, and units are added and taken away on yet another.
 */
public final class StorVsp {
    private static final Logger LOG = LoggerFactory.getLogger(StorVsp.class);
    /** Bytes that one SRB may move. */
    public static final int TRANSFER_LIMIT = 1 << 20;
    /** Pieces of guest memory of one SRB: as many pages, and one for a start in the middle of one. */
    static final int MAX_PIECES = TRANSFER_LIMIT / 4096 + 1;

    /** How far the start has come. */
    private enum Phase {
        CLOSED, BEGUN, VERSION_AGREED, READY
    }

    // Fixed
    private final ScsiTarget target;
    private final ScsiTarget nobody = new ScsiTarget();
    private final int maxSubChannels;
    private final StorVspMetrics metrics = new StorVspMetrics();
    private final StorQueue first = new StorQueue(this, true);
    /** The first and then all there may be beside it, used or not. */
    private final List<StorQueue> queues;

    // Volatile state
    private volatile Phase phase = Phase.CLOSED;
    private int version;
    private int subChannels;
    private final AtomicInteger awaited = new AtomicInteger();
    private StorSlot resetSlot;

    /**
     * Makes a controller.
     *
     * @param target its units; their changes are told to the guest from now on
     * @param maxSubChannels how many channels a guest may have beside the first; 0 for none
     */
    public StorVsp(ScsiTarget target, int maxSubChannels) {
        this.target = target;
        this.maxSubChannels = maxSubChannels;
        List<StorQueue> all = new ArrayList<>(List.of(first));
        for (int i = 0; i < maxSubChannels; i++) {
            all.add(new StorQueue(this, false));
        }
        queues = List.copyOf(all);
        target.onChange(this::unitsChanged);
    }

    /** {@return its counters} */
    public StorVspMetrics metrics() {
        return metrics;
    }

    /** {@return what serves its first channel, to be offered as {@link dev.jvisor.vmbus.protocol.DeviceClass#SCSI}} */
    public ChannelDevice device() {
        return first;
    }

    StorQueue queue() {
        return first;
    }

    boolean ready() {
        return phase == Phase.READY;
    }

    /** {@return who answers at an address; where no target is, one without units, since guests look everywhere} */
    ScsiTarget target(int path, int id) {
        return path == 0 && id == 0 ? target : nobody;
    }

    private void unitsChanged() {
        if (ready()) {
            first.enumerate();
        }
    }

    /** The first channel was closed: what comes next is a new guest driver. The bus takes the sub-channels away. */
    synchronized void closed() {
        phase = Phase.CLOSED;
        version = 0;
        subChannels = 0;
    }

    /** Carries out anything but an SRB, on the first channel's thread. */
    void control(StorQueue queue, StorSlot slot, int operation) {
        switch (operation) {
            case OP_RESET_LUN, OP_RESET_ADAPTER, OP_RESET_BUS -> {
                if (!beginReset(slot)) {
                    queue.refuse(slot, STATUS_INVALID_DEVICE_STATE);
                }
            }
            case OP_CREATE_SUB_CHANNELS -> createSubChannels(queue, slot);
            default -> {
                int status = start(slot, operation);
                if (status == STATUS_SUCCESS) {
                    slot.answer(status);
                    queue.send(slot);
                } else {
                    queue.refuse(slot, status);
                }
            }
        }
    }

    /** One step of the start. {@return its status} */
    private synchronized int start(StorSlot slot, int operation) {
        switch (operation) {
            case OP_BEGIN_INITIALIZATION -> {
                if (phase == Phase.READY) {
                    return STATUS_INVALID_DEVICE_STATE;
                }
                phase = Phase.BEGUN;
                return STATUS_SUCCESS;
            }
            case OP_QUERY_PROTOCOL_VERSION -> {
                if (phase != Phase.BEGUN) {
                    return STATUS_INVALID_DEVICE_STATE;
                }
                int proposed = slot.u16(VERSION);
                if (proposed != VERSION_WIN10 && proposed != VERSION_WIN8_1 && proposed != VERSION_WIN8) {
                    return STATUS_REVISION_MISMATCH;
                }
                version = proposed;
                phase = Phase.VERSION_AGREED;
                return STATUS_SUCCESS;
            }
            case OP_QUERY_PROPERTIES -> {
                if (phase != Phase.VERSION_AGREED) {
                    return STATUS_INVALID_DEVICE_STATE;
                }
                slot.clearBody();
                slot.put16(MAX_SUB_CHANNELS, maxSubChannels);
                slot.put32(PROPERTY_FLAGS, maxSubChannels > 0 ? PROPERTY_MULTI_CHANNEL : 0);
                slot.put32(MAX_TRANSFER_BYTES, TRANSFER_LIMIT);
                return STATUS_SUCCESS;
            }
            case OP_END_INITIALIZATION -> {
                if (phase != Phase.VERSION_AGREED) {
                    return STATUS_INVALID_DEVICE_STATE;
                }
                phase = Phase.READY;
                return STATUS_SUCCESS;
            }
            default -> {
                return STATUS_INVALID_DEVICE_REQUEST; // FCHBA_DATA too: this is no Fibre Channel
            }
        }
    }

    private void createSubChannels(StorQueue queue, StorSlot slot) {
        int count = slot.u16(SUB_CHANNEL_COUNT);
        int status;
        synchronized (this) {
            if (phase != Phase.READY || subChannels != 0) {
                status = STATUS_INVALID_DEVICE_STATE;
            } else if (count == 0 || count > maxSubChannels) {
                status = STATUS_INVALID_PARAMETER;
            } else {
                status = STATUS_SUCCESS;
                subChannels = count;
            }
        }
        if (status != STATUS_SUCCESS) {
            queue.refuse(slot, status);
            return;
        }
        slot.answer(status);
        queue.send(slot);
        // Offers only after the answer: a guest drops those it has not asked for. On a thread of their own: the bus may be waiting for this
        // channel to close.
        Channel channel = queue.channel();
        Thread.ofVirtual().name("storvsp-offers").start(() -> offerSubChannels(channel, count));
    }

    private void offerSubChannels(Channel channel, int count) {
        try {
            for (int i = 1; i <= count; i++) {
                channel.offerSubChannel(i, queues.get(i));
            }
        } catch (IllegalArgumentException | IllegalStateException e) {
            LOG.debug("{}: no sub-channels: {}", channel.offer().name(), e.getMessage());
        }
    }

    // ---- reset ----

    /** Begins a reset: it is carried out and answered once all SRBs that are with the target now are not any more. */
    private boolean beginReset(StorSlot slot) {
        synchronized (this) {
            if (phase != Phase.READY || resetSlot != null) {
                return false;
            }
            resetSlot = slot;
        }
        awaited.set(1);
        queues.forEach(StorQueue::awaitAll);
        awaitedDone();
        return true;
    }

    void awaitOne() {
        awaited.incrementAndGet();
    }

    /** An SRB that a reset waits for is done; with the last of them, the reset is carried out. */
    void awaitedDone() {
        if (awaited.decrementAndGet() > 0) {
            return;
        }
        StorSlot slot;
        synchronized (this) {
            slot = resetSlot;
            resetSlot = null;
        }
        if (slot.u32(OPERATION) == OP_RESET_LUN) {
            target(slot.u8(PATH), slot.u8(TARGET)).reset(slot.u8(LUN));
        } else {
            target.reset();
        }
        metrics.resets.increment();
        slot.answer(STATUS_SUCCESS);
        first.send(slot);
    }

    // ---- counters ----

    void count(ScsiRequest r, boolean good) {
        switch (r.direction()) {
            case IN -> {
                metrics.reads.increment();
                metrics.readBytes.add(r.transferred());
            }
            case OUT -> {
                metrics.writes.increment();
                metrics.writtenBytes.add(r.transferred());
            }
            case NONE -> metrics.others.increment();
        }
        if (!good) {
            metrics.failed.increment();
        }
    }

    // ---- state ----

    /** {@return what it remembers; its channels are paused} */
    public synchronized StorVspState save() {
        Map<Integer, ScsiUnitState> units = new HashMap<>();
        for (int lun = 0; lun < ScsiTarget.MAX_LUNS; lun++) {
            switch (target.unit(lun)) {
                case ScsiDisk disk -> units.put(lun, disk.save());
                case ScsiDvd dvd -> units.put(lun, dvd.save());
                case null -> { }
            }
        }
        List<StorVspState.Answer> answers = new ArrayList<>();
        for (int i = 0; i < queues.size(); i++) {
            answers.addAll(queues.get(i).saveWaiting(i));
        }
        return new StorVspState(phase.name(), version, subChannels, units, answers);
    }

    /** {@return SRBs on their way} */
    public int underway() {
        return queues.stream().mapToInt(StorQueue::underway).sum();
    }

    /**
     * Replaces what it remembers, before its channels are resumed.
     *
     * @param memory the guest's
     * @return what serves its sub-channels, by index from 1, to be offered again
     * @throws IllegalArgumentException when the state was not saved by a controller like this one
     */
    public synchronized List<ChannelDevice> restore(StorVspState s, GpaSpace memory) {
        if (s.subChannels() < 0 || s.subChannels() > maxSubChannels) {
            throw new IllegalArgumentException("too many sub-channels: subChannels=" + s.subChannels());
        }
        phase = Phase.valueOf(s.phase());
        version = s.version();
        subChannels = s.subChannels();
        s.units().forEach((lun, state) -> {
            ScsiUnit unit = target.unit(lun);
            switch (unit) {
                case ScsiDisk disk -> disk.restore(state);
                case ScsiDvd dvd -> dvd.restore(state);
                case null -> throw new IllegalArgumentException("no unit to restore: lun=" + lun);
            }
        });
        for (StorVspState.Answer a : s.answers()) {
            queues.get(a.subChannel()).restoreWaiting(a, memory);
        }
        return List.copyOf(queues.subList(1, 1 + subChannels));
    }
}
