package dev.jvisor.vmm.hostility;

import java.util.Random;

/**
 * How often and from which seeds a test plays a hostile guest: some rounds from two seeds that never change, then some seconds from a random
 * one, which is printed. {@code -Djvisor.seed=N} takes that one instead, {@code -Djvisor.hostility.seconds=N} the time.
 * {@code ci/long-hostility MINUTES} runs all of these for so long. Tests of the modules above have it from the test jar of this one, which
 * holds this package; no main package is named like it, because a package may be in one module only.
 */
public final class HostileRun {
    /** One round of an attack. */
    @FunctionalInterface
    public interface Attack {
        /** Attacks once, and checks that the promises held. */
        void round(Random random) throws Exception;
    }

    private static final long[] FIXED_SEEDS = {1, 2};
    private static final long SECONDS = Long.getLong("jvisor.hostility.seconds", 2L);

    private HostileRun() { }

    /** Runs an attack; what it throws comes out with the seed and the round. */
    public static void run(String name, int fixedRounds, Attack attack) {
        Long asked = Long.getLong("jvisor.seed");
        for (long seed : asked == null ? FIXED_SEEDS : new long[0]) {
            Random random = new Random(seed);
            for (int i = 0; i < fixedRounds; i++) {
                round(name, seed, i, random, attack);
            }
        }
        long seed = asked == null ? new Random().nextLong() : asked;
        System.out.println("hostile guest, " + name + ": -Djvisor.seed=" + seed);
        Random random = new Random(seed);
        long end = System.nanoTime() + SECONDS * 1_000_000_000L;
        int i = 0;
        do {
            round(name, seed, i++, random, attack);
        } while (System.nanoTime() - end < 0);
    }

    private static void round(String name, long seed, int round, Random random, Attack attack) {
        try {
            attack.round(random);
        } catch (Exception | AssertionError e) {
            throw new AssertionError(name + ": seed " + seed + ", round " + round + ": " + e, e);
        }
    }
}
