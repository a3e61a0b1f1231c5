package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.ChannelMessage;
import dev.jvisor.vmbus.protocol.MessageLayout;
import dev.jvisor.vmm.memory.GpaSpace;
import java.nio.ByteBuffer;

/**
 * The messages by which a guest shares memory: a header with the first pages of a list, bodies with the rest, and the answer when the list is
 * whole or is refused. Source: Linux, {@code __vmbus_establish_gpadl} (drivers/hv/channel.c). Control thread only.
 */
final class GpadlDialogue {
    private static final int PAGE = 4096;
    /** Bytes of a range before its pages: count and offset of bytes. */
    private static final int RANGE_HEADER = 8;

    private final GpadlTable gpadls;
    private final MessageSender sender;
    private final GpaSpace gpa;
    private final BusNotes notes;

    GpadlDialogue(GpadlTable gpadls, MessageSender sender, GpaSpace gpa, BusNotes notes) {
        this.gpadls = gpadls;
        this.sender = sender;
        this.gpa = gpa;
        this.notes = notes;
    }

    /** Begins a list. @param known whether the guest knows of the channel that it is for */
    void header(ByteBuffer m, boolean known) {
        int relid = m.getInt(MessageLayout.RELID);
        int handle = m.getInt(MessageLayout.GPADL);
        int count = (Short.toUnsignedInt(m.getShort(MessageLayout.GPADL_RANGE_BUFFER_LENGTH)) - RANGE_HEADER) / Long.BYTES;
        long bytes = Integer.toUnsignedLong(m.getInt(MessageLayout.GPADL_BYTE_COUNT));
        boolean sound = known && m.getShort(MessageLayout.GPADL_RANGE_COUNT) == 1 && m.getInt(MessageLayout.GPADL_BYTE_OFFSET) == 0
                && count > 0 && count == (bytes + PAGE - 1) / PAGE;
        GpadlTable.Gpadl g = sound ? gpadls.begin(relid, handle, count) : null;
        if (g == null) {
            refuse(relid, handle);
        } else {
            takePages(g, m, MessageLayout.GPADL_HEADER_PFNS);
        }
    }

    /** Goes on with a list. */
    void body(ByteBuffer m) {
        GpadlTable.Gpadl g = gpadls.get(m.getInt(MessageLayout.GPADL));
        if (g == null || g.whole()) {
            notes.count(VmbusCounter.MESSAGES_OUT_OF_PLACE);
            return;
        }
        takePages(g, m, MessageLayout.GPADL_BODY_PFNS);
    }

    /** Bodies carry no useful number: pages are taken as they arrive. */
    private void takePages(GpadlTable.Gpadl g, ByteBuffer m, int offset) {
        int here = Math.min((m.capacity() - offset) / Long.BYTES, g.pfns.length - g.arrived);
        for (int i = 0; i < here; i++) {
            g.pfns[g.arrived++] = m.getLong(offset + i * Long.BYTES);
        }
        if (!g.whole()) {
            return;
        }
        if (gpadls.complete(g, gpa)) {
            created(g.relid, g.handle, 0);
        } else {
            gpadls.remove(g);
            refuse(g.relid, g.handle);
        }
    }

    private void refuse(int relid, int handle) {
        notes.count(VmbusCounter.GPADLS_REFUSED);
        created(relid, handle, VmbusServer.REFUSED);
    }

    private void created(int relid, int handle, int status) {
        sender.send(MessageSender.message(ChannelMessage.GPADL_CREATED).putInt(MessageLayout.RELID, relid)
                .putInt(MessageLayout.GPADL, handle).putInt(MessageLayout.GPADL_CREATED_STATUS, status));
    }

    /** Tells that nothing uses the memory of a handle any more. */
    void tornDown(int handle) {
        sender.send(MessageSender.message(ChannelMessage.GPADL_TORNDOWN).putInt(MessageLayout.GPADL_TORNDOWN_GPADL, handle));
    }
}
