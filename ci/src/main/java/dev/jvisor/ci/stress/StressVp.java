package dev.jvisor.ci.stress;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Decoder;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.ops.IntegerOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A VP of the software CPU for one actor: 64-bit code without paging, over memory that it shares with the VPs of other actors. It runs
 * straight-line code as the engine does, step by step with {@link Cpu#keepOrder()} between.
 */
final class StressVp {
    private static final int MODE = Cpu.MODE_LONG | 2 | Cpu.MODE_FLAT | Cpu.MODE_STACK32;
    private static final int CODE = 0x1000;
    /** Cells begin here; jcstress has some ten thousand instances of a test alive at a time. */
    private static final int CELLS = 0x10000;
    private static final int CELL_COUNT = 1 << 15;
    private static final int CELL = 256;
    private static final int SECOND = 128;
    private static final int MEMORY = CELLS + CELL_COUNT * CELL;
    private static final MemorySegment RAM = Arena.global().allocate(MEMORY, GpaSpace.PAGE_SIZE);
    private static final GpaSpace GPA = new GpaSpace(RAM);
    private static final AtomicInteger NEXT = new AtomicInteger();

    static {
        GPA.mapRam(0, MEMORY);
    }

    private static final int MOST_STEPS = 10;

    /**
     * Straight-line code, null where there are no more steps. HotSpot trusts the components of a record: where one is a constant, as those of
     * the tests are, it knows the class of each step, inlines them all, and nothing but the fences keeps the accesses in order.
     */
    record Code(Uop a, Uop b, Uop c, Uop d, Uop e, Uop f, Uop g, Uop h, Uop i, Uop j) {
        void run(Cpu cpu) {
            step(a, cpu);
            step(b, cpu);
            step(c, cpu);
            step(d, cpu);
            step(e, cpu);
            step(f, cpu);
            step(g, cpu);
            step(h, cpu);
            step(i, cpu);
            step(j, cpu);
        }

        private static void step(Uop u, Cpu cpu) {
            if (u != null) {
                u.exec(cpu);
                Cpu.keepOrder();
            }
        }
    }

    private final Cpu cpu;

    StressVp(int index) {
        cpu = cpu(index);
    }

    private static Cpu cpu(int index) {
        Cpu c = new Cpu(index, GPA, null, null, () -> 0, 1_000_000_000);
        c.cr0 = Cpu.CR0_PE | Cpu.CR0_NE;
        c.mode = MODE;
        return c;
    }

    /** {@return the address of a cell of two variables of up to 16 bytes, both zero, on cache lines of their own} */
    static long cell() {
        long at = CELLS + (NEXT.getAndIncrement() & CELL_COUNT - 1) * (long) CELL;
        RAM.asSlice(at, CELL).fill((byte) 0);
        return at;
    }

    /** {@return the first variable of a cell, once nobody writes to it} */
    static long first(long cell) {
        return RAM.get(ValueLayout.JAVA_LONG, cell);
    }

    /** {@return the second} */
    static long second(long cell) {
        return RAM.get(ValueLayout.JAVA_LONG, cell + SECOND);
    }

    /**
     * Decodes code that has no branch.
     *
     * @param instructions each as hexadecimal digits
     * @return its steps
     */
    static Code code(String... instructions) {
        OpcodeTable table = new OpcodeTable();
        IntegerOps.register(table);
        Emitter e = new Emitter();
        e.begin();
        Cpu c = cpu(0);
        Decoder decoder = new Decoder(c, table);
        for (String hex : instructions) {
            byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
            MemorySegment.copy(code, 0, RAM, ValueLayout.JAVA_BYTE, CODE, code.length);
            Insn i = new Insn();
            if (decoder.decode(i, CODE, CODE, CODE, MODE, true, null) != Decoder.OK || i.len != code.length) {
                throw new IllegalArgumentException("no instruction: " + hex);
            }
            e.instruction(i);
            decoder.opcode().translator().translate(i, e);
            if (e.ended()) {
                throw new IllegalArgumentException("ends a block: " + hex);
            }
        }
        Uop[] steps = e.ops().toArray(new Uop[MOST_STEPS]);
        if (e.ops().size() > MOST_STEPS) {
            throw new IllegalArgumentException("too many steps: " + e.ops().size());
        }
        return new Code(steps[0], steps[1], steps[2], steps[3], steps[4], steps[5], steps[6], steps[7], steps[8], steps[9]);
    }

    /** Runs code with RDI at the first variable of a cell and RSI at the second. {@return RAX; RBX by {@link #rbx}} */
    long run(Code code, long cell) {
        Cpu c = cpu;
        c.r[Cpu.RDI] = cell;
        c.r[Cpu.RSI] = cell + SECOND;
        code.run(c);
        return c.r[Cpu.RAX];
    }

    /** {@return RBX} */
    long rbx() {
        return cpu.r[Cpu.RBX];
    }
}
