package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F38;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.NP;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** MOV between registers, memory and immediates; MOVZX, MOVSX, LEA, XCHG, XADD, CMPXCHG, BSWAP, MOVBE, XLAT, CBW and its kin, CMOVcc, SETcc. */
final class Moves {
    private Moves() { }

    static void register(OpcodeTable t) {
        t.def("MOV Eb,Gb", ONE_BYTE, ANY, 0x88, true, Imm.NONE, (i, e) -> toRm(e, i, 1));
        t.def("MOV Ev,Gv", ONE_BYTE, ANY, 0x89, true, Imm.NONE, (i, e) -> toRm(e, i, i.opSize));
        t.def("MOV Gb,Eb", ONE_BYTE, ANY, 0x8A, true, Imm.NONE, (i, e) -> fromRm(e, i, 1));
        t.def("MOV Gv,Ev", ONE_BYTE, ANY, 0x8B, true, Imm.NONE, (i, e) -> fromRm(e, i, i.opSize));
        t.group("MOV Eb,Ib", ONE_BYTE, ANY, 0xC6, 0, Imm.BYTE, (i, e) -> constantToRm(e, i, 1));
        t.group("MOV Ev,Iz", ONE_BYTE, ANY, 0xC7, 0, Imm.Z, (i, e) -> constantToRm(e, i, i.opSize));
        for (int r = 0; r < 8; r++) {
            t.def("MOV r8,Ib", ONE_BYTE, ANY, 0xB0 + r, false, Imm.BYTE, (i, e) -> constantToRegister(e, i, i.opReg, 1));
            t.def("MOV r,Iv", ONE_BYTE, ANY, 0xB8 + r, false, Imm.V, (i, e) -> constantToRegister(e, i, i.opReg, i.opSize));
            t.def("BSWAP r", M0F, ANY, 0xC8 + r, false, Imm.NONE, (i, e) -> byteSwap(e, i));
            if (r > 0) {
                t.def("XCHG r,eAX", ONE_BYTE, ANY, 0x90 + r, false, Imm.NONE, (i, e) -> exchange(e, Cpu.RAX, i.opReg, i.opSize));
            }
        }
        t.def("NOP", ONE_BYTE, ANY, 0x90, false, Imm.NONE, (i, e) -> {
            if (i.opReg != 0) {
                exchange(e, Cpu.RAX, i.opReg, i.opSize);
            } else if (i.rep == 0xF3) {
                // PAUSE; with REX.B it is an exchange like any other.
                e.call(FlagOps::pause);
            }
        });
        t.def("MOV AL,Ob", ONE_BYTE, ANY, 0xA0, false, Imm.OFFSET, (i, e) -> loadRegister(e, i, Cpu.RAX, 1));
        t.def("MOV eAX,Ov", ONE_BYTE, ANY, 0xA1, false, Imm.OFFSET, (i, e) -> loadRegister(e, i, Cpu.RAX, i.opSize));
        t.def("MOV Ob,AL", ONE_BYTE, ANY, 0xA2, false, Imm.OFFSET, (i, e) -> Operands.store(e, i, Cpu.RAX, 1));
        t.def("MOV Ov,eAX", ONE_BYTE, ANY, 0xA3, false, Imm.OFFSET, (i, e) -> Operands.store(e, i, Cpu.RAX, i.opSize));

        t.def("MOVZX Gv,Eb", M0F, ANY, 0xB6, true, Imm.NONE, (i, e) -> extend(e, i, 1, false));
        t.def("MOVZX Gv,Ew", M0F, ANY, 0xB7, true, Imm.NONE, (i, e) -> extend(e, i, 2, false));
        t.def("MOVSX Gv,Eb", M0F, ANY, 0xBE, true, Imm.NONE, (i, e) -> extend(e, i, 1, true));
        t.def("MOVSX Gv,Ew", M0F, ANY, 0xBF, true, Imm.NONE, (i, e) -> extend(e, i, 2, true));
        t.def("MOVSXD Gv,Ed / ARPL Ew,Gw", ONE_BYTE, ANY, 0x63, true, Imm.NONE, (i, e) -> {
            if (i.code == 8) {
                extend(e, i, Math.min(i.opSize, 4), true);
            } else {
                adjustRpl(e, i);
            }
        });
        t.def("LEA Gv,M", ONE_BYTE, ANY, 0x8D, true, Imm.NONE, (i, e) -> loadAddress(e, i));
        t.def("XCHG Eb,Gb", ONE_BYTE, ANY, 0x86, true, Imm.NONE, (i, e) -> exchangeRm(e, i, 1));
        t.allowLock();
        t.def("XCHG Ev,Gv", ONE_BYTE, ANY, 0x87, true, Imm.NONE, (i, e) -> exchangeRm(e, i, i.opSize));
        t.allowLock();
        t.def("XADD Eb,Gb", M0F, ANY, 0xC0, true, Imm.NONE, (i, e) -> exchangeAdd(e, i, 1));
        t.allowLock();
        t.def("XADD Ev,Gv", M0F, ANY, 0xC1, true, Imm.NONE, (i, e) -> exchangeAdd(e, i, i.opSize));
        t.allowLock();
        t.def("CMPXCHG Eb,Gb", M0F, ANY, 0xB0, true, Imm.NONE, (i, e) -> CompareExchange.emit(e, i, 1));
        t.allowLock();
        t.def("CMPXCHG Ev,Gv", M0F, ANY, 0xB1, true, Imm.NONE, (i, e) -> CompareExchange.emit(e, i, i.opSize));
        t.allowLock();
        boolean pairs16 = t.offers(CpuFeature.CX16);
        t.groupMem("CMPXCHG8B M", M0F, ANY, 0xC7, 1, Imm.NONE, (i, e) -> {
            if (i.opSize == 8 && !pairs16) {
                e.invalid();
            } else {
                CompareExchange.emitPair(e, i);
            }
        });
        t.allowLock();
        t.with(CpuFeature.MOVBE, () -> {
            for (int prefix : new int[] {NP, P66}) {
                t.def("MOVBE Gv,M", M0F38, prefix, 0xF0, true, Imm.NONE, (i, e) -> bigEndianLoad(e, i));
                t.def("MOVBE M,Gv", M0F38, prefix, 0xF1, true, Imm.NONE, (i, e) -> bigEndianStore(e, i));
            }
        });
        t.def("XLAT", ONE_BYTE, ANY, 0xD7, false, Imm.NONE, (i, e) -> translate(e, i));
        t.def("CBW/CWDE/CDQE", ONE_BYTE, ANY, 0x98, false, Imm.NONE, (i, e) -> {
            if (i.opSize == 2) {
                signExtend(e, Cpu.T0, Cpu.RAX, 1, 8);
                Operands.write(e, i, Cpu.RAX, 2, Cpu.T0);
            } else {
                signExtend(e, Cpu.RAX, Cpu.RAX, i.opSize / 2, i.opSize);
            }
        });
        t.def("CWD/CDQ/CQO", ONE_BYTE, ANY, 0x99, false, Imm.NONE, (i, e) -> {
            Uop u = e.add(new SignFill(i.opSize));
            u.d = Cpu.RDX;
            u.a = Cpu.RAX;
        });
        for (int k = 0; k < 16; k++) {
            int cc = k;
            t.def("CMOV" + Conditions.NAMES[k] + " Gv,Ev", M0F, ANY, 0x40 + k, true, Imm.NONE, (i, e) -> {
                int src = Operands.sourceRm(e, i, i.opSize, Cpu.T0);
                Uop u = e.add(Conditions.move(cc, i.opSize));
                u.d = i.reg;
                u.a = src;
            });
            t.def("SET" + Conditions.NAMES[k] + " Eb", M0F, ANY, 0x90 + k, true, Imm.NONE, (i, e) -> {
                boolean direct = !i.isMem() && !i.highByte(i.rm);
                e.add(Conditions.set(cc)).d = direct ? i.rm : Cpu.T0;
                if (i.isMem()) {
                    Operands.store(e, i, Cpu.T0, 1);
                } else if (!direct) {
                    Operands.write(e, i, i.rm, 1, Cpu.T0);
                }
            });
        }
        boolean flagsIn64 = t.offers(CpuFeature.LAHF);
        flagsByAh(t, "LAHF", 0x9F, flagsIn64, (c, u) -> c.r[Cpu.RAX] = c.r[Cpu.RAX] & ~0xFF00L | (Flags.status(c) & 0xD5 | 2) << 8);
        flagsByAh(t, "SAHF", 0x9E, flagsIn64, (c, u) -> Flags.setStatus(c, Flags.status(c) & Flags.OF | (int) (c.r[Cpu.RAX] >>> 8) & 0xD5));
    }

    private static void flagsByAh(OpcodeTable t, String name, int op, boolean in64, Semantic f) {
        t.def(name, ONE_BYTE, ANY, op, false, Imm.NONE, (i, e) -> {
            if (i.code == 8 && !in64) {
                e.invalid();
            } else {
                e.call(f);
            }
        });
    }

    private static void toRm(Emitter e, Insn i, int size) {
        int src = Operands.source(e, i, i.reg, size, Cpu.T0);
        if (i.isMem()) {
            Operands.store(e, i, src, size);
        } else {
            Operands.write(e, i, i.rm, size, src);
        }
    }

    private static void fromRm(Emitter e, Insn i, int size) {
        if (i.isMem()) {
            loadRegister(e, i, i.reg, size);
        } else {
            Operands.write(e, i, i.reg, size, Operands.source(e, i, i.rm, size, Cpu.T0));
        }
    }

    private static void loadRegister(Emitter e, Insn i, int register, int size) {
        if (size >= 4) {
            Operands.load(e, i, register, size, 0);
        } else {
            Operands.load(e, i, Cpu.T0, size, 0);
            Operands.write(e, i, register, size, Cpu.T0);
        }
    }

    private static void constantToRm(Emitter e, Insn i, int size) {
        if (i.isMem()) {
            Operands.storeConstant(e, i, i.imm, size);
        } else {
            constantToRegister(e, i, i.rm, size);
        }
    }

    private static void constantToRegister(Emitter e, Insn i, int register, int size) {
        if (size >= 4) {
            Operands.constant(e, register, size == 8 ? i.imm : i.imm & 0xFFFFFFFFL);
        } else if (size == 1 && i.highByte(register)) {
            Operands.constant(e, Cpu.T0, i.imm);
            Operands.write(e, i, register, 1, Cpu.T0);
        } else {
            Uop u = e.add(size == 2 ? new RegisterUops.Constant16() : new RegisterUops.Constant8());
            u.d = register;
            u.imm = i.imm & (size == 2 ? 0xFFFF : 0xFF);
        }
    }

    private static void signExtend(Emitter e, int d, int a, int bytes, int to) {
        Uop u = e.add(new RegisterUops.SignExtend(bytes, to));
        u.d = d;
        u.a = a;
    }

    private static void extend(Emitter e, Insn i, int from, boolean sign) {
        int to = i.opSize;
        int d = to == 2 ? Cpu.T0 : i.reg;
        if (from >= to) {
            // MOVZX r16,r/m16 and MOVSXD with a 16- or 32-bit operand size: plain moves.
            fromRm(e, i, to);
            return;
        }
        if (i.isMem()) {
            Operands.load(e, i, d, from, sign ? Math.max(to, 4) : 0);
        } else {
            int src = Operands.source(e, i, i.rm, from, Cpu.T0);
            if (sign) {
                signExtend(e, d, src, from, Math.max(to, 4));
            } else if (from == 4) {
                Operands.write(e, i, d, 4, src);
            } else {
                Uop u = e.add(new RegisterUops.ZeroExtend(from));
                u.d = d;
                u.a = src;
            }
        }
        if (to == 2) {
            Operands.write(e, i, i.reg, 2, Cpu.T0);
        }
    }

    private static void loadAddress(Emitter e, Insn i) {
        if (!i.isMem()) {
            e.invalid();
            return;
        }
        long mask = (i.addrSize == 8 ? -1L : (1L << 8 * i.addrSize) - 1) & (i.opSize == 8 ? -1L : (1L << 8 * i.opSize) - 1);
        Uop u;
        if (i.base == Cpu.ZERO && i.index == Cpu.ZERO && i.opSize >= 4) {
            Operands.constant(e, i.reg, i.disp & mask);
            return;
        }
        if (mask != -1L) {
            u = e.add(new RegisterUops.LeaMasked(mask));
        } else {
            u = e.add(i.index == Cpu.ZERO ? new RegisterUops.LeaBase64() : new RegisterUops.Lea64());
        }
        u.d = i.opSize == 2 ? Cpu.T0 : i.reg;
        u.a = i.base;
        u.b = i.index;
        u.scale = i.scale;
        u.imm = i.disp;
        if (i.opSize == 2) {
            Operands.write(e, i, i.reg, 2, Cpu.T0);
        }
    }

    private static void exchange(Emitter e, int a, int d, int size) {
        Uop u = e.add(new RegisterUops.Exchange(size));
        u.a = a;
        u.d = d;
    }

    private static void exchangeRm(Emitter e, Insn i, int size) {
        if (i.isMem()) {
            int src = Operands.source(e, i, i.reg, size, Cpu.T1);
            Locked.emit(e, i, Locked.XCHG, size, src);
            Operands.write(e, i, i.reg, size, Cpu.T0);
        } else if (size == 1 && (i.highByte(i.reg) || i.highByte(i.rm))) {
            int x = Operands.source(e, i, i.reg, 1, Cpu.T1);
            int y = Operands.source(e, i, i.rm, 1, Cpu.T2);
            Operands.copy(e, Cpu.T0, x);
            Operands.write(e, i, i.reg, 1, y);
            Operands.write(e, i, i.rm, 1, Cpu.T0);
        } else {
            exchange(e, i.reg, i.rm, size);
        }
    }

    private static void exchangeAdd(Emitter e, Insn i, int size) {
        if (i.lock) {
            Locked.emit(e, i, Locked.XADD, size, Operands.source(e, i, i.reg, size, Cpu.T1));
            Operands.write(e, i, i.reg, size, Cpu.T0);
            return;
        }
        int dst = Operands.beginModify(e, i, size, Cpu.T0);
        int src = Operands.source(e, i, i.reg, size, Cpu.T1);
        Operands.copy(e, Cpu.T2, dst);
        if (i.isMem()) {
            e.add(Alu.registers(Alu.ADD, size, dst, dst, src));
            Operands.storeModified(e, dst, size);
            Operands.write(e, i, i.reg, size, Cpu.T2);
        } else {
            // The sum wins when both operands are the same register.
            e.add(Alu.registers(Alu.ADD, size, Cpu.T0, dst, src));
            Operands.write(e, i, i.reg, size, Cpu.T2);
            Operands.write(e, i, i.rm, size, Cpu.T0);
        }
    }

    private static void byteSwap(Emitter e, Insn i) {
        int r = i.opReg;
        int size = i.opSize;
        e.call((c, u) -> c.r[u.d] = size == 8 ? Long.reverseBytes(c.r[u.d])
                : size == 4 ? Integer.reverseBytes((int) c.r[u.d]) & 0xFFFFFFFFL
                // Undefined for 16 bits; processors clear them.
                : c.r[u.d] & ~0xFFFFL, r, 0, 0, 0);
    }

    private static void swapInto(Emitter e, int size, int d, int a) {
        e.call((c, u) -> c.r[u.d] = size == 8 ? Long.reverseBytes(c.r[u.a])
                : size == 4 ? Integer.reverseBytes((int) c.r[u.a]) & 0xFFFFFFFFL
                : Short.reverseBytes((short) c.r[u.a]) & 0xFFFFL, d, a, 0, 0);
    }

    private static void bigEndianLoad(Emitter e, Insn i) {
        if (!i.isMem()) {
            e.invalid();
            return;
        }
        Operands.load(e, i, Cpu.T0, i.opSize, 0);
        swapInto(e, i.opSize, Cpu.T0, Cpu.T0);
        Operands.write(e, i, i.reg, i.opSize, Cpu.T0);
    }

    private static void bigEndianStore(Emitter e, Insn i) {
        if (!i.isMem()) {
            e.invalid();
            return;
        }
        swapInto(e, i.opSize, Cpu.T0, i.reg);
        Operands.store(e, i, Cpu.T0, i.opSize);
    }

    private static void translate(Emitter e, Insn i) {
        // [rBX + AL]: an address like any other once AL stands alone in a register.
        e.add(new RegisterUops.ZeroExtend(1)).d = Cpu.T1;
        i.base = Cpu.RBX;
        i.index = Cpu.T1;
        i.scale = 0;
        loadRegister(e, i, Cpu.RAX, 1);
    }

    private static void adjustRpl(Emitter e, Insn i) {
        if ((i.mode & Cpu.MODE_REAL) != 0) {
            e.invalid();
            return;
        }
        int at = Operands.beginModify(e, i, 2, Cpu.T0);
        e.call((c, u) -> {
            boolean lower = (c.r[u.d] & 3) < (c.r[u.a] & 3);
            if (lower) {
                c.r[u.d] = c.r[u.d] & ~3L | c.r[u.a] & 3;
            }
            Flags.setStatus(c, Flags.status(c) & ~Flags.ZF | (lower ? Flags.ZF : 0));
        }, at, i.reg, 0, 0);
        Operands.finishModify(e, i, 2, at);
    }

    /** Fills {@code r[d]} with the sign of {@code r[a]}. */
    private static final class SignFill extends Uop {
        private final int shift;
        private final long keep;
        private final long mask;

        SignFill(int bytes) {
            this.shift = 64 - 8 * bytes;
            this.mask = -1L >>> shift;
            this.keep = bytes >= 4 ? 0 : ~mask;
        }

        @Override
        public void exec(Cpu c) {
            c.r[d] = c.r[d] & keep | c.r[a] << shift >> 63 & mask;
        }
    }
}
