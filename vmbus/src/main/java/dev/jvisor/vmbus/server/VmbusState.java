package dev.jvisor.vmbus.server;

import java.util.List;
import java.util.UUID;

/**
 * The state of the bus of one partition, for saving. Rings are in guest memory and need nothing; devices save their own state.
 *
 * @param format {@link #FORMAT}
 * @param version code of the negotiated protocol version; 0 when not connected
 * @param targetVp VP that takes messages
 * @param sint SINT of messages and signals
 * @param offersDelivered whether the guest has asked for the offers
 * @param channels the channels
 * @param gpadls shared memory
 * @param messages channel messages not handed to the hypervisor yet, in order
 */
public record VmbusState(int format, int version, int targetVp, int sint, boolean offersDelivered, List<ChannelRecord> channels,
        List<GpadlRecord> gpadls, List<byte[]> messages) {
    /** The format of this record. */
    public static final int FORMAT = 1;

    /** Copies the lists. */
    public VmbusState {
        channels = List.copyOf(channels);
        gpadls = List.copyOf(gpadls);
        messages = List.copyOf(messages);
    }

    /**
     * One channel. Type, instance and index find the offer that the restoring host has made.
     *
     * @param type class of the device
     * @param instance the device
     * @param subChannelIndex 0 for the primary
     * @param relid number on the bus
     * @param state OFFERED, OPEN, PENDING or RESCINDED
     * @param openId id of the guest's open
     * @param targetVp VP that is interrupted
     * @param ringGpadl handle of the rings
     * @param downstreamPage pages of the guest-to-host ring
     * @param userData what the guest gave with its open
     */
    public record ChannelRecord(UUID type, UUID instance, int subChannelIndex, int relid, ChannelState state, int openId, int targetVp,
            int ringGpadl, int downstreamPage, byte[] userData) {
    }

    /**
     * One page list.
     *
     * @param relid channel
     * @param handle chosen by the guest
     * @param arrived frame numbers that have arrived
     * @param pfns all frame numbers
     */
    public record GpadlRecord(int relid, int handle, int arrived, long[] pfns) {
    }
}
