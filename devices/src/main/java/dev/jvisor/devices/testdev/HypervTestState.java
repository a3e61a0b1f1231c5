package dev.jvisor.devices.testdev;

import java.util.List;

/**
 * What a {@link HypervTestDevice} remembers.
 *
 * @param routes routed SINTs of each VP, one bit each
 * @param messages connections for messages
 * @param events connections for events
 */
public record HypervTestState(int[] routes, List<Connection> messages, List<Connection> events) {
    /**
     * A connection.
     *
     * @param id its number, 0 to 255
     * @param vp who is sent to
     * @param sint where, 0 to 15
     */
    public record Connection(int id, int vp, int sint) { }

    /** Copies what can change. */
    public HypervTestState {
        routes = routes.clone();
        messages = List.copyOf(messages);
        events = List.copyOf(events);
    }
}
