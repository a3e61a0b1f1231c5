package dev.jvisor.vmm.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.backend.CpuidTable.Entry;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The psABI's levels, and what is left of a CPUID table at each. */
class CpuLevelTest {
    private static final CpuidTable ALL = new CpuidTable(List.of(new Entry(1, CpuidTable.ANY, 1, 2, -1, 4), new Entry(7, 0, 2, -1, -1, -1),
            new Entry(7, 1, -1, -1, -1, -1), new Entry(0xD, 0, 0x2E7, 832, 2696, 0), new Entry(0xD, 1, 15, 832, 0, 0),
            new Entry(0xD, 2, 256, 576, 0, 0), new Entry(0xD, 5, 64, 1088, 0, 0), new Entry(0x80000001, CpuidTable.ANY, 0, 0, -1, -1)));

    @Test
    void eachLevelHasWhatThePsabiNames() {
        assertFalse(CpuLevel.V1.offers(CpuFeature.SSE3));
        for (CpuFeature f : List.of(CpuFeature.CX16, CpuFeature.LAHF, CpuFeature.POPCNT, CpuFeature.SSE3, CpuFeature.SSE4_1, CpuFeature.SSE4_2,
                CpuFeature.SSSE3)) {
            assertEquals(CpuLevel.V2, f.level(), f.name());
        }
        for (CpuFeature f : List.of(CpuFeature.AVX, CpuFeature.AVX2, CpuFeature.BMI1, CpuFeature.BMI2, CpuFeature.F16C, CpuFeature.FMA,
                CpuFeature.LZCNT, CpuFeature.MOVBE, CpuFeature.XSAVE)) {
            assertEquals(CpuLevel.V3, f.level(), f.name());
        }
        for (CpuFeature f : CpuFeature.values()) {
            assertTrue(CpuLevel.MAX.offers(f), f.name());
        }
    }

    @Test
    void maskHidesWhatIsAboveTheLevel() {
        for (CpuLevel level : List.of(CpuLevel.V1, CpuLevel.V2, CpuLevel.V3)) {
            CpuidTable masked = CpuFeature.mask(ALL, level);
            for (CpuFeature f : CpuFeature.values()) {
                // XSAVEOPT and its like stand in a leaf that only XSAVE has.
                assertEquals(level.offers(f), f.in(masked), level + " " + f);
            }
            assertEquals(4, masked.find(1, 0).edx());
            assertEquals(0, masked.find(7, 1).eax());
            assertEquals(0, masked.find(7, 0).ebx() >>> 16 & 1, "AVX-512F");
        }
        assertSame(ALL, CpuFeature.mask(ALL, CpuLevel.MAX));
    }

    @Test
    void extendedStateFollowsTheLevel() {
        assertEquals(0, CpuFeature.mask(ALL, CpuLevel.V2).find(0xD, 0).eax());
        CpuidTable v3 = CpuFeature.mask(ALL, CpuLevel.V3);
        assertEquals(new Entry(0xD, 0, 7, 832, 832, 0), v3.find(0xD, 0));
        assertEquals(256, v3.find(0xD, 2).eax());
        assertEquals(0, v3.find(0xD, 5).eax(), "AVX-512 state");
    }
}
