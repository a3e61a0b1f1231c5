package dev.jvisor.vmm.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * ACPI tables that have not been given addresses: the root pointer, and all others one after another. Where an address is to stand, there is
 * the offset of the table meant in {@link #tables}; where a checksum is to stand, 0.
 *
 * @param root the root pointer
 * @param tables the tables; the first must begin at a multiple of 64
 * @param starts where in {@code tables} each of them begins
 * @param pointers places that take addresses
 * @param sums places that take checksums, which count in the addresses
 */
public record AcpiImage(byte[] root, byte[] tables, List<Integer> starts, List<Pointer> pointers, List<Sum> sums) {
    /**
     * A place that takes the address of a table.
     *
     * @param inRoot whether it is in the root pointer
     * @param offset where
     * @param size 4 or 8 bytes
     */
    public record Pointer(boolean inRoot, int offset, int size) { }

    /**
     * A byte that makes others sum up to 0.
     *
     * @param inRoot whether it is in the root pointer
     * @param offset where
     * @param start of those summed up, itself among them
     * @param length how many
     */
    public record Sum(boolean inRoot, int offset, int start, int length) { }

    /** Copies the lists. */
    public AcpiImage {
        starts = List.copyOf(starts);
        pointers = List.copyOf(pointers);
        sums = List.copyOf(sums);
    }

    /**
     * Gives addresses.
     *
     * @param rootAt GPA of the root pointer
     * @param tablesAt GPA of the first table
     * @return every table by its address, the root pointer first
     */
    Map<Long, byte[]> place(long rootAt, long tablesAt) {
        byte[] r = root.clone();
        byte[] t = tables.clone();
        for (Pointer p : pointers) {
            ByteBuffer b = ByteBuffer.wrap(p.inRoot ? r : t).order(ByteOrder.LITTLE_ENDIAN);
            if (p.size == 8) {
                b.putLong(p.offset, b.getLong(p.offset) + tablesAt);
            } else {
                b.putInt(p.offset, (int) (b.getInt(p.offset) + tablesAt));
            }
        }
        for (Sum s : sums) {
            byte[] in = s.inRoot ? r : t;
            int sum = 0;
            for (int i = s.start; i < s.start + s.length; i++) {
                sum += in[i];
            }
            in[s.offset] -= (byte) sum;
        }
        Map<Long, byte[]> placed = new LinkedHashMap<>();
        placed.put(rootAt, r);
        for (int i = 0; i < starts.size(); i++) {
            int from = starts.get(i);
            int end = i + 1 < starts.size() ? starts.get(i + 1) : t.length;
            placed.put(tablesAt + from, Arrays.copyOfRange(t, from, end));
        }
        return placed;
    }
}
