package dev.jvisor.ci;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The picture of the house in README.md ("Layout"), and the rules that a compiler does not hold. */
class HouseRulesTest {
    private static final JavaClasses CODE = new ClassFileImporter().importPackages("dev.jvisor");
    private static final String NATIVE = "dev.jvisor.nativebindings..";
    private static final String GENERATED = "dev.jvisor.nativebindings.gen..";
    private static final String VMM = "dev.jvisor.vmm..";
    private static final String DEVICES = "dev.jvisor.devices..";
    private static final String VMBUS = "dev.jvisor.vmbus..";
    private static final String GUEST = "dev.jvisor.guest..";
    private static final String TOOLS = "dev.jvisor.tools..";
    private static final String CI = "dev.jvisor.ci..";

    private static void mayNotImport(String from, String... to) {
        noClasses().that().resideInAPackage(from).should().dependOnClassesThat().resideInAnyPackage(to).allowEmptyShould(true).check(CODE);
    }

    @Test
    void allModulesAreLookedAt() {
        for (String p : List.of("nativebindings", "vmm", "devices", "guest", "tools")) {
            assertTrue(CODE.stream().anyMatch(c -> c.getPackageName().startsWith("dev.jvisor." + p)), p);
        }
    }

    @Test
    void nothingPointsUp() {
        mayNotImport(NATIVE, VMM, DEVICES, VMBUS, GUEST, TOOLS, CI);
        mayNotImport(VMM, DEVICES, VMBUS, GUEST, TOOLS, CI);
        mayNotImport(DEVICES, VMBUS, GUEST, TOOLS, CI);
        mayNotImport(VMBUS, GUEST, TOOLS, CI);
        mayNotImport(TOOLS, CI);
    }

    @Test
    void theGuestSideKnowsNothingOfTheHostSide() {
        mayNotImport(GUEST, NATIVE, VMM, DEVICES, TOOLS, CI);
        noClasses().that().resideInAPackage(GUEST).should().dependOnClassesThat(
                resideInAPackage(VMBUS).and(not(resideInAPackage("dev.jvisor.vmbus.protocol..")))).check(CODE);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().assignedFrom(new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass c) {
                return SliceIdentifier.of(c.getPackageName());
            }

            @Override
            public String getDescription() {
                return "packages";
            }
        }).should().beFreeOfCycles().check(CODE);
    }

    @Test
    void generatedBindingsStayInsideNativeBindings() {
        noClasses().that().resideOutsideOfPackage(NATIVE).should().dependOnClassesThat().resideInAPackage(GENERATED).check(CODE);
    }

    @Test
    void namesSayWhatAThingIs() {
        noClasses().that().resideOutsideOfPackage(GENERATED).and().resideOutsideOfPackage("..jmh_generated..")
                .should().haveNameMatching(".*(Utils?|Helpers?|Manager|Common|Impl)(\\$.*)?").check(CODE);
    }

    @Test
    void timeIsInjected() {
        for (String method : List.of("nanoTime", "currentTimeMillis")) {
            noClasses().that().resideOutsideOfPackages("dev.jvisor.tools.bench..", CI)
                    .and().doNotHaveFullyQualifiedName("dev.jvisor.vmm.time.SystemClock")
                    .should().callMethod(System.class, method).check(CODE);
        }
    }

    @Test
    void onlyToolsWriteToTheProcessStreams() {
        for (String field : List.of("out", "err")) {
            noClasses().that().resideOutsideOfPackages(TOOLS, CI, GENERATED).should().accessField(System.class, field).check(CODE);
        }
    }

    @Test
    void everyPackageSaysWhatItIs() throws IOException {
        Path root = Path.of(System.getProperty("jvisor.root"));
        List<String> silent = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path sources : modules.map(m -> m.resolve("src/main/java")).filter(Files::isDirectory).toList()) {
                try (Stream<Path> all = Files.walk(sources)) {
                    all.filter(Files::isDirectory).filter(HouseRulesTest::hasClasses)
                            .filter(d -> !Files.exists(d.resolve("package-info.java")))
                            .forEach(d -> silent.add(root.relativize(d).toString()));
                }
            }
        }
        assertEquals(List.of(), silent, "packages without package-info.java");
    }

    private static boolean hasClasses(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.anyMatch(f -> f.toString().endsWith(".java") && !f.endsWith("module-info.java"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
