package dev.jvisor.nativebindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Structure;
import dev.jvisor.nativebindings.gen.Uapi;
import dev.jvisor.nativebindings.gen.kvm_regs;
import dev.jvisor.nativebindings.gen.kvm_run;
import dev.jvisor.nativebindings.gen.kvm_segment;
import dev.jvisor.nativebindings.gen.kvm_sregs;
import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Are sizes, offsets and constants of the generated package those of the C compiler, and of a second ABI implementation? */
class GeneratedLayoutTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/jvisor/nativebindings/gen");
    private static final Path HEADER = Path.of("src/main/jextract/uapi.h").toAbsolutePath();

    @Test
    void shouldHaveTheCompilersSizesOffsetsAndValues(@TempDir Path dir) throws Exception {
        Map<String, Long> expected = new LinkedHashMap<>();
        for (Method m : Uapi.class.getDeclaredMethods()) {
            if (Modifier.isPublic(m.getModifiers()) && m.getParameterCount() == 0
                    && (m.getReturnType() == int.class || m.getReturnType() == long.class)) {
                expected.put(m.getName(), ((Number) m.invoke(null)).longValue());
            }
        }
        int constants = expected.size();
        for (Class<?> struct : structs()) {
            String c = "struct " + struct.getSimpleName();
            expected.put("sizeof(" + c + ")", size(struct));
            offsets(struct, c, "", 0, expected);
        }
        assertTrue(constants > 300 && expected.size() - constants > 400, "checks: " + expected.size());

        Map<String, Long> actual = compileAndRun(dir, expected.keySet());
        for (Map.Entry<String, Long> e : expected.entrySet()) {
            assertEquals(actual.get(e.getKey()), e.getValue(), e.getKey());
        }
    }

    @Test
    void shouldEncodeIoctlNumbersAsTheHeadersDo() {
        int kvmio = 0xAE;
        assertEquals(Uapi.KVM_RUN(), IoctlNumber.io(kvmio, 0x80));
        assertEquals(Uapi.KVM_GET_REGS(), IoctlNumber.ior(kvmio, 0x81, kvm_regs.layout().byteSize()));
        assertEquals(Uapi.KVM_SET_REGS(), IoctlNumber.iow(kvmio, 0x82, kvm_regs.layout().byteSize()));
        assertEquals(Uapi.KVM_SET_SREGS(), IoctlNumber.iow(kvmio, 0x84, kvm_sregs.layout().byteSize()));
        // struct kvm_msr_list, without its flexible array
        assertEquals(Uapi.KVM_GET_MSR_INDEX_LIST(), IoctlNumber.iowr(kvmio, 0x02, 4));
    }

    @Test
    void shouldEncodeIoctlNumbersAsTheCompilerDoes(@TempDir Path dir) throws Exception {
        Map<String, Long> expected = Map.of("_IO(0xAE, 3)", IoctlNumber.io(0xAE, 3), "_IOR('T', 255, char[300])",
                IoctlNumber.ior('T', 255, 300), "_IOW('T', 1, long)", IoctlNumber.iow('T', 1, 8), "_IOWR(0xAE, 0xcf, char[16383])",
                IoctlNumber.iowr(0xAE, 0xcf, 16383));
        assertEquals(expected, compileAndRun(dir, expected.keySet()));
    }

    @Test
    void shouldHaveTheLayoutThatJnaComputes() {
        assertEquals(new Regs().size(), kvm_regs.layout().byteSize());
        assertEquals(new Regs().offset("rip"), kvm_regs.rip$offset());
        assertEquals(new Segment().size(), kvm_segment.layout().byteSize());
        assertEquals(new Segment().offset("unusable"), kvm_segment.unusable$offset());
        assertEquals(new Sregs().size(), kvm_sregs.layout().byteSize());
        for (String field : List.of("tr", "gdt", "cr0", "efer", "interrupt_bitmap")) {
            assertEquals(new Sregs().offset(field),
                    kvm_sregs.layout().byteOffset(MemoryLayout.PathElement.groupElement(field)), field);
        }
        assertEquals(new RunHeader().offset("exit_reason"), kvm_run.exit_reason$offset());
        assertEquals(new RunHeader().offset("apic_base"), kvm_run.apic_base$offset());
        assertEquals(new RunHeader().size(), kvm_run.io$offset());
    }

    @Test
    void shouldKeepHandWrittenConstantsEqualToTheGenerated() throws Exception {
        for (var field : Flags.class.getFields()) {
            assertEquals(constant(field.getName()), field.getLong(null), field.getName());
        }
        for (var field : KvmExit.class.getFields()) {
            // INTERRUPTED is ours, MEMORY_FAULT is younger than the headers.
            if (!List.of("INTERRUPTED", "MEMORY_FAULT").contains(field.getName())) {
                assertEquals(constant("KVM_EXIT_" + field.getName()), field.getLong(null), field.getName());
                assertEquals(field.getName(), KvmExit.name(field.getInt(null)));
            }
        }
        assertEquals(Uapi.KVM_MSR_EXIT_REASON_FILTER(), KvmVm.MSR_REASON_FILTER);
        assertEquals(Uapi.KVM_MEM_READONLY(), KvmVm.MEM_READONLY);
        assertEquals(Uapi.KVM_VCPUEVENT_VALID_TRIPLE_FAULT(), KvmVcpuEvents.VALID_TRIPLE_FAULT);
        assertEquals(Uapi.KVM_GUESTDBG_USE_HW_BP(), KvmVcpu.DEBUG_HARDWARE_BREAKPOINTS);
        assertEquals(Uapi.KVM_MP_STATE_SIPI_RECEIVED(), KvmVcpu.MP_SIPI_RECEIVED);
    }

    private static long constant(String name) throws Exception {
        return ((Number) Uapi.class.getMethod(name).invoke(null)).longValue();
    }

    private static List<Class<?>> structs() throws IOException, ClassNotFoundException {
        List<String> names;
        try (Stream<Path> files = Files.list(SOURCES)) {
            names = files.map(f -> f.getFileName().toString().replace(".java", "")).sorted()
                    .filter(n -> Character.isLowerCase(n.charAt(0)) && !n.equals("package-info") && !n.startsWith("__")).toList();
        }
        List<Class<?>> classes = new java.util.ArrayList<>();
        for (String name : names) {
            classes.add(Class.forName("dev.jvisor.nativebindings.gen." + name));
        }
        return classes;
    }

    private static long size(Class<?> struct) throws Exception {
        return ((MemoryLayout) struct.getMethod("layout").invoke(null)).byteSize();
    }

    private static void offsets(Class<?> struct, String c, String prefix, long base, Map<String, Long> into) throws Exception {
        for (Method m : struct.getDeclaredMethods()) {
            String field = m.getName().replace("$offset", "");
            if (field.equals(m.getName()) || field.startsWith("__empty")) {
                continue;
            }
            long offset = base + (long) m.invoke(null);
            into.put("offsetof(" + c + ", " + prefix + field + ")", offset);
            for (Class<?> nested : struct.getDeclaredClasses()) {
                if (nested.getSimpleName().equals(field) && Stream.of(nested.getMethods()).anyMatch(x -> x.getName().equals("layout"))) {
                    boolean array = Stream.of(struct.getMethods()).anyMatch(x -> x.getName().equals(field)
                            && x.getParameterCount() == 2 && x.getParameterTypes()[1] == long.class);
                    offsets(nested, c, prefix + field + (array ? "[0]." : "."), offset, into);
                }
            }
        }
    }

    private static Map<String, Long> compileAndRun(Path dir, Iterable<String> expressions) throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/gcc")), "gcc is not installed");
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/include/linux/kvm.h")), "the kernel's headers are not installed");
        StringBuilder c = new StringBuilder("#include \"" + HEADER + "\"\n#include <stdio.h>\n#include <stddef.h>\n"
                // Macros of their own names' members.
                + "#undef sa_handler\n#undef sa_sigaction\nint main(void) {\n");
        for (String e : expressions) {
            c.append("  printf(\"%s\\t%lld\\n\", \"").append(e).append("\", (long long) (").append(e).append("));\n");
        }
        Path source = Files.writeString(dir.resolve("probe.c"), c.append("  return 0;\n}\n"));
        Path program = dir.resolve("probe");
        String errors = run("/usr/bin/gcc", "-w", "-o", program.toString(), source.toString());
        assertEquals("", errors);
        Map<String, Long> values = new LinkedHashMap<>();
        run(program.toString()).lines().forEach(l -> values.put(l.substring(0, l.indexOf('\t')), Long.parseLong(l.substring(l.indexOf('\t') + 1))));
        return values;
    }

    private static String run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), out);
        return out;
    }

    /** Twin of struct kvm_regs. */
    @Structure.FieldOrder({"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r", "rip", "rflags"})
    public static class Regs extends Structure {
        public long rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
        public long[] r = new long[8];
        public long rip, rflags;

        int offset(String field) {
            return fieldOffset(field);
        }
    }

    /** Twin of struct kvm_segment. */
    @Structure.FieldOrder({"base", "limit", "selector", "type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable", "padding"})
    public static class Segment extends Structure {
        public long base;
        public int limit;
        public short selector;
        public byte type, present, dpl, db, s, l, g, avl, unusable, padding;

        int offset(String field) {
            return fieldOffset(field);
        }
    }

    /** Twin of struct kvm_dtable. */
    @Structure.FieldOrder({"base", "limit", "padding"})
    public static class Table extends Structure {
        public long base;
        public short limit;
        public short[] padding = new short[3];
    }

    /** Twin of struct kvm_sregs. */
    @Structure.FieldOrder({"cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt", "gdt", "idt", "cr0", "cr2", "cr3", "cr4", "cr8", "efer",
        "apic_base", "interrupt_bitmap"})
    public static class Sregs extends Structure {
        public Segment cs, ds, es, fs, gs, ss, tr, ldt;
        public Table gdt, idt;
        public long cr0, cr2, cr3, cr4, cr8, efer, apic_base;
        public long[] interrupt_bitmap = new long[4];

        int offset(String field) {
            return fieldOffset(field);
        }
    }

    /** Twin of struct kvm_run before its union. */
    @Structure.FieldOrder({"request_interrupt_window", "immediate_exit", "padding1", "exit_reason", "ready_for_interrupt_injection",
        "if_flag", "flags", "cr8", "apic_base"})
    public static class RunHeader extends Structure {
        public byte request_interrupt_window, immediate_exit;
        public byte[] padding1 = new byte[6];
        public int exit_reason;
        public byte ready_for_interrupt_injection, if_flag;
        public short flags;
        public long cr8, apic_base;

        int offset(String field) {
            return fieldOffset(field);
        }
    }
}
