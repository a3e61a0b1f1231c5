package dev.jvisor.vmm.x86.decode;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * All instructions the software CPU knows. Filled once at start by the instruction packages, read-only afterwards. What is not in it raises
 * #UD.
 */
public final class OpcodeTable {
    /** Opcode maps: one byte; 0F; 0F 38; 0F 3A; and the last three again behind a VEX prefix. */
    public static final int ONE_BYTE = 0, M0F = 1, M0F38 = 2, M0F3A = 3, V0F = 4, V0F38 = 5, V0F3A = 6;
    /** For every mandatory-prefix class, or every group extension. */
    public static final int ANY = -1;
    /** Mandatory-prefix classes. */
    public static final int NP = 0, P66 = 1, PF3 = 2, PF2 = 3;

    private static final int EXTENSIONS = 16;

    /** Indexed by map, prefix, opcode; each slot has 16 entries: /0 to /7 in memory form, then in register form. */
    private final Opcode[][] slots = new Opcode[7 * 4 * 256][];
    private final List<Opcode> all = new ArrayList<>();
    private final Set<Opcode> lockable = Collections.newSetFromMap(new IdentityHashMap<>());

    /** Defines an opcode without a group extension. */
    public void def(String name, int map, int prefix, int op, boolean modrm, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, modrm, imm, t), 0, EXTENSIONS);
    }

    /** Defines one member of a group, {@code /ext} (ModRM.reg), in both memory and register form. */
    public void group(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        Opcode o = new Opcode(name, map, prefix, op, true, imm, t);
        put(o, ext, ext + 1);
        fill(o, ext + 8, ext + 9);
    }

    /** Defines one member of a group in memory form only. */
    public void groupMem(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, t), ext, ext + 1);
    }

    /** Defines one member of a group in register form only. */
    public void groupReg(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, t), ext + 8, ext + 9);
    }

    /** Lets the opcode defined last be used with a LOCK prefix, when its ModRM operand is in memory. */
    public void allowLock() {
        lockable.add(all.getLast());
    }

    /** {@return whether LOCK may stand before an opcode with a memory operand} */
    public boolean lockable(Opcode o) {
        return lockable.contains(o);
    }

    private void put(Opcode o, int from, int to) {
        all.add(o);
        fill(o, from, to);
    }

    private void fill(Opcode o, int from, int to) {
        for (int p = 0; p < 4; p++) {
            if (o.prefix() != ANY && o.prefix() != p) {
                continue;
            }
            int slot = (o.map() * 4 + p) * 256 + o.op();
            if (slots[slot] == null) {
                slots[slot] = new Opcode[EXTENSIONS];
            }
            for (int e = from; e < to; e++) {
                Opcode old = slots[slot][e];
                if (old != null && old.prefix() == o.prefix()) {
                    throw new IllegalStateException("defined twice: " + o.name() + " and " + old.name());
                }
                // A definition for one prefix wins over one for all, whichever came first.
                if (old == null || o.prefix() != ANY) {
                    slots[slot][e] = o;
                }
            }
        }
    }

    /** {@return the 16 entries of an opcode, any of them null; or null when none is defined} */
    public Opcode[] find(int map, int prefix, int op) {
        return slots[(map * 4 + prefix) * 256 + op];
    }

    /** {@return every definition, in order} */
    public List<Opcode> all() {
        return Collections.unmodifiableList(all);
    }
}
