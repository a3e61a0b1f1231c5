package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.backend.CpuLevel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * All instructions the software CPU knows, as far as a level offers them. Filled once at start by the instruction packages, read-only
 * afterwards. What is not in it raises #UD; where an instruction that is not offered was an old one with a prefix that used to mean nothing,
 * such as LZCNT, the old one is found.
 */
public final class OpcodeTable {
    /** Opcode maps: one byte; 0F; 0F 38; 0F 3A; and the last three again behind a VEX prefix. */
    public static final int ONE_BYTE = 0, M0F = 1, M0F38 = 2, M0F3A = 3, V0F = 4, V0F38 = 5, V0F3A = 6;
    /** For every mandatory-prefix class, or every group extension. */
    public static final int ANY = -1;
    /** Mandatory-prefix classes. */
    public static final int NP = 0, P66 = 1, PF3 = 2, PF2 = 3;

    private static final int EXTENSIONS = 16;
    private static final int LEGACY_MAPS = 4;
    /** Rows of the table: the legacy maps, and each VEX map by L and W. */
    private static final int ROWS = LEGACY_MAPS + 3 * 4;

    private final CpuLevel level;
    /** Indexed by row, prefix, opcode; each slot has 16 entries: /0 to /7 in memory form, then in register form. */
    private final Opcode[][] slots = new Opcode[ROWS * 4 * 256][];
    private final List<Opcode> all = new ArrayList<>();
    private final Set<Opcode> lockable = Collections.newSetFromMap(new IdentityHashMap<>());
    private CpuFeature feature;

    /** Makes a table that takes every definition. */
    public OpcodeTable() {
        this(CpuLevel.MAX);
    }

    /** Makes a table that leaves out what a level does not offer. */
    public OpcodeTable(CpuLevel level) {
        this.level = level;
    }

    /** {@return whether the table's level offers a feature; for instructions that only part of an opcode's forms belong to} */
    public boolean offers(CpuFeature f) {
        return level.offers(f);
    }

    /** Runs {@code definitions}, which all belong to a feature. */
    public void with(CpuFeature f, Runnable definitions) {
        CpuFeature outer = feature;
        feature = f;
        definitions.run();
        feature = outer;
    }

    /** Defines an opcode without a group extension. */
    public void def(String name, int map, int prefix, int op, boolean modrm, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, modrm, imm, null, feature, t), 0, EXTENSIONS);
    }

    /** Defines one member of a group, {@code /ext} (ModRM.reg), in both memory and register form. */
    public void group(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        Opcode o = new Opcode(name, map, prefix, op, true, imm, null, feature, t);
        if (put(o, ext, ext + 1)) {
            fill(o, ext + 8, ext + 9);
        }
    }

    /** Defines one member of a group in memory form only. */
    public void groupMem(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, null, feature, t), ext, ext + 1);
    }

    /** Defines one member of a group in register form only. */
    public void groupReg(String name, int map, int prefix, int op, int ext, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, null, feature, t), ext + 8, ext + 9);
    }

    /** Defines an opcode behind a VEX prefix, in both forms. */
    public void vex(String name, int map, int prefix, int op, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t), 0, EXTENSIONS);
    }

    /** Defines an opcode behind a VEX prefix in memory form only. */
    public void vexMem(String name, int map, int prefix, int op, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t), 0, EXTENSIONS / 2);
    }

    /** Defines an opcode behind a VEX prefix in register form only. */
    public void vexReg(String name, int map, int prefix, int op, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t), EXTENSIONS / 2, EXTENSIONS);
    }

    /** Defines an opcode behind a VEX prefix that has no ModRM byte. */
    public void vexBare(String name, int map, int prefix, int op, Vex vex, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, false, Opcode.Imm.NONE, vex, vex.feature(), t), 0, EXTENSIONS);
    }

    /** Defines one member of a group behind a VEX prefix in both forms. */
    public void vexGroup(String name, int map, int prefix, int op, int ext, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        Opcode o = new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t);
        if (put(o, ext, ext + 1)) {
            fill(o, ext + 8, ext + 9);
        }
    }

    /** Defines one member of a group behind a VEX prefix in memory form only. */
    public void vexGroupMem(String name, int map, int prefix, int op, int ext, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t), ext, ext + 1);
    }

    /** Defines one member of a group behind a VEX prefix in register form only. */
    public void vexGroupReg(String name, int map, int prefix, int op, int ext, Vex vex, Opcode.Imm imm, Opcode.Translator t) {
        put(new Opcode(name, map, prefix, op, true, imm, vex, vex.feature(), t), ext + 8, ext + 9);
    }

    /** Lets the opcode defined last be used with a LOCK prefix, when its ModRM operand is in memory. */
    public void allowLock() {
        lockable.add(all.getLast());
    }

    /** {@return whether LOCK may stand before an opcode with a memory operand} */
    public boolean lockable(Opcode o) {
        return lockable.contains(o);
    }

    private boolean put(Opcode o, int from, int to) {
        if (o.feature() != null && !level.offers(o.feature())) {
            return false;
        }
        all.add(o);
        fill(o, from, to);
        return true;
    }

    private static int row(int map, int l, int w) {
        return map < LEGACY_MAPS ? map : LEGACY_MAPS + (map - LEGACY_MAPS) * 4 + l * 2 + w;
    }

    private void fill(Opcode o, int from, int to) {
        Vex v = o.vex();
        if (v == null) {
            fillRow(o, o.map(), from, to);
            return;
        }
        for (int l = 0; l < 2; l++) {
            for (int w = 0; w < 2; w++) {
                if ((v.l() == Vex.ANY || v.l() == l) && (v.w() == Vex.ANY || v.w() == w)) {
                    fillRow(o, row(o.map(), l, w), from, to);
                }
            }
        }
    }

    private void fillRow(Opcode o, int row, int from, int to) {
        for (int p = 0; p < 4; p++) {
            if (o.prefix() != ANY && o.prefix() != p) {
                continue;
            }
            int slot = (row * 4 + p) * 256 + o.op();
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

    /** {@return the 16 entries of an opcode of a legacy map, any of them null; or null when none is defined} */
    public Opcode[] find(int map, int prefix, int op) {
        return slots[(map * 4 + prefix) * 256 + op];
    }

    /** {@return the 16 entries of an opcode behind a VEX prefix with these L and W, any of them null; or null when none is defined} */
    public Opcode[] find(int map, int prefix, int l, int w, int op) {
        return slots[(row(map, l, w) * 4 + prefix) * 256 + op];
    }

    /** {@return every definition, in order} */
    public List<Opcode> all() {
        return Collections.unmodifiableList(all);
    }
}
