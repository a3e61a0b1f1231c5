package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Decoder;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.ops.IntegerOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Executes single instructions on a {@link Cpu} in flat 64-bit mode without paging, through the opcode table's translators. */
final class SoftwareRun {
    static final int MEMORY = 0x1000;
    private static final int CODE = 0x3000;
    private static final OpcodeTable TABLE = new OpcodeTable();

    static {
        IntegerOps.register(TABLE);
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

    /** {@return whether bytes begin with an instruction of 64-bit code that is not #UD} @param code padded to 15 bytes or more */
    static boolean exists(byte[] code) {
        SoftwareRun run = new SoftwareRun();
        MemorySegment.copy(code, 0, run.ram, ValueLayout.JAVA_BYTE, CODE, code.length);
        Decoder decoder = new Decoder(run.cpu, TABLE);
        Insn i = new Insn();
        if (decoder.decode(i, CODE, CODE, CODE, run.cpu.mode, true, null) != Decoder.OK) {
            return false;
        }
        Emitter e = new Emitter();
        e.begin();
        e.instruction(i);
        decoder.opcode().translator().translate(i, e);
        // No instruction of these packages ends a block but by being invalid.
        return !e.ended();
    }

    /** Decodes and translates one instruction of 64-bit code. {@return its steps, null if there is none} */
    static Uop[] translate(byte[] code) {
        return translate(code, Cpu.MODE_LONG | 2 | Cpu.MODE_FLAT | Cpu.MODE_STACK32);
    }

    /** Decodes and translates one instruction of code for {@code mode}. {@return its steps, null if there is none} */
    static Uop[] translate(byte[] code, int mode) {
        SoftwareRun run = new SoftwareRun();
        run.cpu.mode = mode;
        run.cpu.segLimit[Cpu.CS] = -1;
        MemorySegment.copy(code, 0, run.ram, ValueLayout.JAVA_BYTE, CODE, code.length);
        Decoder decoder = new Decoder(run.cpu, TABLE);
        Insn i = new Insn();
        if (decoder.decode(i, CODE, CODE, CODE, run.cpu.mode, true, null) != Decoder.OK) {
            return null;
        }
        if (i.len != code.length) {
            throw new IllegalStateException("length is " + i.len + ", not " + code.length + ": " + decoder.opcode().name());
        }
        Emitter e = new Emitter();
        e.begin();
        e.instruction(i);
        decoder.opcode().translator().translate(i, e);
        return e.ops().toArray(new Uop[0]);
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
