package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Python's regression tests, libcrypto and glibc in a Debian guest on the software CPU: what comes of each test, vector and function is what
 * comes of it on the host. Run by {@code ci/long-programs}, which makes the disk and says where everything is in properties
 * {@code jvisor.programs.*}.
 */
@Tag("e2e")
@Tag("long")
class ProgramsLongSuite {
    private static final List<String> MODULES = List.of("math", "cmath", "struct", "zlib", "hashlib", "decimal", "threading", "json", "float");
    private static final List<String> GLIBC_FORMS = List.of("all", "noerms", "avx", "sse4", "ssse3", "sse2", "large");
    private static final List<String> LIBCRYPTO_FORMS = List.of("all", "nosha", "avx", "sse4", "ssse3", "sse2");
    private static final Pattern COMPARED = Pattern.compile("(?:RESULT|WRONG|KNOWN|RANDOM|VERSION|PROGRAM|CASES|FAILED|VECTORS|SELF-TEST) .*|[A-Z]+ end");

    @TempDir
    static Path dir;
    private static ProgramsScenario programs;
    private static boolean withOpensslTests;

    @BeforeAll
    static void build() throws Exception {
        String disk = System.getProperty("jvisor.programs.debian");
        assumeTrue(disk != null, "no disk with Debian on it; ci/long-programs makes one");
        String openssl = System.getProperty("jvisor.programs.openssl", "");
        withOpensslTests = !openssl.isEmpty();
        programs = new ProgramsScenario(dir, Path.of(disk), Path.of(System.getProperty("jvisor.programs.system")),
                withOpensslTests ? Path.of(openssl) : null, System.getProperty("jvisor.programs.seed"), Integer.getInteger("jvisor.programs.rounds"));
    }

    private static List<String> lines(Path out, String suite) throws Exception {
        return Files.readAllLines(out.resolve(suite.replace('/', '.') + ".log"), StandardCharsets.ISO_8859_1);
    }

    /** {@return the lines that must be the same} */
    private static List<String> compared(List<String> lines) {
        return lines.stream().filter(l -> COMPARED.matcher(l).matches()).toList();
    }

    private static List<String> starting(List<String> lines, String word) {
        return lines.stream().filter(l -> l.startsWith(word)).toList();
    }

    /** {@return how each of a module's tests ended: passed, skipped and why, failed} */
    private static Map<String, String> outcomes(Path out, String module) throws Exception {
        Path file = out.resolve("python." + module + ".xml");
        assertTrue(Files.exists(file), () -> "no outcomes of " + module + "; it said " + out.resolve("python." + module + ".log"));
        NodeList cases = DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder().parse(file.toFile()).getElementsByTagName("testcase");
        Map<String, String> how = new TreeMap<>();
        for (int k = 0; k < cases.getLength(); k++) {
            Element c = (Element) cases.item(k);
            String ended = "passed";
            for (String other : List.of("failure", "error", "skipped")) {
                NodeList found = c.getElementsByTagName(other);
                if (found.getLength() > 0) {
                    ended = other + ' ' + ((Element) found.item(0)).getAttribute("message") + found.item(0).getTextContent();
                }
            }
            // A test with subtests that were skipped is there more than once.
            how.merge(c.getAttribute("name"), ended, (a, b) -> a + "; " + b);
        }
        assertFalse(how.isEmpty());
        return how;
    }

    @Test
    void pythonsRegressionTestsEndAsTheyDoOnTheHost() throws Exception {
        List<String> suites = MODULES.stream().map(m -> "python/" + m).toList();
        Path host = programs.onTheHost(suites);
        Path guest = programs.inAGuest("max", suites);
        List<String> differ = new ArrayList<>();
        for (String module : MODULES) {
            Map<String, String> there = outcomes(host, module);
            Map<String, String> here = outcomes(guest, module);
            System.out.printf("long-programs: python3 test_%s: %d tests, %d passed, %d skipped; on the host %d, %d, %d; %s%n", module, here.size(),
                    count(here, "passed"), count(here, "skipped"), there.size(), count(there, "passed"), count(there, "skipped"),
                    here.equals(there) ? "the same" : "not the same");
            for (String name : there.keySet()) {
                if (!there.get(name).equals(here.get(name))) {
                    differ.add(module + ": " + name + ": host " + there.get(name) + ", guest " + here.get(name));
                }
            }
            if (!here.keySet().equals(there.keySet())) {
                differ.add(module + ": other tests: " + here.keySet());
            }
            if (count(here, "failure") + count(here, "error") > 0 && !here.equals(there)) {
                differ.addAll(lines(guest, "python/" + module));
            }
        }
        assertTrue(differ.isEmpty(), () -> String.join("\n", differ));
    }

    private static long count(Map<String, String> outcomes, String how) {
        return outcomes.values().stream().filter(o -> o.startsWith(how)).count();
    }

    /** Every form that glibc and libcrypto have of a function for what the processor may offer, chosen by what they are told. */
    @Test
    void librariesComputeInEveryFormWhatTheyDoOnTheHost() throws Exception {
        List<String> suites = new ArrayList<>();
        GLIBC_FORMS.forEach(f -> suites.add("glibc/" + f));
        LIBCRYPTO_FORMS.forEach(f -> suites.add("libcrypto/" + f));
        Path host = programs.onTheHost(suites);
        Path guest = programs.inAGuest("max", suites);
        List<String> differ = new ArrayList<>();
        for (String suite : suites) {
            compare(host, suite, guest, suite, l -> true, differ);
        }
        List<String> all = new ArrayList<>();
        for (String f : GLIBC_FORMS) {
            all.addAll(starting(lines(guest, "glibc/" + f), "FORM "));
        }
        System.out.printf("long-programs: glibc: %d forms of %d functions%n", all.stream().distinct().count(),
                all.stream().map(l -> l.split(" ")[1]).distinct().count());
        assertTrue(differ.isEmpty(), () -> String.join("\n", differ));
    }

    /** What they choose by themselves from what CPUID says at each level. */
    @ParameterizedTest
    @CsvSource({"x86-64-v1, sse2", "x86-64-v2, sse4", "x86-64-v3, noerms"})
    void librariesComputeAtEachLevelWhatTheyDoOnTheHost(String level, String asOnTheHost) throws Exception {
        Path host = programs.onTheHost(List.of("glibc/" + asOnTheHost, "libcrypto/all"));
        Path guest = programs.inAGuest(level, List.of("glibc/untold", "libcrypto/all"));
        List<String> differ = new ArrayList<>();
        // The host's processor has AVX whatever glibc is told.
        boolean avx = level.equals("x86-64-v3");
        compare(host, "glibc/" + asOnTheHost, guest, "glibc/untold", l -> avx || !l.startsWith("RESULT math.vectors_of_avx "), differ);
        compare(host, "libcrypto/all", guest, "libcrypto/all", l -> true, differ);
        assertTrue(differ.isEmpty(), () -> String.join("\n", differ));
    }

    private static void compare(Path host, String there, Path guest, String here, Predicate<String> counts, List<String> differ)
            throws Exception {
        List<String> theirs = lines(host, there).stream().filter(counts).toList();
        List<String> ours = lines(guest, here).stream().filter(counts).toList();
        Nearness near = new Nearness();
        near.compare(here, starting(theirs, "NEAR "), starting(ours, "NEAR "), differ);
        List<String> otherForms = new ArrayList<>(starting(ours, "FORM "));
        int all = otherForms.size();
        otherForms.removeAll(starting(theirs, "FORM "));
        System.out.printf("long-programs: %s: %d results, %s; %s; %d of %d forms are not the host's%s%n", here, compared(ours).size(),
                compared(ours).equals(compared(theirs)) ? "the same as on the host" : "not the same", near, otherForms.size(), all,
                otherForms.stream().map(l -> l.split(" ")[1]).collect(Collectors.joining(" ", " (", ")")));
        if (there.equals(here)) {
            otherForms.forEach(l -> differ.add(here + ": another form than the host's: " + l));
        }
        List<String> missing = new ArrayList<>(compared(theirs));
        missing.removeAll(compared(ours));
        List<String> more = new ArrayList<>(compared(ours));
        more.removeAll(compared(theirs));
        missing.forEach(l -> differ.add(here + ": host: " + l));
        more.forEach(l -> differ.add(here + ": guest: " + l));
        ours.stream().filter(l -> (' ' + l).contains(" WRONG ")).forEach(l -> differ.add(here + ": " + l));
        if (compared(ours).stream().noneMatch(l -> l.endsWith(" end"))) {
            differ.add(here + " did not come to its end:");
            differ.addAll(ours);
        }
    }

    @Test
    void opensslsOwnTestsEndAsTheyDoOnTheHost() throws Exception {
        assumeTrue(withOpensslTests, "no OpenSSL with its tests; ci/long-programs --openssl-tests DIR");
        List<String> suites = List.of("openssl-tests");
        Path host = programs.onTheHost(suites);
        Path guest = programs.inAGuest("max", suites);
        List<String> ours = compared(lines(guest, suites.getFirst()));
        System.out.println(String.join("\n", ours));
        assertEquals(compared(lines(host, suites.getFirst())), ours);
    }
}
