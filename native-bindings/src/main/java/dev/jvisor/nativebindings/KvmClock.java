package dev.jvisor.nativebindings;

/**
 * The VM's kvmclock ({@code struct kvm_clock_data}).
 *
 * @param clockNs nanoseconds since the VM's creation
 * @param flags {@code KVM_CLOCK_*}: 2 TSC stable, 4 realtime valid, 8 host TSC valid
 * @param realtimeNs host wall clock in nanoseconds at the same instant
 * @param hostTsc host TSC at the same instant
 */
public record KvmClock(long clockNs, int flags, long realtimeNs, long hostTsc) {
}
