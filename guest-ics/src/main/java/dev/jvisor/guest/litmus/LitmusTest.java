package dev.jvisor.guest.litmus;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * One litmus test: a program for each of up to four processors on the words of one <em>instance</em>, and a judge of what they observed. The
 * guest runs many instances at once and each again and again; words are zero when the programs begin.
 */
public final class LitmusTest {
    /** Most programs of a test. */
    public static final int MOST_THREADS = 4;
    /** Most values observed. Each is counted as 0, 1, 2, or 3 for all above. */
    public static final int MOST_OBSERVED = 4;

    /** What an outcome means. */
    public enum Verdict {
        /** One instruction at a time, in some order, gives this. */
        PLAIN,
        /** Only a processor that reorders gives this, and x86 may. */
        RELAXED,
        /** No x86 gives this. */
        FORBIDDEN
    }

    /** Tells what an outcome means. */
    @FunctionalInterface
    public interface Judge {
        /** {@return what the outcome means} @param o values observed, each 0 to 3 */
        Verdict of(int[] o);
    }

    private final String name;
    private final List<Consumer<LitmusCode>> threads = new ArrayList<>();
    private Consumer<LitmusCode> before = LitmusCode::clearWords;
    private Consumer<LitmusCode> after;
    private Judge judge = o -> Verdict.PLAIN;
    private int observed;
    private boolean large;
    private boolean supervisor;

    private LitmusTest(String name) {
        this.name = name;
    }

    /** {@return an empty test} @param name as people know it, without spaces */
    public static LitmusTest named(String name) {
        return new LitmusTest(name);
    }

    /** Adds a processor's program. */
    public LitmusTest thread(Consumer<LitmusCode> program) {
        threads.add(program);
        return this;
    }

    /** Has the first processor do this to each instance before the programs run, instead of {@link LitmusCode#clearWords}. */
    public LitmusTest before(Consumer<LitmusCode> program) {
        before = program;
        return this;
    }

    /** Has the first processor do this to each instance when all programs have run: observe words of memory. */
    public LitmusTest after(Consumer<LitmusCode> program) {
        after = program;
        return this;
    }

    /** Gives each instance 8 KiB, so that words may lie at the end of a page, and code in a page of its own. */
    public LitmusTest large() {
        large = true;
        return this;
    }

    /** Says that the programs need CPL0. */
    public LitmusTest supervisor() {
        supervisor = true;
        return this;
    }

    /**
     * Says what outcomes mean.
     *
     * @param values how many are observed, 1 to {@link #MOST_OBSERVED}
     */
    public LitmusTest judge(int values, Judge by) {
        if (values < 1 || values > MOST_OBSERVED) {
            throw new IllegalArgumentException("1 to " + MOST_OBSERVED + " values are observed: test=" + name + ", values=" + values);
        }
        observed = values;
        judge = by;
        return this;
    }

    /** {@link #judge} of a test with one outcome, or several, that must never be seen. */
    public LitmusTest never(int values, Predicate<int[]> forbidden) {
        return judge(values, o -> forbidden.test(o) ? Verdict.FORBIDDEN : Verdict.PLAIN);
    }

    /** {@link #judge} of a test with outcomes that show reordering and are allowed. */
    public LitmusTest sometimes(int values, Predicate<int[]> relaxed) {
        return judge(values, o -> relaxed.test(o) ? Verdict.RELAXED : Verdict.PLAIN);
    }

    /** {@return its name} */
    public String name() {
        return name;
    }

    /** {@return the number of processors it takes} */
    public int processors() {
        return threads.size();
    }

    /** {@return whether it needs CPL0} */
    public boolean needsSupervisor() {
        return supervisor;
    }

    List<Consumer<LitmusCode>> threads() {
        return threads;
    }

    Consumer<LitmusCode> before() {
        return before;
    }

    Consumer<LitmusCode> after() {
        return after;
    }

    int observed() {
        return observed;
    }

    boolean isLarge() {
        return large;
    }

    /** {@return a verdict's ordinal for each outcome; two bits a value, the first value lowest} */
    byte[] verdicts() {
        byte[] table = new byte[1 << 2 * observed];
        for (int index = 0; index < table.length; index++) {
            int[] o = new int[observed];
            for (int k = 0; k < observed; k++) {
                o[k] = index >>> 2 * k & 3;
            }
            table[index] = (byte) judge.of(o).ordinal();
        }
        return table;
    }
}
