package dev.jvisor.vmbus.server;

/**
 * Where a channel is in its life. The guest's messages and the host's wishes move it:
 * <pre>
 *                            host: offer()
 *                                 |
 *                                 v        REQUEST_OFFERS, or offered later
 *        +-----------------&gt;  PENDING  ----------------------------+
 *        | contact, unload,       |                                 v
 *        | reset (primary         | host: rescind()            OFFERED &lt;------------------------+
 *        | channels)              v                             |  |  OPEN_CHANNEL               |
 *        |                     REMOVED  &lt;--------------+        |  +-------------&gt; OPENING --refused
 *        |                        ^                    |        |                     |          |
 *        |  contact, unload, reset| RELID_RELEASED,    |        | rescind()           | accepted |
 *        |  (sub-channels)        | contact, unload,   |        v                     v          |
 *        |                        | reset          RESCINDED &lt;--------- CLOSING &lt;---- OPEN        |
 *        |                        |                                 rescind()  |  CLOSE_CHANNEL |
 *        +------------------------+--------------------------------------------+----------------+
 * </pre>
 * <table>
 * <caption>Transitions</caption>
 * <tr><th>from</th><th>on</th><th>to</th><th>done</th></tr>
 * <tr><td>PENDING</td><td>offers delivered</td><td>OFFERED</td><td>OFFER_CHANNEL sent</td></tr>
 * <tr><td>PENDING</td><td>rescind</td><td>REMOVED</td><td>nothing: the guest never knew</td></tr>
 * <tr><td>OFFERED</td><td>OPEN_CHANNEL</td><td>OPENING</td><td>rings checked, device asked</td></tr>
 * <tr><td>OPENING</td><td>accepted</td><td>OPEN</td><td>thread started, event connected, result 0</td></tr>
 * <tr><td>OPENING</td><td>refused</td><td>OFFERED</td><td>result with status</td></tr>
 * <tr><td>OPEN</td><td>CLOSE_CHANNEL, rescind, contact, unload, reset</td><td>CLOSING</td><td>event disconnected, thread told to end</td></tr>
 * <tr><td>CLOSING</td><td>device done</td><td>OFFERED</td><td>after a close: sub-channels are rescinded</td></tr>
 * <tr><td>OFFERED</td><td>rescind</td><td>RESCINDED</td><td>RESCIND_CHANNEL_OFFER sent</td></tr>
 * <tr><td>OFFERED</td><td>contact, unload, reset</td><td>PENDING, sub-channels REMOVED</td><td>a new connection gets new offers</td></tr>
 * <tr><td>RESCINDED</td><td>RELID_RELEASED, contact, unload, reset</td><td>REMOVED</td><td>GPADLs dropped, relid free again</td></tr>
 * </table>
 * A channel that broke (its ring made no sense) stays OPEN, with its device already closed, until the guest closes it.
 */
public enum ChannelState {
    /** The host has it, the guest does not know. */
    PENDING,
    /** The guest knows. */
    OFFERED,
    /** The device is asked. */
    OPENING,
    /** Packets flow. */
    OPEN,
    /** The device finishes. */
    CLOSING,
    /** Taken away; the guest has not said that it forgot. */
    RESCINDED,
    /** Gone; its relid may be used again. */
    REMOVED;

    boolean mayBecome(ChannelState next) {
        return switch (this) {
            case PENDING -> next == OFFERED || next == REMOVED;
            case OFFERED -> next == OPENING || next == RESCINDED || next == PENDING || next == REMOVED;
            case OPENING -> next == OPEN || next == OFFERED;
            case OPEN -> next == CLOSING;
            case CLOSING -> next == OFFERED;
            case RESCINDED -> next == REMOVED;
            case REMOVED -> false;
        };
    }
}
