package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.SegmentCheck;

/** IN, OUT, INS, OUTS. */
final class PortOps {
    private static final int DX = -1;

    private PortOps() { }

    static void register(OpcodeTable t) {
        io(t, "IN AL,ib", 0xE4, Imm.BYTE, true, true);
        io(t, "IN eAX,ib", 0xE5, Imm.BYTE, true, false);
        io(t, "OUT ib,AL", 0xE6, Imm.BYTE, false, true);
        io(t, "OUT ib,eAX", 0xE7, Imm.BYTE, false, false);
        io(t, "IN AL,DX", 0xEC, Imm.NONE, true, true);
        io(t, "IN eAX,DX", 0xED, Imm.NONE, true, false);
        io(t, "OUT DX,AL", 0xEE, Imm.NONE, false, true);
        io(t, "OUT DX,eAX", 0xEF, Imm.NONE, false, false);
        string(t, "INSB", 0x6C, true, true);
        string(t, "INSW", 0x6D, true, false);
        string(t, "OUTSB", 0x6E, false, true);
        string(t, "OUTSW", 0x6F, false, false);
    }

    private static int size(Insn i, boolean isByte) {
        return isByte ? 1 : i.opSize == 2 ? 2 : 4;
    }

    private static void io(OpcodeTable t, String name, int op, Imm imm, boolean in, boolean isByte) {
        t.def(name, OpcodeTable.ONE_BYTE, OpcodeTable.ANY, op, false, imm, (i, e) -> {
            long port = imm == Imm.NONE ? DX : i.imm & 0xFF;
            if (in) {
                e.call(PortOps::in, 0, 0, size(i, isByte), port);
            } else {
                e.callEnd(PortOps::out, 0, 0, size(i, isByte), port);
            }
        });
    }

    private static void in(Cpu c, Uop u) {
        int port = u.imm == DX ? (int) c.r[Cpu.RDX] & 0xFFFF : (int) u.imm;
        TaskState.checkPort(c, port, u.b, u);
        long v = c.handler.portRead(c.index, port, u.b) & 0xFFFF_FFFFL;
        if (u.b == 1) {
            c.r[Cpu.RAX] = c.r[Cpu.RAX] & ~0xFFL | v & 0xFF;
        } else {
            Operands.set(c, Cpu.RAX, u.b, v);
        }
    }

    private static void out(Cpu c, Uop u) {
        int port = u.imm == DX ? (int) c.r[Cpu.RDX] & 0xFFFF : (int) u.imm;
        TaskState.checkPort(c, port, u.b, u);
        c.handler.portWrite(c.index, port, u.b, (int) (c.r[Cpu.RAX] & Operands.mask(u.b)));
    }

    private static void string(OpcodeTable t, String name, int op, boolean in, boolean isByte) {
        t.def(name, OpcodeTable.ONE_BYTE, OpcodeTable.ANY, op, false, Imm.NONE, (Insn i, Emitter e) -> {
            Uop u = e.callEnd(in ? PortOps::ins : PortOps::outs, i.rep != 0 ? 1 : 0, i.addrSize, size(i, isByte), 0);
            u.seg = in ? Cpu.ES : i.segOverride >= 0 ? i.segOverride : Cpu.DS;
        });
    }

    /** INS: {@code d} 1 with REP, {@code a} address size, {@code b} operand size. */
    private static void ins(Cpu c, Uop u) {
        int port = (int) c.r[Cpu.RDX] & 0xFFFF;
        TaskState.checkPort(c, port, u.b, u);
        do {
            if (u.d != 0 && (c.r[Cpu.RCX] & Operands.mask(u.a)) == 0) {
                return;
            }
            long at = SegmentCheck.linear(c, Cpu.ES, c.r[Cpu.RDI] & Operands.mask(u.a), u.b, true, u);
            // The fault of the store must come before the device is asked.
            c.hostForWrite(at, u.b, u);
            Operands.store(c, at, u.b, c.handler.portRead(c.index, port, u.b) & 0xFFFF_FFFFL, u);
        } while (advance(c, Cpu.RDI, u));
    }

    private static void outs(Cpu c, Uop u) {
        int port = (int) c.r[Cpu.RDX] & 0xFFFF;
        TaskState.checkPort(c, port, u.b, u);
        do {
            if (u.d != 0 && (c.r[Cpu.RCX] & Operands.mask(u.a)) == 0) {
                return;
            }
            long at = SegmentCheck.linear(c, u.seg, c.r[Cpu.RSI] & Operands.mask(u.a), u.b, false, u);
            c.handler.portWrite(c.index, port, u.b, (int) Operands.load(c, at, u.b, u));
        } while (advance(c, Cpu.RSI, u));
    }

    /** Moves on by one element. {@return whether to do another one at once; when interrupted, the instruction stays current} */
    private static boolean advance(Cpu c, int reg, Uop u) {
        long step = (c.sysFlags & Flags.DF) != 0 ? -u.b : u.b;
        Operands.set(c, reg, u.a, c.r[reg] + step);
        c.repeating = false;
        if (u.d == 0) {
            return false;
        }
        Operands.set(c, Cpu.RCX, u.a, c.r[Cpu.RCX] - 1);
        if ((c.r[Cpu.RCX] & Operands.mask(u.a)) == 0) {
            return false;
        }
        if (c.pending != 0 || (c.mode & Cpu.MODE_SINGLE) != 0) {
            c.rip = u.ip;
            c.repeating = true;
            return false;
        }
        return true;
    }
}
