package dev.jvisor.vmm.hyperv;

import java.lang.foreign.MemorySegment;

/** The host's end of a connection that the guest posts messages to (HvPostMessage, TLFS 11.9). */
@FunctionalInterface
public interface MessagePort {
    /**
     * Takes a message. On the VP's thread, inside its hypercall: must be quick; several VPs may post at once.
     *
     * @param vp index of the virtual processor that posts
     * @param messageType the guest's own number, below 0x80000000
     * @param message a private copy of the payload, valid during the call only
     * @param size bytes of payload, 0 to 240
     * @return a {@link HvStatus} code; {@link HvStatus#INSUFFICIENT_BUFFERS} makes the guest try again later
     */
    int post(int vp, int messageType, MemorySegment message, int size);
}
