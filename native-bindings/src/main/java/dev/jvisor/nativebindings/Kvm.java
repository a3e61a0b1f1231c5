package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.jvisor.nativebindings.gen.Uapi;
import dev.jvisor.nativebindings.gen.kvm_cpuid2;
import dev.jvisor.nativebindings.gen.kvm_msr_list;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The KVM system descriptor, {@code /dev/kvm}: what the host offers, and the way to a VM. Any thread. */
public final class Kvm implements AutoCloseable {
    /** Where the kernel has it. */
    public static final String DEVICE = "/dev/kvm";
    /** The only API version there ever was; anything else must be refused (kernel documentation, virt/kvm/api.rst 4.1). */
    public static final int API_VERSION = 12;

    private static final int FIRST_LIST = 256;

    private final KvmFd kvm;

    private Kvm(int fd) {
        kvm = new KvmFd(fd, DEVICE);
    }

    /** Opens {@code /dev/kvm}; {@link ErrnoException} tells apart missing (ENOENT) and forbidden (EACCES). */
    public static Kvm open() {
        return new Kvm(LibC.open(DEVICE, Flags.O_RDWR | Flags.O_CLOEXEC));
    }

    /** {@return the file descriptor, for measurements} */
    public int fd() {
        return kvm.fd;
    }

    /** {@return the API version, {@link #API_VERSION}} */
    public int apiVersion() {
        return kvm.call("KVM_GET_API_VERSION", Uapi.KVM_GET_API_VERSION(), 0);
    }

    /** {@return the capability's value: 0 not there, else 1 or what the capability says} */
    public int checkExtension(KvmCap cap) {
        return kvm.call("KVM_CHECK_EXTENSION " + cap, Uapi.KVM_CHECK_EXTENSION(), cap.number());
    }

    /** {@return the size in bytes of a vCPU's shared mapping, more than the struct} */
    public int vcpuMmapSize() {
        return kvm.call("KVM_GET_VCPU_MMAP_SIZE", Uapi.KVM_GET_VCPU_MMAP_SIZE(), 0);
    }

    /** {@return the CPUID lines this host and kernel can give a guest} */
    public List<KvmCpuidEntry> supportedCpuid() {
        try (Arena arena = Arena.ofConfined()) {
            for (int n = FIRST_LIST;; n *= 2) {
                MemorySegment table = KvmTables.allocateCpuid(arena, n);
                int result = LibC.ioctl(kvm.fd, Uapi.KVM_GET_SUPPORTED_CPUID(), table);
                if (result != -Uapi.E2BIG()) {
                    kvm.check("KVM_GET_SUPPORTED_CPUID", result);
                    return KvmTables.readCpuid(table, kvm_cpuid2.nent(table));
                }
            }
        }
    }

    /** {@return the MSRs that make up a vCPU's state on this host} */
    public int[] msrIndexList() {
        return msrList("KVM_GET_MSR_INDEX_LIST", Uapi.KVM_GET_MSR_INDEX_LIST());
    }

    /** {@return the MSRs that describe features of this host} */
    public int[] featureMsrIndexList() {
        return msrList("KVM_GET_MSR_FEATURE_INDEX_LIST", Uapi.KVM_GET_MSR_FEATURE_INDEX_LIST());
    }

    private int[] msrList(String name, long request) {
        try (Arena arena = Arena.ofConfined()) {
            for (int n = FIRST_LIST;; n *= 2) {
                long header = kvm_msr_list.layout().byteSize();
                MemorySegment list = arena.allocate(header + 4L * n, 8);
                kvm_msr_list.nmsrs(list, n);
                int result = LibC.ioctl(kvm.fd, request, list);
                if (result != -Uapi.E2BIG()) {
                    kvm.check(name, result);
                    return list.asSlice(header, 4L * kvm_msr_list.nmsrs(list)).toArray(JAVA_INT);
                }
            }
        }
    }

    /** {@return a new VM with nothing in it} */
    public KvmVm createVm() {
        int fd;
        int interrupted = -Uapi.EINTR();
        do {
            // The kernel may notice a pending signal while it registers its memory notifier.
            fd = LibC.ioctl(kvm.fd, Uapi.KVM_CREATE_VM(), 0L);
        } while (fd == interrupted);
        return new KvmVm(kvm.check("KVM_CREATE_VM", fd), vcpuMmapSize());
    }

    @Override
    public void close() {
        kvm.close();
    }
}
