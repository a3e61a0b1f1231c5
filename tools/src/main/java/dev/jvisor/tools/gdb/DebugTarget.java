package dev.jvisor.tools.gdb;

import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.VpState;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** What a debugger needs of a partition. All but {@link #interrupt} are called only while it is stopped, by one thread. */
public interface DebugTarget {
    /** Why a partition stopped. */
    enum Reason {
        /** A breakpoint, a watchpoint or a finished single step. */
        TRAP,
        /** {@link DebugTarget#interrupt()}. */
        INTERRUPT,
        /** The partition has ended and cannot go on. */
        ENDED
    }

    /**
     * A stop.
     *
     * @param vp the virtual processor that caused it
     * @param exitCode of an ended partition; else 0
     * @param hit the watchpoint that it is for, or null
     */
    record Stop(int vp, Reason reason, int exitCode, Watchpoint hit) {
        /** Makes a stop that is not for a watchpoint. */
        public Stop(int vp, Reason reason, int exitCode) {
            this(vp, reason, exitCode, null);
        }
    }

    /** {@return how many virtual processors there are} */
    int processors();

    /** {@return the state of a VP; a copy that may be changed and handed to {@link #setState}} */
    VpState state(int vp);

    /** Replaces the state of a VP. */
    void setState(int vp, VpState state);

    /**
     * Reads guest memory as a VP's paging sees it.
     *
     * @return the bytes up to the first page that cannot be read
     */
    byte[] read(int vp, long gva, int length);

    /** Writes guest memory as a VP's paging sees it. {@return whether all of it was memory} */
    boolean write(int vp, long gva, byte[] bytes);

    /**
     * Chooses the data whose use stops a VP behind the instruction that used it, in place of what was chosen before.
     *
     * @return false, with nothing watched, when the partition's engine cannot
     */
    boolean watch(List<Watchpoint> watchpoints);

    /** Lets all VPs run until something stops them. @param breakpoints linear addresses of instructions */
    void resume(Set<Long> breakpoints);

    /** Lets one VP execute one instruction while the others wait. */
    void step(int vp);

    /** Stops a running partition soon; the listener is told. Any thread. */
    void interrupt();

    /** Says who is told of stops, on any thread. */
    void onStop(Consumer<Stop> listener);

    /** Ends the partition. */
    void kill();

    /** {@return text for a person on a VP: registers, last code} */
    String explain(int vp);
}
