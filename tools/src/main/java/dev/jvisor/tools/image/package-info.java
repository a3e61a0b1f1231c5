/**
 * {@code jvisor image}: builds guests out of the distribution's packages and lists them; creates, checks and converts disk images. Start at
 * {@link dev.jvisor.tools.image.ImageCommand}; {@code DiskVerbs} has the verbs for disks.
 */
package dev.jvisor.tools.image;
