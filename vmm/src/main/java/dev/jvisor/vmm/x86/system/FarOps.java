package dev.jvisor.vmm.x86.system;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** The instructions of {@link FarTransfer}, {@link InterruptReturn} and {@link EventDelivery#software}. */
final class FarOps {
    private FarOps() { }

    static void register(OpcodeTable t) {
        t.def("CALL Ap", ONE_BYTE, ANY, 0x9A, false, Imm.FAR, (i, e) ->
                e.callEnd((c, u) -> FarTransfer.call(c, u.a, u.imm, u.b, u), 0, i.imm2, i.opSize, i.imm));
        t.def("JMP Ap", ONE_BYTE, ANY, 0xEA, false, Imm.FAR, (i, e) ->
                e.callEnd((c, u) -> FarTransfer.jump(c, u.a, u.imm, u), 0, i.imm2, i.opSize, i.imm));
        t.groupMem("CALL Mp", ONE_BYTE, ANY, 0xFF, 3, Imm.NONE, (i, e) -> indirect(i, e, true));
        t.groupMem("JMP Mp", ONE_BYTE, ANY, 0xFF, 5, Imm.NONE, (i, e) -> indirect(i, e, false));
        t.def("RETF Iw", ONE_BYTE, ANY, 0xCA, false, Imm.WORD, (i, e) -> ret(i, e, (int) i.imm & 0xFFFF));
        t.def("RETF", ONE_BYTE, ANY, 0xCB, false, Imm.NONE, (i, e) -> ret(i, e, 0));
        t.def("IRET", ONE_BYTE, ANY, 0xCF, false, Imm.NONE, (i, e) ->
                e.callEnd((c, u) -> InterruptReturn.run(c, u.b, u), 0, 0, i.opSize, 0).seg = Cpu.SS);
        t.def("INT3", ONE_BYTE, ANY, 0xCC, false, Imm.NONE, (i, e) ->
                e.callEnd((c, u) -> interrupt(c, Cpu.BP, EventDelivery.Kind.SOFTWARE_EXCEPTION, u)));
        t.def("INT Ib", ONE_BYTE, ANY, 0xCD, false, Imm.BYTE, (i, e) ->
                e.callEnd((c, u) -> interrupt(c, u.a, EventDelivery.Kind.SOFTWARE, u), 0, (int) i.imm & 0xFF, 0, 0));
        t.def("INTO", ONE_BYTE, ANY, 0xCE, false, Imm.NONE, (i, e) -> e.callEnd((c, u) -> {
            if (Flags.of(c)) {
                interrupt(c, Cpu.OF, EventDelivery.Kind.SOFTWARE_EXCEPTION, u);
            }
        }));
        t.def("INT1", ONE_BYTE, ANY, 0xF1, false, Imm.NONE, (i, e) ->
                e.callEnd((c, u) -> interrupt(c, Cpu.DB, EventDelivery.Kind.PRIVILEGED_SOFTWARE, u)));
    }

    private static void interrupt(Cpu c, int vector, EventDelivery.Kind kind, Uop u) {
        EventDelivery.software(c, vector, kind, c.truncateIp(u.nextIp()), u);
    }

    private static void indirect(Insn i, Emitter e, boolean call) {
        e.address(i.opSize + 2, false);
        e.callEnd((c, u) -> {
            long at = c.r[Cpu.TA];
            long offset = Operands.load(c, at, u.b, u);
            int selector = (int) c.ld16(at + u.b, u);
            if (call) {
                FarTransfer.call(c, selector, offset, u.b, u);
            } else {
                FarTransfer.jump(c, selector, offset, u);
            }
        }, 0, 0, i.opSize, 0);
    }

    private static void ret(Insn i, Emitter e, int drop) {
        e.callEnd((c, u) -> FarTransfer.ret(c, u.b, u.a, u), 0, drop, i.opSize, 0).seg = Cpu.SS;
    }
}
