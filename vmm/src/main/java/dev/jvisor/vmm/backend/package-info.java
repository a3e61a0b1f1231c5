/**
 * What an engine that runs guest code must offer: {@link dev.jvisor.vmm.backend.Backend} makes a
 * {@link dev.jvisor.vmm.backend.BackendPartition}, which makes {@link dev.jvisor.vmm.backend.BackendVp}s, which run until they are told to
 * stop and hand every intercept to an {@link dev.jvisor.vmm.backend.InterceptHandler}. The packages {@code kvm} and {@code x86} implement
 * it; nothing above asks which one it has.
 */
package dev.jvisor.vmm.backend;
