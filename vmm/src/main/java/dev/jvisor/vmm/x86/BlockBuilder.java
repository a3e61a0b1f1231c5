package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Decoder;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.ops.Jumps;
import java.util.Arrays;
import java.util.List;

/** Decodes blocks for one VP. The caller has flagged the page as holding code before the bytes are read. */
final class BlockBuilder {
    private static final int MOST_INSNS = 48;
    private static final int MOST_OPS = 160;
    private static final Uop[] NO_OPS = new Uop[0];

    private final Decoder decoder;
    private final Emitter emitter = new Emitter();
    private final Insn insn = new Insn();
    private final Uop fetch;
    /** Linear addresses to stop before, rising. */
    private long[] breakpoints = {};
    private Runnable onBreakpoint = () -> { };

    /** @param fetch names the instruction in faults of the fetch */
    BlockBuilder(Cpu c, OpcodeTable table, Uop fetch) {
        this.decoder = new Decoder(c, table);
        this.fetch = fetch;
    }

    /** Chooses where blocks end in a call of {@code action} instead of the instruction. Blocks built before must be thrown away. */
    void breakpoints(long[] linear, Runnable action) {
        breakpoints = linear.clone();
        Arrays.sort(breakpoints);
        onBreakpoint = action;
    }

    boolean hasBreakpoints() {
        return breakpoints.length != 0;
    }

    boolean isBreakpoint(long linear) {
        return breakpoints.length != 0 && Arrays.binarySearch(breakpoints, linear) >= 0;
    }

    /**
     * Decodes the block at {@code rip}. Throws the fault of the fetch of its first instruction.
     *
     * @param linear linear address of its first byte
     * @param host host offset of its first byte
     * @param mode mode bits; with {@link Cpu#MODE_SINGLE} one instruction is decoded, breakpoint or not
     */
    Block build(long rip, long linear, long host, int mode) {
        boolean single = (mode & Cpu.MODE_SINGLE) != 0;
        emitter.begin();
        long ip = rip;
        long previous = rip;
        int previousLength = 0;
        int insns = 0;
        int second = -1;
        while (true) {
            int offset = (int) (ip - rip);
            if (!single && isBreakpoint(linear + offset)) {
                if (insns == 0) {
                    breakpoint(ip, mode);
                } else {
                    Jumps.fallThrough(emitter, insn);
                }
                break;
            }
            fetch.ip = ip;
            int outcome = decoder.decode(insn, ip, linear + offset, host + offset, mode, insns == 0, fetch);
            if (outcome == Decoder.STOP) {
                insn.ip = previous;
                insn.len = previousLength;
                emitter.instruction(insn);
                Jumps.fallThrough(emitter, insn);
                break;
            }
            insns++;
            emitter.instruction(insn);
            if (outcome == Decoder.INVALID) {
                emitter.undefined(decoder.name());
                break;
            }
            decoder.opcode().translator().translate(insn, emitter);
            second = decoder.secondPage();
            if (emitter.ended()) {
                break;
            }
            previous = ip;
            previousLength = insn.len;
            ip += insn.len;
            boolean wraps = insn.code == 2 && ip > 0xFFFF || insn.code == 4 && ip > 0xFFFFFFFFL;
            if (single || wraps || second >= 0 || insns >= MOST_INSNS || emitter.ops().size() >= MOST_OPS
                    || (host & 4095) + (ip - rip) >= 4096) {
                Jumps.fallThrough(emitter, insn);
                break;
            }
        }
        List<Uop> ops = emitter.ops();
        return new Block(ops.toArray(NO_OPS), rip, linear, host, mode, insns, second);
    }

    private void breakpoint(long ip, int mode) {
        insn.ip = ip;
        insn.len = 0;
        insn.mode = mode;
        insn.hasModrm = false;
        emitter.instruction(insn);
        emitter.callEnd((c, u) -> {
            c.rip = u.ip;
            onBreakpoint.run();
        });
    }
}
