package dev.jvisor.devices.fwcfg;

import static dev.jvisor.devices.fwcfg.FwCfgRegisters.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * What a {@link FwCfg} has to tell: items by key, and files by name, which are items with keys from {@link FwCfgRegisters#FIRST_FILE} up in the
 * order of their names. Filled before it is given to a device; not thread-safe.
 */
public final class FwCfgItems {
    private static final int E820_ENTRY = 20;

    /**
     * One item.
     *
     * @param size bytes that the directory says it has
     * @param bytes gives its contents whenever it is selected
     */
    record Item(int size, Supplier<byte[]> bytes) {
        static Item of(byte[] bytes) {
            return new Item(bytes.length, () -> bytes);
        }
    }

    private final Map<Integer, Item> items = new HashMap<>();
    private final SortedMap<String, Item> files = new TreeMap<>();

    /** Makes the items that are always there: signature and features. */
    public FwCfgItems() {
        add(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        add32(FEATURES, FEATURE_TRADITIONAL | FEATURE_DMA);
    }

    /**
     * {@return what describes a machine: processors, memory, no graphics, and the file {@code etc/e820} of RAM ranges}
     *
     * @param processors number of virtual processors
     * @param lowBytes RAM from address 0 up
     * @param highBytes RAM from 4 GiB up
     */
    public static FwCfgItems ofMachine(int processors, long lowBytes, long highBytes) {
        FwCfgItems f = new FwCfgItems();
        f.add64(RAM_SIZE, lowBytes + highBytes);
        f.add16(NO_GRAPHIC, 1);
        f.add16(PROCESSORS, processors);
        f.add16(MAX_PROCESSORS, processors);
        ByteBuffer map = little(highBytes > 0 ? 2 * E820_ENTRY : E820_ENTRY);
        map.putLong(0).putLong(lowBytes).putInt(1);
        if (highBytes > 0) {
            map.putLong(1L << 32).putLong(highBytes).putInt(1);
        }
        f.addFile("etc/e820", map.array());
        return f;
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Adds an item.
     *
     * @param key below {@link FwCfgRegisters#FIRST_FILE}, or from 0x8000 up
     * @param bytes its contents; kept, not copied
     */
    public void add(int key, byte[] bytes) {
        if (key < 0 || (key & ~KEY_BITS) != 0 || key == FILE_DIRECTORY || key >= FIRST_FILE && key < 0x8000) {
            throw new IllegalArgumentException("not the key of an item: key=" + key);
        }
        items.put(key, Item.of(bytes));
    }

    /** Adds a number of 16 bits. */
    public void add16(int key, int value) {
        add(key, little(2).putShort((short) value).array());
    }

    /** Adds a number of 32 bits. */
    public void add32(int key, int value) {
        add(key, little(4).putInt(value).array());
    }

    /** Adds a number of 64 bits. */
    public void add64(int key, long value) {
        add(key, little(8).putLong(value).array());
    }

    /**
     * Adds a file.
     *
     * @param name at most 55 characters of ASCII
     * @param bytes its contents; kept, not copied
     */
    public void addFile(String name, byte[] bytes) {
        addFile(name, Item.of(bytes));
    }

    /** Adds a file that holds a number of 64 bits. */
    public void addFile64(String name, long value) {
        addFile(name, little(8).putLong(value).array());
    }

    /**
     * Adds a file whose contents depend on when it is read.
     *
     * @param name at most 55 characters of ASCII
     * @param size bytes it always has
     * @param bytes asked for its contents whenever it is selected, on a VP's thread
     */
    public void addFile(String name, int size, Supplier<byte[]> bytes) {
        addFile(name, new Item(size, bytes));
    }

    private void addFile(String name, Item file) {
        if (name.isEmpty() || name.length() >= NAME_BYTES) {
            throw new IllegalArgumentException("not the name of a file: name=" + name);
        }
        files.put(name, file);
    }

    /** {@return all items by key, files and directory included} */
    Map<Integer, Item> all() {
        Map<Integer, Item> all = new HashMap<>(items);
        ByteBuffer directory = ByteBuffer.allocate(DIRECTORY_HEADER + files.size() * DIRECTORY_ENTRY);
        directory.putInt(files.size());
        int key = FIRST_FILE;
        for (Map.Entry<String, Item> f : files.entrySet()) {
            int at = directory.position();
            directory.putInt(at, f.getValue().size()).putShort(at + ENTRY_KEY, (short) key);
            directory.put(at + ENTRY_NAME, f.getKey().getBytes(StandardCharsets.US_ASCII));
            directory.position(at + DIRECTORY_ENTRY);
            all.put(key++, f.getValue());
        }
        all.put(FILE_DIRECTORY, Item.of(directory.array()));
        return all;
    }
}
