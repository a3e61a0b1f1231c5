package dev.jvisor.devices.testdev;

import dev.jvisor.vmm.hyperv.EventPort;
import dev.jvisor.vmm.hyperv.HvStatus;
import dev.jvisor.vmm.hyperv.Hypervisor;
import dev.jvisor.vmm.hyperv.MessagePort;
import dev.jvisor.vmm.partition.PortDevice;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The far end of a guest's tests of its SynIC: raises SINTs when told to, and has connections that send back what they are sent. Source:
 * QEMU, {@code hw/hyperv/hyperv_testdev.c}.
 *
 * <pre>
 *   port 3000, 32 bits:  SINT @0 · VP index @8 · command @16 · connection @24, a byte each
 *
 *   1 routes the SINT of the VP          4 connects messages: they come back to the SINT of the VP      6 the same for events, which
 *   2 takes the route away               5 disconnects messages                                         7 set the flag of the connection's
 *   3 raises a SINT that has a route                                                                    number
 * </pre>
 *
 * <p>Commands about VPs, SINTs, routes or connections that are not there are ignored. Thread-safe.
 */
public final class HypervTestDevice implements PortDevice {
    /** The port. */
    public static final int PORT = 0x3000;
    /** How many ports it takes, so that a 32-bit OUT is one access. */
    public static final int PORTS = 4;

    private static final int ROUTE = 1, UNROUTE = 2, RAISE = 3, CONNECT_MESSAGES = 4, DISCONNECT_MESSAGES = 5, CONNECT_EVENTS = 6,
            DISCONNECT_EVENTS = 7;
    private static final int CONNECTIONS = 256;

    private final Hypervisor hypervisor;

    /** Routed SINTs of each VP, one bit each. */
    private final int[] routes;
    private final Echo[] messages = new Echo[CONNECTIONS];
    private final Echo[] events = new Echo[CONNECTIONS];

    /** @param hypervisor whose SynIC it works; its connection numbers 0 to 255 are this device's when the guest takes them */
    public HypervTestDevice(Hypervisor hypervisor) {
        this.hypervisor = hypervisor;
        routes = new int[hypervisor.processors()];
        hypervisor.onReset(this::reset);
    }

    private synchronized void reset() {
        java.util.Arrays.fill(routes, 0);
        for (int c = 0; c < CONNECTIONS; c++) {
            disconnectMessages(c);
            disconnectEvents(c);
        }
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return 0;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        if (port != PORT || size != 4) {
            return;
        }
        int sint = value & 0xFF;
        int target = value >>> 8 & 0xFF;
        int connection = value >>> 24;
        boolean valid = sint < Hypervisor.SINTS && target < routes.length;
        switch (value >>> 16 & 0xFF) {
            case ROUTE -> {
                if (valid) {
                    routes[target] |= 1 << sint;
                }
            }
            case UNROUTE -> {
                if (valid) {
                    routes[target] &= ~(1 << sint);
                }
            }
            case RAISE -> {
                if (valid && (routes[target] >>> sint & 1) != 0) {
                    hypervisor.raiseSint(target, sint);
                }
            }
            case CONNECT_MESSAGES -> {
                if (valid) {
                    connectMessages(connection, target, sint);
                }
            }
            case DISCONNECT_MESSAGES -> disconnectMessages(connection);
            case CONNECT_EVENTS -> {
                if (valid) {
                    connectEvents(connection, target, sint);
                }
            }
            case DISCONNECT_EVENTS -> disconnectEvents(connection);
            default -> { }
        }
    }

    private void connectMessages(int connection, int vp, int sint) {
        messages[connection] = new Echo(vp, sint, connection);
        hypervisor.connectMessages(connection, messages[connection]);
    }

    private void connectEvents(int connection, int vp, int sint) {
        events[connection] = new Echo(vp, sint, connection);
        hypervisor.connectEvents(connection, events[connection]);
    }

    private void disconnectMessages(int connection) {
        if (messages[connection] != null) {
            messages[connection] = null;
            hypervisor.disconnectMessages(connection);
        }
    }

    private void disconnectEvents(int connection) {
        if (events[connection] != null) {
            events[connection] = null;
            hypervisor.disconnectEvents(connection);
        }
    }

    /** {@return what it remembers} */
    public synchronized HypervTestState save() {
        return new HypervTestState(routes, ends(messages), ends(events));
    }

    private static List<HypervTestState.Connection> ends(Echo[] of) {
        return Stream.of(of).filter(Objects::nonNull).map(e -> new HypervTestState.Connection(e.connection, e.vp, e.sint)).toList();
    }

    /**
     * Replaces what it remembers, and connects anew.
     *
     * @throws IllegalArgumentException when the state is of another number of processors
     */
    public synchronized void restore(HypervTestState s) {
        if (s.routes().length != routes.length) {
            throw new IllegalArgumentException("state is of another number of processors: processors=" + s.routes().length);
        }
        reset();
        System.arraycopy(s.routes(), 0, routes, 0, routes.length);
        s.messages().forEach(c -> connectMessages(c.id(), c.vp(), c.sint()));
        s.events().forEach(c -> connectEvents(c.id(), c.vp(), c.sint()));
    }

    /** A connection's host end: sends back. */
    private final class Echo implements MessagePort, EventPort {
        private final int vp;
        private final int sint;
        private final int connection;

        Echo(int vp, int sint, int connection) {
            this.vp = vp;
            this.sint = sint;
            this.connection = connection;
        }

        @Override
        public int post(int sender, int messageType, MemorySegment message, int size) {
            return hypervisor.postMessage(vp, sint, messageType, connection, message, size) ? HvStatus.SUCCESS : HvStatus.INSUFFICIENT_BUFFERS;
        }

        @Override
        public void signal(int flag) {
            hypervisor.signalEvent(vp, sint, connection);
        }
    }
}
