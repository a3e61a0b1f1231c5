package dev.jvisor.guest.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Dependencies are read from the modules themselves. */
class KernelModulesTest {
    /** The least ELF64 object with a .modinfo section. */
    static byte[] module(String modinfo) {
        byte[] info = modinfo.getBytes(StandardCharsets.US_ASCII);
        byte[] names = "\0.modinfo\0".getBytes(StandardCharsets.US_ASCII);
        int table = 64 + info.length + names.length;
        ByteBuffer elf = ByteBuffer.allocate(table + 3 * 64).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
        elf.putLong(0x28, table);
        elf.putShort(0x3A, (short) 64).putShort(0x3C, (short) 3).putShort(0x3E, (short) 2);
        elf.put(64, info).put(64 + info.length, names);
        elf.putInt(table + 64, 1).putLong(table + 64 + 0x18, 64).putLong(table + 64 + 0x20, info.length);
        elf.putInt(table + 128, 0).putLong(table + 128 + 0x18, 64 + info.length).putLong(table + 128 + 0x20, names.length);
        return elf.array();
    }

    private static KernelModules sample() throws IOException {
        KernelModules modules = new KernelModules();
        modules.add("kernel/a/top-one.ko", module("license=GPL\0depends=middle,base\0alias=vmbus:01\0"));
        modules.add("kernel/b/middle.ko", module("depends=base\0"));
        modules.add("kernel/c/base.ko", module("depends=\0alias=acpi*:VMBUS:*\0alias=x\0"));
        modules.add("kernel/c/other.ko", module("depends=base\0"));
        return modules;
    }

    @Test
    void closureHasEachModuleAfterWhatItNeeds() throws IOException {
        List<String> names = sample().closure(List.of("top_one", "built-in")).stream().map(KernelModules.Module::name).toList();
        assertEquals(List.of("base", "middle", "top_one"), names);
    }

    @Test
    void dependencyFileNamesAllThatIsNeeded() throws IOException {
        KernelModules modules = sample();
        assertEquals("""
                kernel/c/base.ko:
                kernel/b/middle.ko: kernel/c/base.ko
                kernel/a/top-one.ko: kernel/b/middle.ko kernel/c/base.ko
                """, modules.dependencyFile(modules.closure(List.of("top-one"))));
    }

    @Test
    void aliasFileNamesTheModule() throws IOException {
        assertEquals("alias acpi*:VMBUS:* base\nalias x base\nalias vmbus:01 top_one\n",
                KernelModules.aliasFile(sample().closure(List.of("top-one"))));
    }

    @Test
    void damagedModulesAreSaidToBe() {
        KernelModules modules = new KernelModules();
        assertEquals("not an ELF64 kernel module: a.ko", assertThrows(IOException.class, () -> modules.add("a.ko", new byte[64])).getMessage());
        byte[] cut = java.util.Arrays.copyOf(module("depends=\0"), 100);
        assertEquals("damaged kernel module: a.ko", assertThrows(IOException.class, () -> modules.add("a.ko", cut)).getMessage());
    }
}
