package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;

/** CMOVcc and SETcc. */
public final class Conditions {
    /** Suffixes by condition number. */
    static final String[] NAMES = {"O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G"};

    private Conditions() { }

    static Uop move(int cc, int size) {
        return size >= 4 ? new Move(cc, size) : new MoveNarrow(cc);
    }

    static Uop set(int cc) {
        return new Set(cc);
    }

    /** CMOVcc {@code r[d], r[a]} of 4 or 8 bytes; the upper half is cleared even when nothing moves. */
    public static final class Move extends Uop {
        /** Condition number. */
        public final int cc;
        private final long mask;

        private Move(int cc, int size) {
            this.cc = cc;
            this.mask = size == 8 ? -1L : 0xFFFFFFFFL;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = (Flags.test(c, cc) ? c.r[a] : c.r[d]) & mask;
        }
    }

    /** CMOVcc {@code r[d], r[a]} of 2 bytes. */
    public static final class MoveNarrow extends Uop {
        /** Condition number. */
        public final int cc;

        private MoveNarrow(int cc) {
            this.cc = cc;
        }

        @Override
        public void exec(Cpu c) {
            if (Flags.test(c, cc)) {
                c.r[d] = c.r[d] & ~0xFFFFL | c.r[a] & 0xFFFF;
            }
        }
    }

    /** SETcc of the low byte of {@code r[d]}. */
    public static final class Set extends Uop {
        /** Condition number. */
        public final int cc;

        private Set(int cc) {
            this.cc = cc;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & ~0xFFL | (Flags.test(c, cc) ? 1 : 0);
        }
    }
}
