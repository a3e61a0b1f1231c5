/** {@code jvisor info}: what this host offers. Start at {@link dev.jvisor.tools.info.InfoCommand}. */
package dev.jvisor.tools.info;
