package dev.jvisor.vmm.partition;

/**
 * Why a partition stopped.
 *
 * @param kind what happened
 * @param code for {@link Kind#DEBUG_EXIT} the value the guest wrote, else 0
 * @param text for people; may have several lines (a dump); empty when the kind says it all
 */
public record StopReason(Kind kind, int code, String text) {
    /** What can end a partition. */
    public enum Kind {
        /** The guest switched itself off. */
        POWER_OFF,
        /** The guest asked for a reset and the partition is not to restart. */
        RESET,
        /** A VP met an exception it could not deliver. */
        TRIPLE_FAULT,
        /** The guest reported its own crash, as a kernel panic. */
        GUEST_CRASH,
        /** The guest wrote to the debug-exit port. */
        DEBUG_EXIT,
        /** Every VP is halted with interrupts off: nothing can happen any more. */
        HALTED_FOREVER,
        /** The backend or a device failed: our fault or the host's. */
        INTERNAL_ERROR,
        /** Stopped from outside. */
        KILLED
    }

    /** The guest switched itself off. */
    public static final StopReason POWER_OFF = new StopReason(Kind.POWER_OFF, 0, "");
    /** The guest reset itself. */
    public static final StopReason RESET = new StopReason(Kind.RESET, 0, "");
    /** Every VP is halted with interrupts off. */
    public static final StopReason HALTED_FOREVER = new StopReason(Kind.HALTED_FOREVER, 0, "");
    /** Stopped from outside. */
    public static final StopReason KILLED = new StopReason(Kind.KILLED, 0, "");

    /** {@return the reason for a triple fault} */
    public static StopReason tripleFault(String dump) {
        return new StopReason(Kind.TRIPLE_FAULT, 0, dump);
    }

    /** {@return the reason for a crash that the guest reported} */
    public static StopReason guestCrash(String report) {
        return new StopReason(Kind.GUEST_CRASH, 0, report);
    }

    /** {@return the reason for a write to the debug-exit port} */
    public static StopReason debugExit(int value) {
        return new StopReason(Kind.DEBUG_EXIT, value, "");
    }

    /** {@return the reason for a failure of ours or of the host} */
    public static StopReason internalError(String text) {
        return new StopReason(Kind.INTERNAL_ERROR, 0, text);
    }
}
