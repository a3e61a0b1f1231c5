package dev.jvisor.vmm.x86.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.simd.InstructionForms.Form;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Executes instructions on the host's processor and on the software CPU and compares all they leave. More cases: -Djvisor.cases=N, another
 * seed: -Djvisor.seed=N. Known to hold on AMD Zen; other makers may differ in what DPPS leaves in MXCSR after an unmasked exception and in
 * whether MIN and MAX apply denormals-are-zeros to an operand they pass on because the other is a NaN.
 */
class SimdNativeTest {
    private static final long SEED = Long.getLong("jvisor.seed", 20260711L);
    private static final int CASES = Integer.getInteger("jvisor.cases", 40);

    @TempDir
    Path dir;

    @Test
    void integerFormsDoAsTheHostsProcessorDoes() throws Exception {
        compare(InstructionForms.integer());
    }

    @Test
    void floatingPointFormsDoAsTheHostsProcessorDoes() throws Exception {
        compare(InstructionForms.floats());
    }

    @Test
    void dotProductsDoAsTheHostsProcessorDoes() throws Exception {
        compare(InstructionForms.dotProducts());
    }

    @Test
    void stringComparisonsDoAsTheHostsProcessorDoes() throws Exception {
        compare(InstructionForms.strings());
    }

    @Test
    void cryptographyDoesAsTheHostsProcessorDoes() throws Exception {
        compare(InstructionForms.crypto(), "aes", "pclmulqdq", "sha_ni");
    }

    private void compare(List<Form> forms, String... features) throws Exception {
        assumeTrue(NativeOracle.available(), "skipped: needs gcc on an x86-64 Linux host");
        assumeTrue(NativeOracle.has("ssse3", "sse4_1", "sse4_2") && NativeOracle.has(features),
                "skipped: the host's processor lacks one of ssse3 sse4_1 sse4_2 " + String.join(" ", features));
        assertEquals("", compare(dir, forms, SEED, CASES), "seed=" + SEED);
    }

    /** {@return a description of what differs, empty when nothing does} */
    static String compare(Path dir, List<Form> forms, long seed, int cases) throws Exception {
        NativeOracle oracle = NativeOracle.build(dir, forms.stream().map(Form::text).toList());
        Inputs inputs = new Inputs(seed);
        int[] which = new int[forms.size() * cases];
        List<MachineState> states = new ArrayList<>();
        for (int k = 0; k < which.length; k++) {
            which[k] = k / cases;
            states.add(inputs.next(forms.get(which[k]).kind()));
        }
        List<MachineState> expected = oracle.execute(which, states);
        SoftwareRun run = new SoftwareRun();
        StringBuilder wrong = new StringBuilder();
        int failedForm = -1;
        Uop[] ops = null;
        for (int k = 0; k < which.length; k++) {
            if (k % cases == 0) {
                ops = SoftwareRun.translate(oracle.encoding(which[k]));
                if (ops == null) {
                    wrong.append("not in the opcode table: ").append(forms.get(which[k]).text()).append('\n');
                }
            }
            if (ops == null || failedForm == which[k]) {
                continue;
            }
            String difference = expected.get(k).difference(run.execute(ops, states.get(k)));
            if (!difference.isEmpty()) {
                failedForm = which[k];
                wrong.append(forms.get(which[k]).text()).append('\n').append(difference).append(" from\n").append(states.get(k).dump());
            }
        }
        return wrong.toString();
    }
}
