package dev.jvisor.guest.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The modules of one kernel as their own {@code .modinfo} sections describe them (a package holds no modules.dep: the
 * system that installs it makes one). Names have underscores where file names may have dashes.
 */
final class KernelModules {
    /**
     * A module.
     *
     * @param name    its name
     * @param path    its file, below lib/modules/RELEASE
     * @param depends names of the modules it needs
     * @param aliases the patterns it is asked for by
     */
    record Module(String name, String path, List<String> depends, List<String> aliases) {
    }

    private static final int SECTION_TABLE_OFFSET = 0x28;
    private static final int SECTION_ENTRY_BYTES = 0x3A;
    private static final int SECTION_COUNT = 0x3C;
    private static final int NAMES_SECTION = 0x3E;

    private final Map<String, Module> modules = new TreeMap<>();

    /**
     * Adds a module by its file.
     *
     * @param path    below lib/modules/RELEASE, for example kernel/drivers/hv/hv_vmbus.ko
     * @param content the file, an ELF64 object
     * @throws IOException if it is none
     */
    void add(String path, byte[] content) throws IOException {
        List<String> depends = new ArrayList<>();
        List<String> aliases = new ArrayList<>();
        for (String line : modinfo(path, content)) {
            if (line.startsWith("depends=")) {
                for (String name : line.substring("depends=".length()).split(",")) {
                    if (!name.isEmpty()) {
                        depends.add(normalize(name));
                    }
                }
            } else if (line.startsWith("alias=")) {
                aliases.add(line.substring("alias=".length()));
            }
        }
        String file = path.substring(path.lastIndexOf('/') + 1);
        String name = normalize(file.substring(0, file.length() - ".ko".length()));
        modules.put(name, new Module(name, path, List.copyOf(depends), List.copyOf(aliases)));
    }

    /**
     * {@return the modules of these names and all they need, each after what it needs; names that are not there (built in,
     * or not of this kernel) are left out}
     *
     * @param names with dashes or underscores
     */
    List<Module> closure(Collection<String> names) {
        Map<String, Module> found = new LinkedHashMap<>();
        for (String name : names) {
            visit(normalize(name), found, new LinkedHashSet<>());
        }
        return List.copyOf(found.values());
    }

    private void visit(String name, Map<String, Module> found, Set<String> above) {
        Module module = modules.get(name);
        if (module == null || found.containsKey(name) || !above.add(name)) {
            return;
        }
        module.depends().forEach(needed -> visit(needed, found, above));
        found.put(name, module);
    }

    /**
     * {@return the text of modules.dep (depmod(8)) for some modules}
     *
     * @param chosen a closure
     */
    String dependencyFile(List<Module> chosen) {
        StringBuilder text = new StringBuilder();
        for (Module module : chosen) {
            text.append(module.path()).append(':');
            List<Module> needed = closure(module.depends());
            // modprobe loads from the last to the first.
            for (Module other : needed.reversed()) {
                text.append(' ').append(other.path());
            }
            text.append('\n');
        }
        return text.toString();
    }

    /**
     * {@return the text of modules.alias for some modules}
     *
     * @param chosen a closure
     */
    static String aliasFile(List<Module> chosen) {
        StringBuilder text = new StringBuilder();
        for (Module module : chosen) {
            module.aliases().forEach(alias -> text.append("alias ").append(alias).append(' ').append(module.name()).append('\n'));
        }
        return text.toString();
    }

    static String normalize(String name) {
        return name.replace('-', '_');
    }

    /** The zero-ended strings of the section .modinfo. */
    private static List<String> modinfo(String path, byte[] content) throws IOException {
        try {
            ByteBuffer elf = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
            if (elf.getInt(0) != 0x464C457F || elf.get(4) != 2) {
                throw new IOException("not an ELF64 kernel module: " + path);
            }
            int table = Math.toIntExact(elf.getLong(SECTION_TABLE_OFFSET));
            int entryBytes = Short.toUnsignedInt(elf.getShort(SECTION_ENTRY_BYTES));
            int count = Short.toUnsignedInt(elf.getShort(SECTION_COUNT));
            int names = sectionOffset(elf, table + entryBytes * Short.toUnsignedInt(elf.getShort(NAMES_SECTION)));
            for (int i = 0; i < count; i++) {
                int header = table + i * entryBytes;
                int nameAt = names + elf.getInt(header);
                if (isNamed(content, nameAt, ".modinfo\0")) {
                    int bytes = Math.toIntExact(elf.getLong(header + 0x20));
                    String text = new String(content, sectionOffset(elf, header), bytes, StandardCharsets.UTF_8);
                    return List.of(text.split("\0+"));
                }
            }
            return List.of();
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            throw new IOException("damaged kernel module: " + path, e);
        }
    }

    private static int sectionOffset(ByteBuffer elf, int header) {
        return Math.toIntExact(elf.getLong(header + 0x18));
    }

    private static boolean isNamed(byte[] content, int at, String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        return java.util.Arrays.equals(content, at, at + bytes.length, bytes, 0, bytes.length);
    }
}
