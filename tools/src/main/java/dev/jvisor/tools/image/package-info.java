/** {@code jvisor image}: builds guests out of the distribution's packages and lists them. Start at {@link dev.jvisor.tools.image.ImageCommand}. */
package dev.jvisor.tools.image;
