package dev.jvisor.vmm.hyperv;

/**
 * What is behind connection ids: an immutable hash table replaced at each change, so that a look-up takes no lock and allocates nothing.
 *
 * @param <T> the kind of port
 */
final class ConnectionTable<T> {
    private record Table(int[] ids, Object[] ports) { }

    private volatile Table table = new Table(new int[2], new Object[2]);

    /** {@return the port behind a connection, or null} */
    @SuppressWarnings("unchecked")
    T find(int id) {
        Table t = table;
        int mask = t.ids.length - 1;
        for (int i = slot(id, mask); t.ports[i] != null; i = i + 1 & mask) {
            if (t.ids[i] == id) {
                return (T) t.ports[i];
            }
        }
        return null;
    }

    /** Puts a port behind a connection, or with null takes it away. */
    synchronized void put(int id, T port) {
        Table old = table;
        int used = 1;
        for (Object p : old.ports) {
            used += p == null ? 0 : 1;
        }
        int size = Integer.highestOneBit(used * 2) * 2;
        Table next = new Table(new int[size], new Object[size]);
        for (int i = 0; i < old.ids.length; i++) {
            if (old.ports[i] != null && old.ids[i] != id) {
                add(next, old.ids[i], old.ports[i]);
            }
        }
        if (port != null) {
            add(next, id, port);
        }
        table = next;
    }

    private static void add(Table t, int id, Object port) {
        int mask = t.ids.length - 1;
        int i = slot(id, mask);
        while (t.ports[i] != null) {
            i = i + 1 & mask;
        }
        t.ids[i] = id;
        t.ports[i] = port;
    }

    private static int slot(int id, int mask) {
        int h = id * 0x9E3779B9;
        return (h ^ h >>> 16) & mask;
    }
}
