/**
 * The architectural state of a virtual processor as a value. {@link dev.jvisor.vmm.state.VpState} is what both backends read and write,
 * what save and restore store, and what moves a VP from one engine to the other.
 */
package dev.jvisor.vmm.state;
