package dev.jvisor.vmm.x86.cpu;

/**
 * The state components that XSAVE knows (Intel SDM 1, 13.1 and 13.6): their bits in XCR0 and in XSTATE_BV, and which of them are in use,
 * that is, not in their initial configuration.
 */
public final class ExtendedState {
    /** Component bits: x87; MXCSR and XMM registers; upper halves of YMM registers. */
    public static final int X87 = 1, SSE = 2, AVX = 4;

    private ExtendedState() { }

    /** {@return the components in use (XINUSE). MXCSR has no part in it; outside 64-bit mode registers 8 to 15 have none} */
    public static int inUse(Cpu c) {
        int longs = c.long64() ? 32 : 16;
        return (x87InUse(c) ? X87 : 0) | (any(c.xmm, longs) ? SSE : 0) | (any(c.ymmHigh, longs) ? AVX : 0);
    }

    private static boolean x87InUse(Cpu c) {
        int any = c.fcw ^ 0x37F | c.fsw | c.fpTop | c.fpUsed | c.fop;
        long rest = c.fip | c.fdp;
        for (int k = 0; k < 8; k++) {
            rest |= c.fpMant[k] | c.fpExp[k];
        }
        return (any | rest) != 0;
    }

    private static boolean any(long[] v, int n) {
        long all = 0;
        for (int k = 0; k < n; k++) {
            all |= v[k];
        }
        return all != 0;
    }
}
