package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.security.SecureRandom;

/** RDRAND and RDSEED, from the host's generator unless the partition has one of its own: a guest that has them need not wait for entropy at boot. */
final class RandomSource {
    private static final SecureRandom RANDOM = new SecureRandom();

    private RandomSource() { }

    /** {@code d} register, {@code b} size. CF tells success; it never fails. */
    static void rdrand(Cpu c, Uop u) {
        Operands.set(c, u.d, u.b, c.random == null ? RANDOM.nextLong() : c.random.getAsLong());
        Flags.setStatus(c, Flags.CF);
    }
}
