package dev.jvisor.vmbus.server;

import dev.jvisor.vmm.hyperv.EventPort;
import dev.jvisor.vmm.hyperv.Hypervisor;
import dev.jvisor.vmm.hyperv.MessagePort;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;

/** What the bus needs of a hypervisor; so that it runs over a partition, and in tests over a guest that is not there. */
public interface VmbusHost {
    /** {@return the guest's memory} */
    GpaSpace gpa();

    /** {@return number of virtual processors} */
    int processors();

    /** Puts a port behind a connection that the guest posts messages to. */
    void connectMessages(int connectionId, MessagePort port);

    /** Takes that port away. */
    void disconnectMessages(int connectionId);

    /** Puts a port behind a connection that the guest signals. */
    void connectEvents(int connectionId, EventPort port);

    /** Takes that port away. */
    void disconnectEvents(int connectionId);

    /** Sends the guest a SynIC message. {@return false when the queue is full; the listener of {@link #onMessageSpace} tells when to try again} */
    boolean postMessage(int vp, int sint, int messageType, long sender, MemorySegment payload, int size);

    /** Adds a listener for space in a message queue that was full. */
    void onMessageSpace(Runnable listener);

    /** Sets an event flag and interrupts the VP if it was clear. */
    void signalEvent(int vp, int sint, int flag);

    /** Adds something to do when the guest resets; every VP stands still. */
    void onReset(Runnable hook);

    /** {@return the host of a partition} */
    static VmbusHost of(Hypervisor hypervisor) {
        return new VmbusHost() {
            @Override
            public GpaSpace gpa() {
                return hypervisor.gpa();
            }

            @Override
            public int processors() {
                return hypervisor.processors();
            }

            @Override
            public void connectMessages(int connectionId, MessagePort port) {
                hypervisor.connectMessages(connectionId, port);
            }

            @Override
            public void disconnectMessages(int connectionId) {
                hypervisor.disconnectMessages(connectionId);
            }

            @Override
            public void connectEvents(int connectionId, EventPort port) {
                hypervisor.connectEvents(connectionId, port);
            }

            @Override
            public void disconnectEvents(int connectionId) {
                hypervisor.disconnectEvents(connectionId);
            }

            @Override
            public boolean postMessage(int vp, int sint, int messageType, long sender, MemorySegment payload, int size) {
                return hypervisor.postMessage(vp, sint, messageType, sender, payload, size);
            }

            @Override
            public void onMessageSpace(Runnable listener) {
                hypervisor.onMessageSpace(listener);
            }

            @Override
            public void signalEvent(int vp, int sint, int flag) {
                hypervisor.signalEvent(vp, sint, flag);
            }

            @Override
            public void onReset(Runnable hook) {
                hypervisor.onReset(hook);
            }
        };
    }
}
