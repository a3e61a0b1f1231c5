package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.util.Arrays;

/** A block's last step whose target is known only when it runs; keeps a sample of the targets, for a translator. */
public abstract class Indirect extends Uop {
    private static final int MOST = 24;

    private long last = -1;
    private int changes;
    private long[] seen;
    private int count;

    @Override
    public final void exec(Cpu c) {
        c.next = leave(c);
    }

    @Override
    public abstract Block leave(Cpu c);

    /** Goes to {@code target}. {@return its block, or null} */
    final Block go(Cpu c, long target) {
        if (target != last) {
            last = target;
            // One change in eight is looked at: enough to know the frequent ones.
            if ((changes++ & 7) == 0) {
                note(target);
            }
        }
        return c.jump(target);
    }

    private void note(long target) {
        if (seen == null) {
            seen = new long[MOST];
        }
        for (int k = 0; k < count; k++) {
            if (seen[k] == target) {
                return;
            }
        }
        if (count < MOST) {
            seen[count++] = target;
        }
    }

    /** {@return targets seen, at most 24, oldest first} */
    public final long[] targets() {
        return seen == null ? new long[0] : Arrays.copyOf(seen, count);
    }
}
