package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Executes single instructions on a {@link Cpu} in flat 64-bit mode without paging, through the opcode table's translators. */
final class SoftwareRun {
    static final int MEMORY = 0x1000;
    private static final OpcodeTable TABLE = new OpcodeTable();

    static {
        SimdOps.register(TABLE);
    }

    final Cpu cpu;
    final MemorySegment ram;

    SoftwareRun() {
        ram = Arena.ofAuto().allocate(0x10000, 4096);
        GpaSpace gpa = new GpaSpace(ram);
        gpa.mapRam(0, 0x10000);
        cpu = new Cpu(0, gpa, null, null, () -> 0, 1_000_000_000);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_NE;
        cpu.cr4 = Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT | Cpu.CR4_OSXSAVE;
        cpu.xcr0 = 7;
        cpu.mode = Cpu.MODE_LONG | 2 | Cpu.MODE_FLAT | Cpu.MODE_STACK32;
    }

    /** Translates machine code of the forms that tests use: any register, or (RSI) with a displacement. {@return its steps, null if unknown} */
    static Uop[] translate(byte[] code) {
        Insn i = new Insn();
        int at = 0;
        for (; ; at++) {
            int b = code[at] & 0xFF;
            if (b == 0x66) {
                i.size66 = true;
            } else if (b == 0xF2 || b == 0xF3) {
                i.rep = b;
            } else {
                break;
            }
        }
        if ((code[at] & 0xF0) == 0x40) {
            i.rex = code[at++];
        }
        i.prefix = i.rep == 0xF2 ? OpcodeTable.PF2 : i.rep == 0xF3 ? OpcodeTable.PF3 : i.size66 ? OpcodeTable.P66 : OpcodeTable.NP;
        i.map = OpcodeTable.ONE_BYTE;
        if (code[at] == 0x0F) {
            at++;
            i.map = code[at] == 0x38 ? OpcodeTable.M0F38 : code[at] == 0x3A ? OpcodeTable.M0F3A : OpcodeTable.M0F;
            at += i.map == OpcodeTable.M0F ? 0 : 1;
        }
        i.op = code[at++] & 0xFF;
        i.code = 8;
        i.addrSize = 8;
        i.opSize = (i.rex & 8) != 0 ? 8 : i.size66 ? 2 : 4;
        i.mode = Cpu.MODE_LONG | 2 | Cpu.MODE_FLAT | Cpu.MODE_STACK32;
        i.segOverride = -1;
        i.seg = Cpu.DS;
        Opcode[] entries = TABLE.find(i.map, i.prefix, i.op);
        if (entries == null) {
            return null;
        }
        int entry = 0;
        if (at < code.length) {
            int modrm = code[at++] & 0xFF;
            i.hasModrm = true;
            i.mod = modrm >> 6;
            i.reg = modrm >> 3 & 7 | (i.rex & 4) << 1;
            i.rm = modrm & 7 | (i.rex & 1) << 3;
            i.base = i.rm;
            i.index = Cpu.ZERO;
            if (i.mod == 1) {
                i.disp = code[at++];
            }
            entry = (i.mod == 3 ? 8 : 0) + (i.reg & 7);
        }
        Opcode o = entries[entry];
        if (o == null) {
            return null;
        }
        if (o.imm() == Opcode.Imm.BYTE) {
            i.imm = code[at++];
        }
        if (at != code.length) {
            throw new IllegalStateException("encoding not understood at byte " + at + ": " + o.name());
        }
        i.len = code.length;
        Emitter e = new Emitter();
        e.begin();
        e.instruction(i);
        o.translator().translate(i, e);
        List<Uop> ops = e.ops();
        return ops.toArray(new Uop[0]);
    }

    /** Executes on a copy of {@code in}. {@return what it left} */
    MachineState execute(Uop[] ops, MachineState in) {
        MemorySegment.copy(in.bytes.array(), MachineState.MEMORY, ram, ValueLayout.JAVA_BYTE, MEMORY, 64);
        for (int k = 0; k < 8; k++) {
            cpu.xmm[k] = in.q(8 * k);
        }
        cpu.fpMant[0] = in.q(MachineState.MMX);
        cpu.fpMant[1] = in.q(MachineState.MMX + 8);
        for (int k = 0; k < 3; k++) {
            cpu.r[k] = in.q(MachineState.GENERAL + 8 * k);
        }
        cpu.r[Cpu.RSI] = MEMORY;
        cpu.r[Cpu.RDI] = MEMORY;
        cpu.sysFlags = 0x200;
        cpu.setRflags(in.q(MachineState.FLAGS));
        cpu.mxcsr = in.mxcsr();
        cpu.fcw = 0x37F;
        cpu.fsw = 0;
        MachineState out = in.copy();
        try {
            for (Uop u : ops) {
                u.exec(cpu);
            }
            out.vector(0);
        } catch (GuestFault f) {
            out.vector(cpu.faultVector);
        }
        MemorySegment.copy(ram, ValueLayout.JAVA_BYTE, MEMORY, out.bytes.array(), MachineState.MEMORY, 64);
        for (int k = 0; k < 8; k++) {
            out.q(8 * k, cpu.xmm[k]);
        }
        out.q(MachineState.MMX, cpu.fpMant[0]);
        out.q(MachineState.MMX + 8, cpu.fpMant[1]);
        for (int k = 0; k < 3; k++) {
            out.q(MachineState.GENERAL + 8 * k, cpu.r[k]);
        }
        out.q(MachineState.FLAGS, cpu.rflags());
        out.mxcsr(cpu.mxcsr);
        return out;
    }
}
