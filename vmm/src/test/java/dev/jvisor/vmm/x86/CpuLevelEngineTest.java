package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** At each level the instructions execute that CPUID announces, and those above are undefined. */
class CpuLevelEngineTest {
    private static final int RAX = 0, RBX = 3, RSI = 6;
    private static final Map<CpuFeature, List<String>> SAMPLES = Map.ofEntries(
            Map.entry(CpuFeature.SSE3, List.of("haddps xmm0, xmm1", "lddqu xmm0, [rsi]", "movddup xmm0, xmm1")),
            Map.entry(CpuFeature.SSSE3, List.of("pshufb xmm0, xmm1", "palignr xmm0, xmm1, 3", "pabsb xmm0, xmm1", "phaddw mm0, mm1")),
            Map.entry(CpuFeature.SSE4_1, List.of("pmulld xmm0, xmm1", "ptest xmm0, xmm1", "roundss xmm0, xmm1, 0", "pinsrd xmm0, eax, 1",
                    "pblendvb xmm0, xmm1", "movntdqa xmm0, [rsi]", "pmovzxbw xmm0, xmm1", "dpps xmm0, xmm1, 1")),
            Map.entry(CpuFeature.SSE4_2, List.of("pcmpgtq xmm0, xmm1", "pcmpistri xmm0, xmm1, 0", "crc32 eax, cl")),
            Map.entry(CpuFeature.POPCNT, List.of("popcnt eax, ecx")),
            Map.entry(CpuFeature.CX16, List.of("cmpxchg16b [rsi]")),
            Map.entry(CpuFeature.LAHF, List.of("lahf", "sahf")),
            Map.entry(CpuFeature.MOVBE, List.of("movbe eax, [rsi]")),
            Map.entry(CpuFeature.BMI1, List.of("andn eax, ecx, edx", "blsr eax, ecx", "bextr eax, ecx, edx")),
            Map.entry(CpuFeature.BMI2, List.of("shlx eax, ecx, edx", "pdep eax, ecx, edx", "mulx eax, ecx, edx", "rorx eax, ecx, 3")),
            Map.entry(CpuFeature.AVX, List.of("vaddps xmm0, xmm1, xmm2", "vmovups ymm0, [rsi]", "vzeroupper", "vpaddb xmm0, xmm1, xmm2")),
            Map.entry(CpuFeature.AVX2, List.of("vpaddb ymm0, ymm1, ymm2", "vpbroadcastd xmm0, xmm1", "vpermq ymm0, ymm1, 0")),
            Map.entry(CpuFeature.FMA, List.of("vfmadd231sd xmm0, xmm1, xmm2")),
            Map.entry(CpuFeature.F16C, List.of("vcvtph2ps xmm0, xmm1")),
            Map.entry(CpuFeature.XSAVE, List.of("xgetbv", "xsave [rsi]", "xrstor [rsi]")),
            Map.entry(CpuFeature.XSAVEOPT, List.of("xsaveopt [rsi]")),
            Map.entry(CpuFeature.XSAVEC, List.of("xsavec [rsi]")),
            Map.entry(CpuFeature.AES, List.of("aesenc xmm0, xmm1")),
            Map.entry(CpuFeature.PCLMULQDQ, List.of("pclmulqdq xmm0, xmm1, 0")),
            Map.entry(CpuFeature.SHA, List.of("sha1msg1 xmm0, xmm1")),
            Map.entry(CpuFeature.ADX, List.of("adcx eax, ecx")),
            Map.entry(CpuFeature.RDRAND, List.of("rdrand eax")),
            Map.entry(CpuFeature.RDSEED, List.of("rdseed eax")),
            Map.entry(CpuFeature.RDPID, List.of("rdpid rax")),
            Map.entry(CpuFeature.CLFLUSHOPT, List.of("clflushopt [rsi]")),
            Map.entry(CpuFeature.CLWB, List.of("clwb [rsi]")));

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    private static TestMachine machine(CpuLevel level) {
        TestMachine m = new TestMachine(1, level);
        m.gate(6, TestMachine.CODE + 0x800);
        m.gate(13, TestMachine.CODE + 0x900);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(64, "mov ebx, 6; hlt"));
        m.gpa.write(TestMachine.CODE + 0x900, GnuAs.assemble(64, "mov ebx, 13; hlt"));
        return m;
    }

    /** {@return a state with everything enabled that the level lets a system enable} */
    private static VpState start(CpuLevel level) {
        VpState s = level.offers(CpuFeature.XSAVE) ? TestMachine.avx64() : TestMachine.long64();
        s.gpr[6] = TestMachine.DATA;
        return s;
    }

    @Test
    void instructionsAboveTheLevelAreUndefined() {
        for (CpuLevel level : CpuLevel.values()) {
            TestMachine m = machine(level);
            CpuidTable cpuid = m.partition.cpuid();
            SAMPLES.forEach((feature, samples) -> {
                assertEquals(level.offers(feature), feature.in(cpuid), level + " " + feature);
                for (String sample : samples) {
                    VpState s = m.run(start(level), GnuAs.assemble(64, sample + "; hlt"));
                    assertEquals(level.offers(feature) ? 0 : 6, s.gpr[RBX], level + ": " + sample);
                }
            });
        }
    }

    /** Runs each instruction on its own, with a prefix byte if {@code prefix} is not 0. {@return those that did not raise #UD} */
    private static List<String> defined(int prefix, List<String> instructions) {
        StringBuilder source = new StringBuilder();
        for (String i : instructions) {
            source.append(".balign 32, 0xF4\n").append(prefix == 0 ? "" : ".byte " + prefix + "\n").append(i).append('\n');
        }
        byte[] code = GnuAs.assemble(64, source + ".balign 32, 0xF4");
        TestMachine m = machine(CpuLevel.MAX);
        List<String> defined = new ArrayList<>();
        for (int k = 0; k < instructions.size(); k++) {
            VpState s = TestMachine.avx64();
            s.gpr[RSI] = TestMachine.DATA;
            s.rip = TestMachine.CODE + 0x1000 + 32 * k;
            if (m.run(s, Arrays.copyOfRange(code, 32 * k, 32 * k + 32)).gpr[RBX] != 6) {
                defined.add(instructions.get(k));
            }
        }
        return defined;
    }

    @Test
    void whatNoLevelOffersIsUndefined() {
        assertEquals(List.of(), defined(0, List.of("invpcid rax, [rsi]", "monitor", "mwait", "vaesenc ymm1, ymm2, ymm3", "vpclmulqdq ymm1, ymm2, ymm3, 0",
                "gf2p8mulb xmm1, xmm2", "vgf2p8mulb xmm1, xmm2, xmm3", "rdpkru", "wrpkru", "xsaves [rsi]", "xrstors [rsi]", "tpause eax", "umonitor rax",
                "umwait eax", "movdiri [rsi], eax", "movdir64b rax, [rsi]", "ptwrite eax", "serialize", "incsspd eax", "clrssbsy [rsi]", "xend", "xbegin .",
                "xtest", "vmcall", "vmmcall", "vmread rax, rbx", "getsec", "rsm", "vpdpbusd xmm1, xmm2, xmm3", "rdpru", "monitorx", "mwaitx", "clzero",
                "extrq xmm1, xmm2", "insertq xmm1, xmm2", "movntsd [rsi], xmm1", "blcfill eax, ebx", "vfmaddpd xmm1, xmm2, xmm3, xmm4",
                "vpcmov xmm1, xmm2, xmm3, xmm4", "vaddps zmm1, zmm2, zmm3", "vaddps xmm17, xmm2, xmm3", "invept rax, [rsi]", "skinit", "stgi", "femms",
                "pfadd mm1, mm2", "encls", "xresldtrk")));
    }

    @Test
    void lockIsUndefinedBeforeWhatDoesNotModifyMemory() {
        assertEquals(List.of(), defined(0xF0, List.of("cmp [rsi], eax", "cmp dword ptr [rsi], 1", "test [rsi], eax", "test dword ptr [rsi], 1",
                "mov [rsi], eax", "bt dword ptr [rsi], 3", "bt [rsi], eax", "add eax, [rsi]", "push [rsi]", "shl dword ptr [rsi], 1",
                "mul dword ptr [rsi]", "add eax, ebx", "xchg eax, ebx", "inc eax", "cmpxchg ebx, eax", "movbe [rsi], eax", "fld dword ptr [rsi]",
                "imul eax, [rsi]", "xsave [rsi]", "call [rsi]", "mov cr0, rax", "rep movsb", "movaps [rsi], xmm0", "lgdt [rsi]", "setc [rsi]",
                "bsf eax, [rsi]", "hlt")));
    }

    @Test
    void everyFeatureHasItsSample() {
        for (CpuFeature f : CpuFeature.values()) {
            // A register value of XGETBV, not an instruction of its own; LZCNT is BSR with a prefix that is ignored.
            if (f != CpuFeature.XGETBV1 && f != CpuFeature.LZCNT) {
                assertNotEquals(null, SAMPLES.get(f), f.name());
            }
        }
    }

    @Test
    void countsOfZerosAreTheOldBitScansBelowTheirLevel() {
        String code = "mov ecx, 0x100; lzcnt eax, ecx; tzcnt edx, ecx; hlt";
        VpState v2 = machine(CpuLevel.V2).run(TestMachine.long64(), GnuAs.assemble(64, code));
        assertEquals(8, v2.gpr[RAX], "BSR");
        assertEquals(8, v2.gpr[2]);
        assertEquals(23, machine(CpuLevel.V3).run(TestMachine.long64(), GnuAs.assemble(64, code)).gpr[RAX]);
    }

    @Test
    void xsaveCannotBeEnabledWhereItIsNotOffered() {
        String code = "mov rax, cr4; bts rax, 18; mov cr4, rax; hlt";
        assertEquals(13, machine(CpuLevel.V2).run(TestMachine.long64(), GnuAs.assemble(64, code)).gpr[RBX]);
        assertEquals(0, machine(CpuLevel.V3).run(TestMachine.long64(), GnuAs.assemble(64, code)).gpr[RBX]);
        assertEquals(null, machine(CpuLevel.V2).partition.cpuid().find(0xD, 0));
    }

    @Test
    void eightByteExchangeStaysAtEveryLevel() {
        assertEquals(0, machine(CpuLevel.V1).run(start(CpuLevel.V1), GnuAs.assemble(64, "cmpxchg8b [rsi]; lock cmpxchg8b [rsi]; hlt")).gpr[RBX]);
    }
}
