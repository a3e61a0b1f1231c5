package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/**
 * DAA, DAS, AAA, AAS, AAM and AAD (Intel SDM vol 2A), and SALC, which no manual tells of and every processor has; none of them exists in 64-bit
 * mode.
 */
final class Decimal {
    private Decimal() { }

    static void register(OpcodeTable t) {
        t.def("DAA", ONE_BYTE, ANY, 0x27, false, Imm.NONE, (i, e) -> e.call((c, u) -> packed(c, 1)));
        t.def("DAS", ONE_BYTE, ANY, 0x2F, false, Imm.NONE, (i, e) -> e.call((c, u) -> packed(c, -1)));
        t.def("AAA", ONE_BYTE, ANY, 0x37, false, Imm.NONE, (i, e) -> e.call((c, u) -> unpacked(c, 1)));
        t.def("AAS", ONE_BYTE, ANY, 0x3F, false, Imm.NONE, (i, e) -> e.call((c, u) -> unpacked(c, -1)));
        t.def("AAM Ib", ONE_BYTE, ANY, 0xD4, false, Imm.BYTE, (i, e) -> e.call(Decimal::afterMultiply, 0, 0, 0, i.imm & 0xFF));
        t.def("AAD Ib", ONE_BYTE, ANY, 0xD5, false, Imm.BYTE, (i, e) -> e.call(Decimal::beforeDivide, 0, 0, 0, i.imm & 0xFF));
        t.def("SALC", ONE_BYTE, ANY, 0xD6, false, Imm.NONE, (i, e) -> e.call((c, u) -> Semantics.setRegister(c, Cpu.RAX, Flags.cf(c) ? 0xFF : 0, 1)));
    }

    /** Sets SF, ZF and PF by a byte, and the rest as given. */
    private static void flags(Cpu c, int value, int rest) {
        int v = value & 0xFF;
        boolean even = (Integer.bitCount(v) & 1) == 0;
        Flags.setStatus(c, rest | (v == 0 ? Flags.ZF : 0) | ((v & 0x80) != 0 ? Flags.SF : 0) | (even ? Flags.PF : 0));
    }

    private static void packed(Cpu c, int sign) {
        int old = (int) c.r[Cpu.RAX] & 0xFF;
        boolean oldCarry = Flags.cf(c);
        int al = old;
        int rest = 0;
        if ((old & 15) > 9 || Flags.af(c)) {
            al += 6 * sign;
            rest |= Flags.AF;
            if (sign < 0 && (oldCarry || al < 0)) {
                rest |= Flags.CF;
            }
        }
        if (old > 0x99 || oldCarry) {
            al += 0x60 * sign;
            rest |= Flags.CF;
        }
        Semantics.setRegister(c, Cpu.RAX, al, 1);
        flags(c, al, rest);
    }

    private static void unpacked(Cpu c, int sign) {
        int ax = (int) c.r[Cpu.RAX] & 0xFFFF;
        boolean adjust = (ax & 15) > 9 || Flags.af(c);
        if (adjust) {
            ax += 0x106 * sign;
        }
        Semantics.setRegister(c, Cpu.RAX, ax & 0xFF0F, 2);
        flags(c, ax & 15, adjust ? Flags.AF | Flags.CF : 0);
    }

    private static void afterMultiply(Cpu c, Uop u) {
        if (u.imm == 0) {
            throw c.fault(Cpu.DE, Cpu.NO_ERROR, u);
        }
        long al = c.r[Cpu.RAX] & 0xFF;
        long low = al % u.imm;
        Semantics.setRegister(c, Cpu.RAX, al / u.imm << 8 | low, 2);
        flags(c, (int) low, 0);
    }

    private static void beforeDivide(Cpu c, Uop u) {
        long ax = c.r[Cpu.RAX];
        long al = (ax & 0xFF) + (ax >>> 8 & 0xFF) * u.imm & 0xFF;
        Semantics.setRegister(c, Cpu.RAX, al, 2);
        flags(c, (int) al, 0);
    }
}
