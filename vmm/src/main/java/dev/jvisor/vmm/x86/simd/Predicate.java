package dev.jvisor.vmm.x86.simd;

/**
 * The 32 predicates of VCMPPS and its kin (Intel SDM 2A, table 3-1), of which legacy CMPPS has the first 8. Bits 0 to 3 say for which
 * outcomes of the comparison it holds, bit 4 turns round whether quiet NaNs are invalid.
 */
final class Predicate {
    private static final int LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8;
    /** Outcomes for which predicates 0 to 15 hold. */
    private static final int[] HOLDS = {EQUAL, LESS, LESS | EQUAL, UNORDERED, LESS | GREATER | UNORDERED, EQUAL | GREATER | UNORDERED,
        GREATER | UNORDERED, LESS | EQUAL | GREATER, EQUAL | UNORDERED, LESS | UNORDERED, LESS | EQUAL | UNORDERED, 0, LESS | GREATER,
        EQUAL | GREATER, GREATER, LESS | EQUAL | GREATER | UNORDERED};

    private Predicate() { }

    /** {@return whether it holds} @param order -1, 0, 1 or {@link IeeeFormat#UNORDERED} */
    static boolean holds(int predicate, int order) {
        return (HOLDS[predicate & 15] >>> order + 1 & 1) != 0;
    }

    /** {@return whether it finds quiet NaNs invalid: LT, LE and their opposites do, unless bit 4 is set} */
    static boolean signalsAll(int predicate) {
        return ((predicate & 3) == 1 || (predicate & 3) == 2) ^ (predicate & 16) != 0;
    }
}
