/**
 * Kernels and how they are put into a partition. {@link dev.jvisor.vmm.loader.KernelImage#open} finds out what a file is;
 * {@link dev.jvisor.vmm.loader.KernelImage#load} writes it into the GPA space and says in what state VP 0 starts. One class for each boot
 * protocol: {@link dev.jvisor.vmm.loader.LinuxLoader} (bzImage), {@link dev.jvisor.vmm.loader.ElfLoader} (PVH),
 * {@link dev.jvisor.vmm.loader.MultibootLoader}, {@link dev.jvisor.vmm.loader.FlatLoader}. What lies where in the first megabyte is in
 * {@link dev.jvisor.vmm.loader.BootLayout}.
 */
package dev.jvisor.vmm.loader;
