/** Kernels and how they are put into a partition. */
package dev.jvisor.vmm.loader;
