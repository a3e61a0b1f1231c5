package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.CpuidTable;

/**
 * What a partition is to be.
 *
 * @param name for people and thread names
 * @param memoryBytes size of RAM; a multiple of 4096, at least 1 MiB
 * @param processors number of virtual processors, 1 to 64
 * @param irqchip where interrupt controllers are wanted; {@link Partition#irqchip()} says where they are
 * @param cpuid CPUID table; null for the backend's own
 * @param cpu how much of the instruction set the guest is offered
 * @param restartOnReset whether a guest's reset starts it again instead of ending with {@link StopReason#RESET}
 */
public record PartitionConfig(String name, long memoryBytes, int processors, Irqchip irqchip, CpuidTable cpuid, CpuLevel cpu,
    boolean restartOnReset) {
    /** Checks the ranges. */
    public PartitionConfig {
        if (memoryBytes < 1 << 20 || memoryBytes % 4096 != 0) {
            throw new IllegalArgumentException("memory must be whole pages and at least 1 MiB: memoryBytes=" + memoryBytes);
        }
        if (processors < 1 || processors > 64) {
            throw new IllegalArgumentException("processors must be 1 to 64: processors=" + processors);
        }
    }

    /** {@return one processor, interrupt controllers of our own, the backend's CPUID, stop on reset} */
    public static PartitionConfig of(String name, long memoryBytes) {
        return new PartitionConfig(name, memoryBytes, 1, Irqchip.USER, null, CpuLevel.MAX, false);
    }

    /** {@return this with another number of processors} */
    public PartitionConfig withProcessors(int n) {
        return new PartitionConfig(name, memoryBytes, n, irqchip, cpuid, cpu, restartOnReset);
    }

    /** {@return this with interrupt controllers elsewhere} */
    public PartitionConfig withIrqchip(Irqchip where) {
        return new PartitionConfig(name, memoryBytes, processors, where, cpuid, cpu, restartOnReset);
    }

    /** {@return this with another CPUID table} */
    public PartitionConfig withCpuid(CpuidTable table) {
        return new PartitionConfig(name, memoryBytes, processors, irqchip, table, cpu, restartOnReset);
    }

    /** {@return this with another part of the instruction set} */
    public PartitionConfig withCpu(CpuLevel level) {
        return new PartitionConfig(name, memoryBytes, processors, irqchip, cpuid, level, restartOnReset);
    }

    /** {@return this with another answer to a guest's reset} */
    public PartitionConfig withRestartOnReset(boolean restart) {
        return new PartitionConfig(name, memoryBytes, processors, irqchip, cpuid, cpu, restart);
    }
}
