package dev.jvisor.nativebindings;

/**
 * One line of a CPUID table ({@code struct kvm_cpuid_entry2}).
 *
 * @param function the leaf, EAX on input
 * @param index the sub-leaf, ECX on input; counts only when {@code flags} has {@link #SIGNIFICANT_INDEX}
 * @param flags {@code KVM_CPUID_FLAG_*}
 */
public record KvmCpuidEntry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
    /** The leaf has sub-leaves, {@link #index} counts. */
    public static final int SIGNIFICANT_INDEX = 1;
}
