package dev.jvisor.vmbus.server;

/** What the bus counts, per partition. */
public enum VmbusCounter {
    /** Control messages that were handled. */
    MESSAGES,
    /** Control messages the guest was told to send again later, because too many wait. */
    MESSAGES_DEFERRED,
    /** Control messages of no known type, in the wrong direction, or too short; refused. */
    MESSAGES_MALFORMED,
    /** Control messages that made sense but not then: unknown channel or GPADL, not connected, asked twice. */
    MESSAGES_OUT_OF_PLACE,
    /** GPADLs refused: out of bounds, not RAM, or too many. */
    GPADLS_REFUSED,
    /** Opens refused. */
    OPENS_REFUSED,
    /** Channels whose ring the guest spoilt, or whose device failed. */
    CHANNELS_BROKEN,
    /** Exceptions out of a device or the bus itself. Nothing a guest does should raise one: these are faults of ours. */
    FAILURES,
    /** Signals from the guest to open channels. */
    SIGNALS,
    /** Interrupts asked for by channels: signals to the guest. */
    INTERRUPTS,
    /** Connections made. */
    CONNECTIONS
}
