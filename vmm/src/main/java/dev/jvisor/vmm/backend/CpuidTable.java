package dev.jvisor.vmm.backend;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * What CPUID answers, leaf by leaf. Immutable. Bits that follow other state (OSXSAVE, APIC id, size of the XSAVE area) hold their value at
 * reset and are patched by the backend.
 */
public final class CpuidTable {
    /** Subleaf of an entry that answers for every ECX. */
    public static final int ANY = -1;

    /**
     * One answer.
     *
     * @param leaf EAX asked
     * @param subleaf ECX asked, or {@link #ANY}
     */
    public record Entry(int leaf, int subleaf, int eax, int ebx, int ecx, int edx) { }

    private final List<Entry> entries;

    /** @param entries the leaves; for a leaf asked that is in no entry the answer is zeros */
    public CpuidTable(List<Entry> entries) {
        List<Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.<Entry>comparingLong(e -> Integer.toUnsignedLong(e.leaf())).thenComparingInt(Entry::subleaf));
        this.entries = Collections.unmodifiableList(sorted);
    }

    /** {@return all entries by rising leaf and subleaf} */
    public List<Entry> entries() {
        return entries;
    }

    /** {@return the entry for a leaf and subleaf, or null} */
    public Entry find(int leaf, int subleaf) {
        for (Entry e : entries) {
            if (e.leaf() == leaf && (e.subleaf() == ANY || e.subleaf() == subleaf)) {
                return e;
            }
        }
        return null;
    }

    /** {@return a table in which {@code added} replace or join the entries of the same leaf and subleaf} */
    public CpuidTable with(List<Entry> added) {
        List<Entry> all = new ArrayList<>(added);
        for (Entry e : entries) {
            if (added.stream().noneMatch(a -> a.leaf() == e.leaf() && a.subleaf() == e.subleaf())) {
                all.add(e);
            }
        }
        return new CpuidTable(all);
    }
}
