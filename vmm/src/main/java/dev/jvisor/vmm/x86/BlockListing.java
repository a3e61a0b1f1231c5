package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.ValueLayout;

/** Prints a block for people: its bytes as they are now, and its steps. */
final class BlockListing {
    private static final int MOST_BYTES = 64;

    private BlockListing() { }

    static void append(StringBuilder s, Cpu c, Block b) {
        if (b == null) {
            return;
        }
        s.append(String.format("last block rip=%x linear=%x host=%x mode=%x count=%d%s%n ", b.rip, b.linear, b.host, b.mode, b.count,
                b.valid ? "" : " (overwritten)"));
        Uop end = b.ops[b.ops.length - 1];
        long bytes = Math.min(Math.min(end.ip + end.len - b.rip, MOST_BYTES), 4096 - (b.host & 4095));
        for (long k = 0; k < bytes; k++) {
            s.append(String.format(" %02x", c.ram().get(ValueLayout.JAVA_BYTE, b.host + k)));
        }
        s.append(System.lineSeparator());
        for (Uop u : b.ops) {
            String name = u.getClass().getName();
            s.append(String.format("  %x+%d %s d=%d a=%d b=%d scale=%d seg=%d imm=%x%n", u.ip, u.len,
                    name.substring(name.lastIndexOf('.') + 1), u.d, u.a, u.b, u.scale, u.seg, u.imm));
        }
    }
}
