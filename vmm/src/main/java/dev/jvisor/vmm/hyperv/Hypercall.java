package dev.jvisor.vmm.hyperv;

/** One hypercall under way: what the guest handed over, checked and copied. One per VP, reused; valid during the call only. */
final class Hypercall {
    /** What a call does. */
    @FunctionalInterface
    interface Handler {
        /** Does the call, or for a rep call as many elements as it likes, counted in {@link Hypercall#repsDone}. {@return an {@link HvStatus}} */
        int call(Hypercall call);
    }

    /**
     * The form of a call.
     *
     * @param inputBytes size of its input (for rep calls of the header), at most a page
     * @param maxVariableBytes largest variable header it takes
     * @param repBytes size of an element of a rep call's input; 0 for a simple call
     * @param fast whether the input may come in registers; it must then fit into 16 bytes
     * @param handler what it does
     */
    record Form(int inputBytes, int maxVariableBytes, int repBytes, boolean fast, Handler handler) {
        static Form simple(int inputBytes, boolean fast, Handler handler) {
            return new Form(inputBytes, 0, 0, fast, handler);
        }
    }

    /** Largest input: a page. */
    static final int MAX_INPUT = 4096;

    final int vp;
    /** The input, a private copy. */
    final java.lang.foreign.MemorySegment input = java.lang.foreign.Arena.ofAuto().allocate(MAX_INPUT, 8);
    /** Bytes of {@link #input} that are valid. */
    int inputSize;
    /** Bytes of the variable header. */
    int variableBytes;
    int repCount;
    int repStart;
    /** Elements completed, counted from 0 and not from {@link #repStart}. */
    int repsDone;

    Hypercall(int vp) {
        this.vp = vp;
    }

    int u16(int at) {
        return Short.toUnsignedInt(input.get(Layouts.LE16, at));
    }

    int u32(int at) {
        return input.get(Layouts.LE32, at);
    }

    long u64(int at) {
        return input.get(Layouts.LE64, at);
    }
}
