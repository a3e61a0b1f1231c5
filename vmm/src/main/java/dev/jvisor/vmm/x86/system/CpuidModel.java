package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.backend.CpuFeature.Place;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.CpuidTable.Entry;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Mmu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What processor the software CPU says it is: exactly the features it has (Intel SDM 2A, "CPUID").
 *
 * <p>The vendor is GenuineIntel so that Linux takes the frequencies of TSC and APIC timer from leaf 15H (native_calibrate_tsc) and calibrates
 * nothing. Family 6, model 36H is an in-order Atom: Linux lists it as not speculating (cpu_vuln_whitelist), so it switches on none of the
 * mitigations that would only cost time here; IA32_ARCH_CAPABILITIES says the same to those who ask it.
 */
public final class CpuidModel {
    /** Highest basic and extended leaves. */
    private static final int MAX_BASIC = 0x16, MAX_EXTENDED = 0x80000008;
    private static final int SIGNATURE = 0x0003_0661;
    private static final long CRYSTAL_HZ = 1_000_000_000L;
    private static final String BRAND = "jvisor software CPU";

    /** XSAVE components: x87, SSE and AVX. */
    private static final int XCR0 = 7;
    private static final int XCR0_AVX = 4;
    /** Bytes of an XSAVE area with x87 and SSE, which are legacy region and header; and those of component 2, the upper halves of YMM. */
    private static final int XSAVE_SIZE = 576, AVX_SIZE = 256;

    /** x2APIC, TSC_DEADLINE, hypervisor; {@link CpuFeature} adds the instructions. */
    private static final int LEAF1_ECX = 1 << 21 | 1 << 24 | 1 << 31;
    /** With MCE and MCA, but no bank that could report anything: Linux calls it an error to have none of it. */
    private static final int LEAF1_EDX = 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 12 | 1 << 13
            | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;
    /** FSGSBASE, TSC_ADJUST, SMEP, ERMS, no selectors with the x87's pointers, SMAP. */
    private static final int LEAF7_EBX = 1 | 1 << 1 | 1 << 7 | 1 << 9 | 1 << 13 | 1 << 20;
    /** UMIP. */
    private static final int LEAF7_ECX = 1 << 2;
    /** FSRM, ARCH_CAPABILITIES. No IBRS, STIBP, SSBD: with them Linux says "vulnerable" of what it need not mitigate. */
    private static final int LEAF7_EDX = 1 << 4 | 1 << 29;

    private CpuidModel() { }

    /**
     * Builds the table of a partition.
     *
     * @param processors VPs, for the topology leaves
     * @param tscHz frequency of the TSC
     * @param level how much of the instruction set is announced
     * @return the answers; hypervisor leaves are added by whoever offers an interface
     */
    public static CpuidTable build(int processors, long tscHz, CpuLevel level) {
        List<Entry> t = new ArrayList<>();
        basic(t, processors, level);
        caches(t, processors);
        t.add(new Entry(7, 0, 0, LEAF7_EBX | CpuFeature.bits(Place.LEAF7_EBX, level), LEAF7_ECX | CpuFeature.bits(Place.LEAF7_ECX, level),
                LEAF7_EDX));
        topology(t, processors);
        if (level.offers(CpuFeature.XSAVE)) {
            t.add(new Entry(0xD, 0, XCR0, XSAVE_SIZE, XSAVE_SIZE + AVX_SIZE, 0));
            t.add(new Entry(0xD, 1, CpuFeature.bits(Place.LEAFD_1_EAX, level), XSAVE_SIZE, 0, 0));
            // Component 2: its size and place.
            t.add(new Entry(0xD, 2, AVX_SIZE, XSAVE_SIZE, 0, 0));
        }
        long gcd = gcd(tscHz, CRYSTAL_HZ);
        int mhz = (int) (tscHz / 1_000_000);
        t.add(new Entry(0x15, CpuidTable.ANY, (int) (CRYSTAL_HZ / gcd), (int) (tscHz / gcd), (int) CRYSTAL_HZ, 0));
        t.add(new Entry(0x16, CpuidTable.ANY, mhz, mhz, 100, 0));
        extended(t, level);
        return new CpuidTable(t);
    }

    private static void basic(List<Entry> t, int processors, CpuLevel level) {
        // "Genu" "ineI" "ntel"
        t.add(new Entry(0, CpuidTable.ANY, MAX_BASIC, 0x756E6547, 0x6C65746E, 0x49656E69));
        int threads = 1 << shift(processors);
        int htt = processors > 1 ? 1 << 28 : 0;
        t.add(new Entry(1, CpuidTable.ANY, SIGNATURE, Math.min(threads, 255) << 16 | 8 << 8,
                LEAF1_ECX | CpuFeature.bits(Place.LEAF1_ECX, level), LEAF1_EDX | htt));
        // Descriptor FFH: caches are in leaf 4.
        t.add(new Entry(2, CpuidTable.ANY, 0x0000_FF01, 0, 0, 0));
        // ARAT: the APIC timer runs in every power state.
        t.add(new Entry(6, CpuidTable.ANY, 1 << 2, 0, 0, 0));
    }

    private static void caches(List<Entry> t, int processors) {
        int cores = Math.min((1 << shift(processors)) - 1, 63);
        t.add(cache(0, 1, 1, 0, cores, 8, 64));
        t.add(cache(1, 2, 1, 0, cores, 8, 64));
        t.add(cache(2, 3, 2, 0, cores, 16, 1024));
        t.add(cache(3, 3, 3, (1 << shift(processors)) - 1, cores, 16, 16384));
    }

    private static Entry cache(int subleaf, int type, int level, int sharing, int cores, int ways, int sets) {
        return new Entry(4, subleaf, type | level << 5 | 1 << 8 | Math.min(sharing, 4095) << 14 | cores << 26, ways - 1 << 22 | 63, sets - 1, 0);
    }

    private static void topology(List<Entry> t, int processors) {
        t.add(new Entry(0xB, 0, 0, 1, 1 << 8, 0));
        t.add(new Entry(0xB, 1, shift(processors), processors, 1 | 2 << 8, 0));
    }

    private static void extended(List<Entry> t, CpuLevel level) {
        t.add(new Entry(0x80000000, CpuidTable.ANY, MAX_EXTENDED, 0, 0, 0));
        // PREFETCHW; SYSCALL, NX, 1 GiB pages, RDTSCP, long mode.
        t.add(new Entry(0x80000001, CpuidTable.ANY, 0, 0, 1 << 8 | CpuFeature.bits(Place.EXTENDED1_ECX, level),
                1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29));
        ByteBuffer brand = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        brand.put(BRAND.getBytes(StandardCharsets.US_ASCII)).rewind();
        for (int k = 0; k < 3; k++) {
            t.add(new Entry(0x80000002 + k, CpuidTable.ANY, brand.getInt(), brand.getInt(), brand.getInt(), brand.getInt()));
        }
        // L2: 1 MiB, 16 ways, 64 bytes a line.
        t.add(new Entry(0x80000006, CpuidTable.ANY, 0, 0, 1024 << 16 | 8 << 12 | 64, 0));
        t.add(new Entry(0x80000007, CpuidTable.ANY, 0, 0, 0, 1 << 8));
        t.add(new Entry(0x80000008, CpuidTable.ANY, Mmu.PHYSICAL_BITS | 48 << 8, 0, 0, 0));
    }

    /** {@return bits that number {@code processors}} */
    private static int shift(int processors) {
        return 32 - Integer.numberOfLeadingZeros(processors - 1);
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    /** {@return the XCR0 bits a table offers, 0 without XSAVE} */
    static long xcr0Offered(CpuidTable t) {
        Entry e = t.find(0xD, 0);
        return e == null ? 0 : Integer.toUnsignedLong(e.eax());
    }

    /** CPUID: the table's answer, with what follows other state. A leaf beyond the last gives the last basic leaf, as Intel's do. */
    static void cpuid(Cpu c, Uop u) {
        Cpu.serialize();
        int leaf = (int) c.r[Cpu.RAX];
        int subleaf = (int) c.r[Cpu.RCX];
        if (beyond(c.cpuid, leaf)) {
            Entry first = c.cpuid.find(0, 0);
            leaf = first == null ? 0 : first.eax();
        }
        Entry e = c.cpuid.find(leaf, subleaf);
        int eax = 0;
        int ebx = 0;
        int ecx = 0;
        int edx = 0;
        if (e != null) {
            eax = e.eax();
            ebx = e.ebx();
            ecx = e.ecx();
            edx = e.edx();
        }
        switch (leaf) {
            case 1 -> {
                ebx = ebx & 0xFF_FFFF | c.index << 24;
                if (!c.interrupts.localApicEnabled()) {
                    edx &= ~(1 << 9);
                }
                ecx = ecx & ~(1 << 27) | ((c.cr4 & Cpu.CR4_OSXSAVE) != 0 ? 1 << 27 : 0);
            }
            case 0xB -> {
                edx = c.index;
                if (e == null) {
                    ecx = subleaf & 0xFF;
                }
            }
            case 0xD -> {
                // The size of an area with what is enabled now; in the compacted format it is the same.
                if (e != null && subleaf < 2 && ebx != 0) {
                    ebx = XSAVE_SIZE + ((c.xcr0 & XCR0_AVX) != 0 ? AVX_SIZE : 0);
                }
            }
            case 0x80000001 -> {
                // SYSCALL is told of, and is there, in 64-bit mode only.
                if (!c.long64()) {
                    edx &= ~(1 << 11);
                }
            }
            default -> { }
        }
        c.r[Cpu.RAX] = eax & 0xFFFF_FFFFL;
        c.r[Cpu.RBX] = ebx & 0xFFFF_FFFFL;
        c.r[Cpu.RCX] = ecx & 0xFFFF_FFFFL;
        c.r[Cpu.RDX] = edx & 0xFFFF_FFFFL;
    }

    private static boolean beyond(CpuidTable t, int leaf) {
        if (leaf >>> 28 == 4) {
            return false;
        }
        Entry first = t.find(leaf & 0x80000000, 0);
        return first == null || Integer.compareUnsigned(leaf, first.eax()) > 0;
    }
}
