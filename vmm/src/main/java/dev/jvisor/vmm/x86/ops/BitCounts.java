package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F38;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.P66;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.PF2;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** BSF, BSR, TZCNT, LZCNT, POPCNT, CRC32, ADCX and ADOX. */
final class BitCounts {
    /** The Castagnoli polynomial, bits reversed. */
    private static final int CRC32C = 0x82F63B78;
    private static final int[] CRC_TABLE = new int[256];

    static {
        for (int n = 0; n < 256; n++) {
            int v = n;
            for (int k = 0; k < 8; k++) {
                v = (v & 1) != 0 ? v >>> 1 ^ CRC32C : v >>> 1;
            }
            CRC_TABLE[n] = v;
        }
    }

    private BitCounts() { }

    static void register(OpcodeTable t) {
        t.def("BSF Gv,Ev", M0F, ANY, 0xBC, true, Imm.NONE, (i, e) -> scan(e, i, false));
        t.def("BSR Gv,Ev", M0F, ANY, 0xBD, true, Imm.NONE, (i, e) -> scan(e, i, true));
        t.with(CpuFeature.BMI1, () -> t.def("TZCNT Gv,Ev", M0F, PF3, 0xBC, true, Imm.NONE, (i, e) -> count(e, i, false)));
        t.with(CpuFeature.LZCNT, () -> t.def("LZCNT Gv,Ev", M0F, PF3, 0xBD, true, Imm.NONE, (i, e) -> count(e, i, true)));
        t.with(CpuFeature.POPCNT, () -> t.def("POPCNT Gv,Ev", M0F, PF3, 0xB8, true, Imm.NONE, BitCounts::population));
        t.with(CpuFeature.SSE4_2, () -> {
            t.def("CRC32 Gd,Eb", M0F38, PF2, 0xF0, true, Imm.NONE, (i, e) -> crc(e, i, 1));
            t.def("CRC32 Gd,Ev", M0F38, PF2, 0xF1, true, Imm.NONE, (i, e) -> crc(e, i, i.opSize));
        });
        t.with(CpuFeature.ADX, () -> {
            t.def("ADCX Gy,Ey", M0F38, P66, 0xF6, true, Imm.NONE, (i, e) -> addWith(e, i, Flags.CF));
            t.def("ADOX Gy,Ey", M0F38, PF3, 0xF6, true, Imm.NONE, (i, e) -> addWith(e, i, Flags.OF));
        });
    }

    private static long zeroExtended(long v, int size) {
        int up = 64 - 8 * size;
        return v << up >>> up;
    }

    private static void scan(Emitter e, Insn i, boolean reverse) {
        int size = i.opSize;
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        e.call((c, u) -> {
            long v = zeroExtended(c.r[u.a], size);
            // Of zero the destination stays as it is; the flags besides ZF are undefined.
            if (v != 0) {
                Semantics.setRegister(c, u.d, reverse ? 63 - Long.numberOfLeadingZeros(v) : Long.numberOfTrailingZeros(v), size);
            }
            c.ccDst = v;
            c.ccOp = Flags.LOGIC | 3;
        }, i.reg, src, 0, 0);
    }

    private static void count(Emitter e, Insn i, boolean leading) {
        int size = i.opSize;
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        e.call((c, u) -> {
            long v = zeroExtended(c.r[u.a], size);
            int n = leading ? Long.numberOfLeadingZeros(v) - (64 - 8 * size) : Math.min(Long.numberOfTrailingZeros(v), 8 * size);
            Semantics.setRegister(c, u.d, n, size);
            Flags.setStatus(c, (v == 0 ? Flags.CF : 0) | (n == 0 ? Flags.ZF : 0));
        }, i.reg, src, 0, 0);
    }

    private static void population(Insn i, Emitter e) {
        int size = i.opSize;
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        e.call((c, u) -> {
            long v = zeroExtended(c.r[u.a], size);
            Semantics.setRegister(c, u.d, Long.bitCount(v), size);
            Flags.setStatus(c, v == 0 ? Flags.ZF : 0);
        }, i.reg, src, 0, 0);
    }

    private static void crc(Emitter e, Insn i, int size) {
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        e.call((c, u) -> {
            int v = (int) c.r[u.d];
            long bytes = c.r[u.a];
            for (int k = 0; k < size; k++) {
                v = v >>> 8 ^ CRC_TABLE[(v ^ (int) (bytes >>> 8 * k)) & 0xFF];
            }
            c.r[u.d] = v & 0xFFFFFFFFL;
        }, i.reg, src, 0, 0);
    }

    /** Adds with one flag as carry in and out, and leaves the others. */
    private static void addWith(Emitter e, Insn i, int flag) {
        int size = i.rexW() ? 8 : 4;
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        Uop step = e.call((c, u) -> {
            int status = Flags.status(c);
            int carry = (status & flag) != 0 ? 1 : 0;
            long x = zeroExtended(c.r[u.d], size);
            long y = zeroExtended(c.r[u.a], size);
            long v = x + y + carry;
            boolean out = size == 4 ? v >>> 32 != 0 : carry == 0 ? Long.compareUnsigned(v, x) < 0 : Long.compareUnsigned(v, x) <= 0;
            Semantics.setRegister(c, u.d, v, size);
            Flags.setStatus(c, status & ~flag | (out ? flag : 0));
        });
        step.d = i.reg;
        step.a = src;
    }
}
