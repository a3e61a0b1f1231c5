package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.backend.CpuidTable.Entry;
import java.util.ArrayList;
import java.util.List;

/**
 * The parts of the instruction set that CPUID announces one by one and that user mode can execute: where each is announced (Intel SDM 2A,
 * "CPUID"), and from which {@link CpuLevel} on it is offered. What no constant here names belongs to the baseline, or is a kernel's matter.
 */
public enum CpuFeature {
    /** SSE3. */
    SSE3(Place.LEAF1_ECX, 0, CpuLevel.V2),
    /** Carry-less multiplication. */
    PCLMULQDQ(Place.LEAF1_ECX, 1, CpuLevel.MAX),
    /** Supplemental SSE3. */
    SSSE3(Place.LEAF1_ECX, 9, CpuLevel.V2),
    /** Fused multiply-add. */
    FMA(Place.LEAF1_ECX, 12, CpuLevel.V3),
    /** CMPXCHG16B. */
    CX16(Place.LEAF1_ECX, 13, CpuLevel.V2),
    /** SSE4.1. */
    SSE4_1(Place.LEAF1_ECX, 19, CpuLevel.V2),
    /** SSE4.2. */
    SSE4_2(Place.LEAF1_ECX, 20, CpuLevel.V2),
    /** MOVBE. */
    MOVBE(Place.LEAF1_ECX, 22, CpuLevel.V3),
    /** POPCNT. */
    POPCNT(Place.LEAF1_ECX, 23, CpuLevel.V2),
    /** AES rounds. */
    AES(Place.LEAF1_ECX, 25, CpuLevel.MAX),
    /** XSAVE, XRSTOR, XGETBV, XSETBV. */
    XSAVE(Place.LEAF1_ECX, 26, CpuLevel.V3),
    /** AVX: VEX prefixes, YMM registers. */
    AVX(Place.LEAF1_ECX, 28, CpuLevel.V3),
    /** Half-precision conversion. */
    F16C(Place.LEAF1_ECX, 29, CpuLevel.V3),
    /** RDRAND. */
    RDRAND(Place.LEAF1_ECX, 30, CpuLevel.MAX),
    /** ANDN, BEXTR, BLSI, BLSMSK, BLSR, TZCNT. */
    BMI1(Place.LEAF7_EBX, 3, CpuLevel.V3),
    /** AVX2. */
    AVX2(Place.LEAF7_EBX, 5, CpuLevel.V3),
    /** BZHI, MULX, PDEP, PEXT, RORX, SARX, SHLX, SHRX. */
    BMI2(Place.LEAF7_EBX, 8, CpuLevel.V3),
    /** RDSEED. */
    RDSEED(Place.LEAF7_EBX, 18, CpuLevel.MAX),
    /** ADCX, ADOX. */
    ADX(Place.LEAF7_EBX, 19, CpuLevel.MAX),
    /** CLFLUSHOPT. */
    CLFLUSHOPT(Place.LEAF7_EBX, 23, CpuLevel.MAX),
    /** CLWB. */
    CLWB(Place.LEAF7_EBX, 24, CpuLevel.MAX),
    /** SHA-1 and SHA-256 rounds. */
    SHA(Place.LEAF7_EBX, 29, CpuLevel.MAX),
    /** RDPID. */
    RDPID(Place.LEAF7_ECX, 22, CpuLevel.MAX),
    /** LAHF and SAHF in 64-bit mode. */
    LAHF(Place.EXTENDED1_ECX, 0, CpuLevel.V2),
    /** LZCNT. */
    LZCNT(Place.EXTENDED1_ECX, 5, CpuLevel.V3),
    /** XSAVEOPT. */
    XSAVEOPT(Place.LEAFD_1_EAX, 0, CpuLevel.V3),
    /** XSAVEC, and XRSTOR of the compacted format. */
    XSAVEC(Place.LEAFD_1_EAX, 1, CpuLevel.V3),
    /** XGETBV with ECX = 1. */
    XGETBV1(Place.LEAFD_1_EAX, 2, CpuLevel.V3);

    /** A register of CPUID's answer. */
    public enum Place {
        /** Leaf 1, ECX. */
        LEAF1_ECX(1, 0),
        /** Leaf 7, subleaf 0, EBX. */
        LEAF7_EBX(7, 0),
        /** Leaf 7, subleaf 0, ECX. */
        LEAF7_ECX(7, 0),
        /** Leaf 80000001H, ECX. */
        EXTENDED1_ECX(0x80000001, 0),
        /** Leaf 0DH, subleaf 1, EAX. */
        LEAFD_1_EAX(0xD, 1);

        private final int leaf;
        private final int subleaf;

        Place(int leaf, int subleaf) {
            this.leaf = leaf;
            this.subleaf = subleaf;
        }

        private int get(Entry e) {
            return switch (this) {
                case LEAFD_1_EAX -> e.eax();
                case LEAF7_EBX -> e.ebx();
                default -> e.ecx();
            };
        }

        private Entry with(Entry e, int value) {
            return switch (this) {
                case LEAFD_1_EAX -> new Entry(e.leaf(), e.subleaf(), value, e.ebx(), e.ecx(), e.edx());
                case LEAF7_EBX -> new Entry(e.leaf(), e.subleaf(), e.eax(), value, e.ecx(), e.edx());
                default -> new Entry(e.leaf(), e.subleaf(), e.eax(), e.ebx(), value, e.edx());
            };
        }
    }

    private static final int XSAVE_LEAF = 0xD;
    /** The XSAVE component of AVX, XCR0 with it and those before, and the size of an area that holds them. */
    private static final int AVX_STATE = 2, XCR0_AVX = 7, AREA_AVX = 832;
    /** Leaf 7: AVX-512F, DQ, IFMA, PF, ER, CD, BW, VL; VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ; the rest of AVX-512 and AMX. */
    private static final int LATER_EBX = 0xDC23_0000, LATER_ECX = 0x5F42, LATER_EDX = 0x03C0_010C;

    private final Place place;
    private final int bit;
    private final CpuLevel level;

    CpuFeature(Place place, int bit, CpuLevel level) {
        this.place = place;
        this.bit = bit;
        this.level = level;
    }

    /** {@return the lowest level that offers it} */
    public CpuLevel level() {
        return level;
    }

    /** {@return whether a table announces it} */
    public boolean in(CpuidTable table) {
        Entry e = table.find(place.leaf, place.subleaf);
        return e != null && (place.get(e) >>> bit & 1) != 0;
    }

    /** {@return the bits of one register that announce what a level offers} */
    public static int bits(Place place, CpuLevel level) {
        int bits = 0;
        for (CpuFeature f : values()) {
            if (f.place == place && level.offers(f)) {
                bits |= 1 << f.bit;
            }
        }
        return bits;
    }

    /**
     * {@return a table without what the level does not offer} That is, what a constant names and, below {@link CpuLevel#MAX}, the AVX-512 and
     * AMX families of later levels with their state. Without XSAVE, leaf 0DH is all zeros.
     */
    public static CpuidTable mask(CpuidTable table, CpuLevel level) {
        if (level == CpuLevel.MAX) {
            return table;
        }
        List<Entry> masked = new ArrayList<>();
        for (Entry e : table.entries()) {
            Entry m = e;
            for (CpuFeature f : values()) {
                if (e.leaf() == f.place.leaf && (e.subleaf() == f.place.subleaf || e.subleaf() == CpuidTable.ANY) && !level.offers(f)) {
                    m = f.place.with(m, f.place.get(m) & ~(1 << f.bit));
                }
            }
            masked.add(switch (e.leaf()) {
                case 7 -> e.subleaf() > 0 ? zeros(e)
                        : new Entry(7, e.subleaf(), e.subleaf() == 0 ? 0 : m.eax(), m.ebx() & ~LATER_EBX, m.ecx() & ~LATER_ECX, m.edx() & ~LATER_EDX);
                case XSAVE_LEAF -> !level.offers(XSAVE) || e.subleaf() > AVX_STATE ? zeros(e)
                        : e.subleaf() == 0 ? new Entry(XSAVE_LEAF, 0, m.eax() & XCR0_AVX, m.ebx(), Math.min(m.ecx(), AREA_AVX), 0) : m;
                default -> m;
            });
        }
        return new CpuidTable(masked);
    }

    private static Entry zeros(Entry e) {
        return new Entry(e.leaf(), e.subleaf(), 0, 0, 0, 0);
    }
}
