package dev.jvisor.vmm.loader;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.XZOutputStream;

/** Images made by hand, loaded, and looked at through the guest's memory and the first state. */
class LoaderTest {
    private static final long MEMORY = 8 << 20;

    @TempDir
    Path dir;
    private final Arena arena = Arena.ofShared();
    private final GpaSpace gpa = new GpaSpace(arena.allocate(MEMORY, 4096));
    private final BootOptions options = BootOptions.of(MEMORY);

    LoaderTest() {
        MemoryLayout.mapRam(gpa, MEMORY);
    }

    @AfterEach
    void free() {
        arena.close();
    }

    private Path file(String name, byte[] bytes) throws Exception {
        return Files.write(dir.resolve(name), bytes);
    }

    private String text(long at) {
        StringBuilder s = new StringBuilder();
        for (int c; (c = gpa.read8(at)) != 0; at++) {
            s.append((char) c);
        }
        return s.toString();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    // ---- Linux

    private static final int INIT_SIZE = 0x200000;

    /** A bzImage of protocol 2.15 whose protected-mode part is 0xAB bytes, with a payload. */
    private static byte[] bzImage(byte[] payload) {
        ByteBuffer b = buffer(5 * 512 + 0x1000 + payload.length);
        Arrays.fill(b.array(), 5 * 512, 5 * 512 + 0x1000, (byte) 0xAB);
        b.put(0x1F1, (byte) 4).putInt(0x1F4, (0x1000 + payload.length + 15) / 16);
        b.putShort(0x1FE, (short) 0xAA55).putInt(0x202, 0x53726448).put(0x201, (byte) 0x6A);
        b.putShort(0x206, (short) 0x20F).putShort(0x20E, (short) 0x100).put(0x211, (byte) 1).putInt(0x214, 0x100000);
        b.putInt(0x22C, 0x7FFFFFFF).putInt(0x230, 0x200000).put(0x234, (byte) 1).putShort(0x236, (short) 1).putInt(0x238, 255);
        b.putInt(0x248, 0x1000).putInt(0x24C, payload.length).putLong(0x258, 0x200000).putInt(0x260, INIT_SIZE);
        b.put(0x300, "6.1.0-test".getBytes(StandardCharsets.US_ASCII));
        b.put(5 * 512 + 0x1000, payload);
        return b.array();
    }

    @Test
    void aKernelFileThatWasCutShortIsNotLoaded() throws Exception {
        byte[] whole = bzImage(new byte[100]);
        KernelImage.open(file("whole", whole));
        String m = assertThrows(LoaderException.class, () -> KernelImage.open(file("cut", Arrays.copyOf(whole, whole.length - 16)))).getMessage();
        assertTrue(m.contains("cut short"), m);
    }

    @Test
    void linuxIsEnteredIn64BitModeWithItsZeroPage() throws Exception {
        KernelImage k = KernelImage.open(file("vmlinuz", bzImage(new byte[8])));
        assertTrue(k.describe().contains("6.1.0-test") && k.describe().contains("2.15"), k.describe());
        Path initrd = file("initrd", "the initrd".getBytes(StandardCharsets.US_ASCII));
        VpState s = k.load(gpa, options.withCommandLine("console=ttyS0").withInitrd(initrd).withAcpiRsdp(0xE0000)
                .withRandomSeed(new byte[] {1, 2, 3}));

        assertEquals(0x200200, s.rip);
        assertEquals(0xABABABABL, gpa.read32(s.rip) & 0xFFFFFFFFL);
        long z = s.gpr[6];
        assertEquals(0x53726448, gpa.read32(z + 0x202));
        assertEquals(0xFF, gpa.read8(z + 0x210));
        assertEquals("console=ttyS0", text(gpa.read32(z + 0x228)));
        assertEquals(10, gpa.read32(z + 0x21C));
        assertEquals("the initrd", text(gpa.read32(z + 0x218)));
        assertEquals(MEMORY - 4096, gpa.read32(z + 0x218));
        assertEquals(0xE0000, gpa.read64(z + 0x70));
        assertEquals(0, gpa.read8(z + 0x1EF), "the sentinel says that we cleaned the page");
        int entries = gpa.read8(z + 0x1E8);
        long ram = 0;
        for (int i = 0; i < entries; i++) {
            if (gpa.read32(z + 0x2D0 + i * 20 + 16) == 1) {
                ram += gpa.read64(z + 0x2D0 + i * 20 + 8);
            }
        }
        assertEquals(MEMORY - 0x100000 + 0x9FC00, ram);
        long setup = gpa.read64(z + 0x250);
        assertEquals(9, gpa.read32(setup + 8));
        assertEquals(3, gpa.read32(setup + 12));
        assertEquals(0x030201, gpa.read32(setup + 16));

        assertEquals(0x500, s.efer);
        assertEquals(0x80000011L, s.cr0);
        assertEquals(SegmentState.L, s.seg[VpState.CS].attributes() & (SegmentState.L | SegmentState.DB));
        assertEquals(0x10, s.seg[VpState.CS].selector());
        assertEquals(0, s.rflags & 0x200);
        for (long a : new long[] {0, 0x200200, 0x12345678L, 0xFEE00000L}) {
            assertEquals(a, walk(s.cr3, a));
        }
        assertEquals(0x00AF9B000000FFFFL, gpa.read64(s.gdtBase + 0x10));
    }

    /** What 4-level paging makes of a linear address. */
    private long walk(long cr3, long linear) {
        long e = gpa.read64(cr3 + (linear >> 39 & 511) * 8);
        e = gpa.read64((e & -4096) + (linear >> 30 & 511) * 8);
        e = gpa.read64((e & -4096) + (linear >> 21 & 511) * 8);
        assertEquals(0x83, e & 0xFFF & ~0x60);
        return (e & -4096) + (linear & 0x1FFFFF);
    }

    @Test
    void linuxIsEnteredIn32BitModeOnRequest() throws Exception {
        VpState s = KernelImage.open(file("vmlinuz", bzImage(new byte[8]))).load(gpa, options.withEntry(BootOptions.Entry.BITS_32));
        assertEquals(0x200000, s.rip);
        assertEquals(0x11, s.cr0);
        assertEquals(0, s.efer);
        assertEquals(-1, s.seg[VpState.DS].limit());
    }

    @Test
    void linuxNeedsRoomForWhatItUnpacks() throws Exception {
        byte[] image = bzImage(new byte[8]);
        ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(0x260, 14 << 20);
        KernelImage k = KernelImage.open(file("vmlinuz", image));
        assertEquals("kernel needs 16 MB, the partition has 8 MB",
                assertThrows(LoaderException.class, () -> k.load(gpa, options)).getMessage());
    }

    @Test
    void anInitrdThatDoesNotFitIsRefused() throws Exception {
        KernelImage k = KernelImage.open(file("vmlinuz", bzImage(new byte[8])));
        Path initrd = file("initrd", new byte[5 << 20]);
        assertEquals("kernel and initrd need 9 MB, the partition has 8 MB",
                assertThrows(LoaderException.class, () -> k.load(gpa, options.withInitrd(initrd))).getMessage());
        assertTrue(assertThrows(LoaderException.class, () -> k.load(gpa, options.withInitrd(dir.resolve("none"))))
                .getMessage().endsWith("none: no such file"));
    }

    @Test
    void aCommandLineLongerThanTheKernelTakesIsRefused() throws Exception {
        KernelImage k = KernelImage.open(file("vmlinuz", bzImage(new byte[8])));
        assertEquals("command line too long: 300 bytes, the kernel takes 255",
                assertThrows(LoaderException.class, () -> k.load(gpa, options.withCommandLine("x".repeat(300)))).getMessage());
    }

    private interface Packer {
        OutputStream over(OutputStream out) throws Exception;
    }

    private static byte[] pack(byte[] data, boolean appendSize, Packer packer) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream p = packer.over(out)) {
            p.write(data);
        }
        if (appendSize) {
            out.write(buffer(4).putInt(0, data.length).array());
        }
        return out.toByteArray();
    }

    @Test
    void linuxCanBeUnpackedHere() throws Exception {
        byte[] vmlinux = elf(2, 0x200000, 0x200000, "vmlinux code", 0x3000, null);
        byte[] block = pack(vmlinux, false, BlockLZ4CompressorOutputStream::new);
        byte[] lz4 = buffer(12 + block.length).putInt(0x184C2102).putInt(block.length).put(block).putInt(vmlinux.length).array();
        byte[][] payloads = {
            pack(vmlinux, false, GZIPOutputStream::new),
            pack(vmlinux, true, o -> new XZOutputStream(o, new FilterOptions[] {new X86Options(), new LZMA2Options()})),
            lz4,
        };
        for (byte[] payload : payloads) {
            gpa.write(0x200000, new byte[64]);
            gpa.write(0x202000, new byte[] {1, 2, 3});
            VpState s = KernelImage.open(file("vmlinuz", bzImage(payload))).load(gpa, options.withUnpack(true));
            assertEquals(0x200000, s.rip);
            assertEquals("vmlinux code", text(0x200000));
            assertEquals(0, gpa.read8(0x202000), "BSS is zeroed");
        }
        byte[] zstd = buffer(16).putInt(0xFD2FB528).array();
        assertTrue(assertThrows(LoaderException.class,
                () -> KernelImage.open(file("vmlinuz", bzImage(zstd))).load(gpa, options.withUnpack(true))).getMessage().contains("zstd"));
        byte[] damaged = lz4.clone();
        damaged[6] = 1;
        assertThrows(LoaderException.class, () -> KernelImage.open(file("vmlinuz", bzImage(damaged))).load(gpa, options.withUnpack(true)));
    }

    // ---- ELF

    /** An ELF executable with one segment and perhaps a note segment. */
    private static byte[] elf(int elfClass, long entry, long address, String content, int memorySize, byte[] note) {
        boolean wide = elfClass == 2;
        ByteBuffer b = buffer(0x400);
        b.putInt(0, 0x464C457F).put(4, (byte) elfClass).put(5, (byte) 1).put(6, (byte) 1);
        b.putShort(16, (short) 2).putShort(18, (short) (wide ? 62 : 3));
        int headers = wide ? 64 : 52;
        int size = wide ? 56 : 32;
        if (wide) {
            b.putLong(24, entry).putLong(32, headers).putShort(54, (short) size).putShort(56, (short) (note == null ? 1 : 2));
        } else {
            b.putInt(24, (int) entry).putInt(28, headers).putShort(42, (short) size).putShort(44, (short) (note == null ? 1 : 2));
        }
        header(b, wide, headers, 1, 0x200, address, content.length() + 1, memorySize);
        b.put(0x200, content.getBytes(StandardCharsets.US_ASCII));
        if (note != null) {
            header(b, wide, headers + size, 4, 0x300, 0, note.length, note.length);
            b.put(0x300, note);
        }
        return b.array();
    }

    private static void header(ByteBuffer b, boolean wide, int at, int type, int offset, long address, int fileSize, int memorySize) {
        if (wide) {
            b.putInt(at, type).putLong(at + 8, offset).putLong(at + 16, address).putLong(at + 24, address)
                    .putLong(at + 32, fileSize).putLong(at + 40, memorySize);
        } else {
            b.putInt(at, type).putInt(at + 4, offset).putInt(at + 8, (int) address).putInt(at + 12, (int) address)
                    .putInt(at + 16, fileSize).putInt(at + 20, memorySize);
        }
    }

    private static byte[] pvhNote(int entry) {
        // A foreign note first: it has to be stepped over.
        return buffer(16 + 4 + 20).putInt(4).putInt(1).putInt(18).putInt(0x00554E47).putInt(0)
                .putInt(4).putInt(4).putInt(18).putInt(0x006E6558).putInt(entry).array();
    }

    @Test
    void pvhKernelsOfBothClassesGetTheirStartInfo() throws Exception {
        for (int elfClass : new int[] {1, 2}) {
            KernelImage k = KernelImage.open(file("vmlinux", elf(elfClass, 0, 0x100000, "pvh kernel", 0x1000, pvhNote(0x100040))));
            Path initrd = file("initrd", new byte[] {7});
            VpState s = k.load(gpa, options.withCommandLine("root").withInitrd(initrd).withAcpiRsdp(0xE0010));
            assertEquals(0x100040, s.rip);
            assertEquals(0x11, s.cr0);
            assertEquals(0x8B, s.tr.attributes());
            assertEquals("pvh kernel", text(0x100000));
            long info = s.gpr[3];
            assertEquals(0x336EC578, gpa.read32(info));
            assertEquals("root", text(gpa.read64(info + 24)));
            assertEquals(0xE0010, gpa.read64(info + 32));
            assertEquals(1, gpa.read32(info + 12));
            long module = gpa.read64(info + 16);
            assertEquals(7, gpa.read8(gpa.read64(module)));
            assertEquals(1, gpa.read64(module + 8));
            long map = gpa.read64(info + 40);
            int count = gpa.read32(info + 48);
            assertEquals(MemoryMap.of(MEMORY).entries().size(), count);
            assertEquals(0x9FC00, gpa.read64(map + 8));
            assertEquals(1, gpa.read32(map + 16));
        }
    }

    @Test
    void anElfThatDoesNotFitSaysWhatTheWholeNeeds() throws Exception {
        KernelImage k = KernelImage.open(file("vmlinux", elf(1, 0, 0x100000, "x", 20 << 20, pvhNote(0x100000))));
        assertEquals("kernel needs 21 MB, the partition has 8 MB",
                assertThrows(LoaderException.class, () -> k.load(gpa, options)).getMessage());
        KernelImage low = KernelImage.open(file("low", elf(1, 0, 0xA0000, "x", 20, pvhNote(0x100000))));
        assertTrue(assertThrows(LoaderException.class, () -> low.load(gpa, options)).getMessage().contains("not RAM"));
    }

    // ---- multiboot

    @Test
    void multibootByAddressesInTheHeader() throws Exception {
        ByteBuffer b = buffer(0x100);
        int flags = 1 << 16 | 3;
        b.putInt(0x20, 0x1BADB002).putInt(0x24, flags).putInt(0x28, -(0x1BADB002 + flags));
        b.putInt(0x2C, 0x100020).putInt(0x30, 0x100000).putInt(0x34, 0).putInt(0x38, 0x101000).putInt(0x3C, 0x100044);
        b.put(0x44, "code".getBytes(StandardCharsets.US_ASCII));
        Path module = file("module", "mod".getBytes(StandardCharsets.US_ASCII));
        VpState s = KernelImage.open(file("mb", b.array())).load(gpa, options.withCommandLine("a b").withInitrd(module));
        assertEquals(0x100044, s.rip);
        assertEquals("code", text(0x100044));
        assertEquals(0x2BADB002L, s.gpr[0]);
        long info = s.gpr[3];
        assertEquals(1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9, gpa.read32(info));
        assertEquals(0x27F, gpa.read32(info + 4));
        assertEquals((MEMORY >> 10) - 1024, gpa.read32(info + 8));
        assertEquals("a b", text(gpa.read32(info + 16)));
        long mod = gpa.read32(info + 24);
        assertEquals(0x101000, gpa.read32(mod), "after the BSS, on a page");
        assertEquals(0x101003, gpa.read32(mod + 4));
        assertEquals("mod", text(0x101000));
        assertEquals("module", text(gpa.read32(mod + 8)));
        long map = gpa.read32(info + 48);
        int length = gpa.read32(info + 44);
        int found = 0;
        for (long at = map; at < map + length; at += gpa.read32(at) + 4) {
            found++;
        }
        assertEquals(MemoryMap.of(MEMORY).entries().size(), found);
    }

    @Test
    void multibootTakesTheFileNameFirstWhereItIsWanted() throws Exception {
        byte[] elf = elf(1, 0x100004, 0x100000, "mb elf", 0x100, null);
        ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).putInt(0x220, 0x1BADB002).putInt(0x224, 0).putInt(0x228, -0x1BADB002);
        Path file = file("mb", elf);
        KernelImage k = KernelImage.open(file);
        BootOptions named = options.withImageName(true);
        assertEquals(file + " a b", text(gpa.read32(k.load(gpa, named.withCommandLine("a b")).gpr[3] + 16)));
        assertEquals(file.toString(), text(gpa.read32(k.load(gpa, named.withCommandLine("")).gpr[3] + 16)));
    }

    @Test
    void multibootElfIsEnteredAtThePhysicalAddressOfItsEntry() throws Exception {
        byte[] elf = elf(1, 0x100004, 0x100000, "mb elf", 0x100, null);
        ByteBuffer b = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0x220, 0x1BADB002).putInt(0x224, 0).putInt(0x228, -0x1BADB002);
        VpState s = KernelImage.open(file("mb", elf)).load(gpa, options);
        assertEquals(0x100004, s.rip);
        assertEquals("mb elf", text(0x100000));
        b.putInt(0x224, 8).putInt(0x228, -(0x1BADB002 + 8));
        KernelImage strange = KernelImage.open(file("mb", elf));
        assertTrue(assertThrows(LoaderException.class, () -> strange.load(gpa, options)).getMessage().contains("flags=0x8"));
    }

    // ---- flat, and what is no kernel

    @Test
    void flatBinariesStartInTheModeAskedFor() throws Exception {
        byte[] code = {(byte) 0xF4, 1, 2};
        VpState s = new FlatLoader(code, 0x7C00, FlatLoader.Mode.REAL16).load(gpa, options);
        assertEquals(0x7C00, s.rip);
        assertEquals(0, s.seg[VpState.CS].base());
        assertEquals(0, s.cr0 & 1);
        assertEquals(0xF4, gpa.read8(0x7C00));
        s = new FlatLoader(code, 0x20010, FlatLoader.Mode.REAL16).load(gpa, options);
        assertEquals(0x20010, s.seg[VpState.CS].base() + s.rip);
        assertEquals(0x100000, new FlatLoader(code, 0x100000, FlatLoader.Mode.PROTECTED32).load(gpa, options).rip);
        assertEquals(0x500, new FlatLoader(code, 0x200000, FlatLoader.Mode.LONG64).load(gpa, options).efer);
        assertThrows(LoaderException.class, () -> new FlatLoader(code, 0x100000, FlatLoader.Mode.REAL16).load(gpa, options));
        assertThrows(LoaderException.class, () -> new FlatLoader(code, 0xB8000, FlatLoader.Mode.PROTECTED32).load(gpa, options));
        assertThrows(LoaderException.class, () -> new FlatLoader(code, -1, FlatLoader.Mode.PROTECTED32).load(gpa, options));
    }

    @Test
    void whatIsNoKernelIsSaidInOneLine() throws Exception {
        for (byte[] junk : new byte[][] {{}, "hello".getBytes(StandardCharsets.US_ASCII), new byte[100_000]}) {
            Path p = file("junk", junk);
            String m = assertThrows(LoaderException.class, () -> KernelImage.open(p)).getMessage();
            assertTrue(m.contains("not a kernel I know") && !m.contains("\n"), m);
        }
        assertTrue(assertThrows(LoaderException.class, () -> KernelImage.open(dir.resolve("x"))).getMessage().endsWith("x: no such file"));
        assertTrue(assertThrows(LoaderException.class, () -> KernelImage.open(dir)).getMessage().endsWith("is a directory"));
        Path plain = file("plain", elf(2, 0, 0x100000, "x", 1, null));
        assertTrue(assertThrows(LoaderException.class, () -> KernelImage.open(plain)).getMessage().contains("neither a PVH note nor"));
    }

    /** Damaged files give a LoaderException or load; nothing else comes out, and nothing is written outside RAM. */
    @Test
    void damagedImagesAreRefusedNotThrown() throws Exception {
        long seed = new java.util.Random().nextLong();
        System.out.println("LoaderTest.damagedImages seed=" + seed);
        java.util.Random random = new java.util.Random(seed);
        byte[][] good = {
            bzImage(pack(elf(2, 0x200000, 0x200000, "v", 0x100, null), false, GZIPOutputStream::new)),
            elf(1, 0, 0x100000, "pvh", 0x1000, pvhNote(0x100040)),
            elf(2, 0, 0x100000, "pvh", 0x1000, pvhNote(0x100040)),
        };
        for (int round = 0; round < 3000; round++) {
            byte[] image = good[round % good.length].clone();
            for (int i = random.nextInt(6); i >= 0; i--) {
                image[random.nextInt(round % 3 == 0 ? 0x300 : image.length)] = (byte) random.nextInt(256);
            }
            ImageBytes bytes = new ImageBytes("damaged", random.nextInt(4) == 0 ? Arrays.copyOf(image, random.nextInt(image.length)) : image);
            try {
                KernelImage k = LinuxLoader.isLinux(bytes) ? new LinuxLoader(bytes) : Elf.isElf(bytes) ? new ElfLoader(Elf.parse(bytes)) : null;
                if (k != null) {
                    k.describe();
                    k.load(gpa, options.withUnpack(random.nextBoolean()));
                }
            } catch (LoaderException expected) {
                assertFalse(expected.getMessage().isEmpty());
            }
        }
    }
}
