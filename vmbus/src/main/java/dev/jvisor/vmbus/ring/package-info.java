/**
 * Rings over guest memory in place: {@link dev.jvisor.vmbus.ring.GuestPages} is what a GPADL names,
 * {@link dev.jvisor.vmbus.ring.RingReader} takes packets out of one ring and {@link dev.jvisor.vmbus.ring.RingWriter} puts them into the
 * other, with the signalling rules of Linux 6.1's {@code drivers/hv/ring_buffer.c}. Nothing is allocated per packet. The peer is hostile:
 * what is read from the ring is copied once, many packets at a time, validated, and used from the copy; a ring's own index is never read back.
 *
 * <p>A host's end of a channel works so:
 * <pre>
 *   signalled:  do { while (reader.read(packet) == PACKET) handle(packet); reader.release() }  while (reader.unmask())
 *   to send:    while ((result = writer.write(...)) == FULL) wait for a signal;  if (writer.publish()) signal the guest
 * </pre>
 * Each half belongs to one thread at a time; the two halves of a channel may be on two threads.
 */
package dev.jvisor.vmbus.ring;
