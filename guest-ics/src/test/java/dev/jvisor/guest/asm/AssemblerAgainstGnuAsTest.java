package dev.jvisor.guest.asm;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every instruction, with operands of every kind, encodes as GNU as encodes it. */
class AssemblerAgainstGnuAsTest {
    private interface Two {
        void emit(Assembler a, Operand dst, Operand src);
    }

    private interface Immediate {
        void emit(Assembler a, Operand dst, long value);
    }

    private interface One {
        void emit(Assembler a, Operand operand);
    }

    private interface Load {
        void emit(Assembler a, Gpr dst, Operand src);
    }

    private interface Vector {
        void emit(Assembler a, Xmm dst, Operand src);
    }

    private static List<Gpr> registers(Mode mode, int bytes) {
        List<Gpr> list = new ArrayList<>();
        for (Gpr gpr : Gpr.values()) {
            if (gpr.bytes() == bytes && (mode == Mode.BITS64 || !gpr.needsRex() && bytes < 8)) {
                list.add(gpr);
            }
        }
        return list;
    }

    private static List<Gpr> some(Mode mode, int bytes) {
        List<Gpr> list = new ArrayList<>();
        for (int code : new int[] {0, 1, 3, 6, 9, 12, 15}) {
            if (code < 8 && (bytes > 1 || code < 4) || mode == Mode.BITS64) {
                list.add(Gpr.of(bytes, code));
            }
        }
        return list;
    }

    private static int[] widths(Mode mode) {
        return mode == Mode.BITS64 ? new int[] {1, 2, 4, 8} : new int[] {1, 2, 4};
    }

    /** Addresses of all shapes. */
    private static List<Mem> addresses(Mode mode) {
        List<Mem> list = new ArrayList<>();
        if (mode == Mode.BITS16) {
            list.add(mem(BX));
            list.add(mem(BX).index(SI, 1));
            list.add(mem(BP).index(DI, 1).disp(-4));
            list.add(mem(BP));
            list.add(mem(SI).disp(300));
            list.add(mem(0x1234));
        } else {
            int w = mode.addressBytes();
            for (Gpr base : registers(mode, w)) {
                list.add(mem(base));
                list.add(mem(base).disp(8));
            }
            list.add(mem(Gpr.of(w, 3)).disp(-129));
            list.add(mem(Gpr.of(w, 5)).index(Gpr.of(w, 0), 1));
            list.add(mem(Gpr.of(w, 4)).index(Gpr.of(w, 6), 8).disp(127));
            list.add(new Mem(0, null, Gpr.of(w, 1), 4, 0x1000, null, null));
            list.add(mem(0x12345678));
            list.add(mem(Gpr.of(w, 7)).segment(Seg.FS));
        }
        list.add(mem(EDX).index(ECX, 2).disp(0x11223344));
        if (mode == Mode.BITS64) {
            list.add(mem(R13).index(R12, 4));
            list.add(mem(R12D).index(R13D, 4).segment(Seg.GS));
        }
        return list;
    }

    private static Mem address(Mode mode) {
        return mode == Mode.BITS64 ? mem(R9).index(RCX, 4).disp(64) : mode == Mode.BITS32 ? mem(EBX).index(ECX, 4).disp(64) : mem(BX).index(SI, 1).disp(64);
    }

    private void two(GnuAsOracle oracle, Mode mode, String name, boolean bytesToo, boolean memoryDestination, boolean memorySource, Two call) {
        for (int width : widths(mode)) {
            if (width == 1 && !bytesToo) {
                continue;
            }
            for (Gpr dst : some(mode, width)) {
                for (Gpr src : some(mode, width)) {
                    oracle.add(name + " " + dst + ", " + src, a -> call.emit(a, dst, src));
                }
                Mem m = address(mode);
                if (memoryDestination) {
                    oracle.add(name + " " + m + ", " + dst, a -> call.emit(a, m, dst));
                }
                if (memorySource) {
                    oracle.add(name + " " + dst + ", " + m, a -> call.emit(a, dst, m));
                }
            }
        }
    }

    private void immediate(GnuAsOracle oracle, Mode mode, String name, Immediate call) {
        long[] values = {0, 1, -1, 127, 128, -128, 255, 0x1234, 0x8000, 0xFFFF, 0x12345678L, -0x7000000L, 0x80000000L, 0xFFFFFFFFL};
        for (int width : widths(mode)) {
            List<Operand> operands = new ArrayList<>(some(mode, width));
            operands.add(address(mode).sized(width));
            for (Operand dst : operands) {
                for (long value : values) {
                    if (width == 8 ? value == (int) value : CodeBuffer.fits(value, width)) {
                        oracle.add(name + " " + dst + ", " + value, a -> call.emit(a, dst, value));
                    }
                }
            }
        }
    }

    private void one(GnuAsOracle oracle, Mode mode, String name, One call) {
        for (int width : widths(mode)) {
            for (Gpr gpr : some(mode, width)) {
                oracle.add(name + " " + gpr, a -> call.emit(a, gpr));
            }
            Mem m = address(mode).sized(width);
            oracle.add(name + " " + m, a -> call.emit(a, m));
        }
    }

    private void load(GnuAsOracle oracle, Mode mode, String name, Load call) {
        two(oracle, mode, name, false, false, true, (a, dst, src) -> call.emit(a, (Gpr) dst, src));
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void arithmeticAndMoves(Mode mode, @TempDir Path directory) throws IOException, InterruptedException {
        GnuAsOracle o = new GnuAsOracle(mode);
        two(o, mode, "add", true, true, true, Assembler::add);
        two(o, mode, "or", true, true, true, Assembler::or);
        two(o, mode, "adc", true, true, true, Assembler::adc);
        two(o, mode, "sbb", true, true, true, Assembler::sbb);
        two(o, mode, "and", true, true, true, Assembler::and);
        two(o, mode, "sub", true, true, true, Assembler::sub);
        two(o, mode, "xor", true, true, true, Assembler::xor);
        two(o, mode, "cmp", true, true, true, Assembler::cmp);
        two(o, mode, "test", true, true, true, Assembler::test);
        two(o, mode, "mov", true, true, true, Assembler::mov);
        immediate(o, mode, "add", Assembler::add);
        immediate(o, mode, "or", Assembler::or);
        immediate(o, mode, "adc", Assembler::adc);
        immediate(o, mode, "sbb", Assembler::sbb);
        immediate(o, mode, "and", Assembler::and);
        immediate(o, mode, "sub", Assembler::sub);
        immediate(o, mode, "xor", Assembler::xor);
        immediate(o, mode, "cmp", Assembler::cmp);
        immediate(o, mode, "test", Assembler::test);
        immediate(o, mode, "mov", Assembler::mov);
        one(o, mode, "inc", Assembler::inc);
        one(o, mode, "dec", Assembler::dec);
        one(o, mode, "not", Assembler::not);
        one(o, mode, "neg", Assembler::neg);
        one(o, mode, "mul", Assembler::mul);
        one(o, mode, "imul", Assembler::imul);
        one(o, mode, "div", Assembler::div);
        one(o, mode, "idiv", Assembler::idiv);
        load(o, mode, "imul", Assembler::imul);
        o.add("imul ecx, edx, 100", a -> a.imul(ECX, EDX, 100));
        o.add("imul ecx, edx, 1000", a -> a.imul(ECX, EDX, 1000));
        o.add("imul cx, dx, 1000", a -> a.imul(CX, DX, 1000));
        if (mode == Mode.BITS64) {
            o.add("imul r9, [r9+rcx*4+64], -1000", a -> a.imul(R9, address(mode), -1000));
            o.add("movabs rax, 0x1122334455667788", a -> a.mov(RAX, 0x1122334455667788L));
            o.add("movabs r10, 5", a -> a.movabs(R10, 5));
            o.add("movsxd rax, ecx", a -> a.movsxd(RAX, ECX));
            o.add("movsxd r9, dword ptr [r9+rcx*4+64]", a -> a.movsxd(R9, address(mode).dword()));
            o.add("mov spl, r10b", a -> a.mov(SPL, R10B));
        }
        o.add("mov ah, bh", a -> a.mov(AH, BH));
        o.add("mov [bx+si], ah".replace("bx+si", mode == Mode.BITS64 ? "rsi" : "bx+si"), a -> a.mov(mode == Mode.BITS64 ? mem(RSI) : mem(BX).index(SI, 1), AH));
        o.verify(directory);
        assertTrue(o.size() > 500);
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void addresses(Mode mode, @TempDir Path directory) throws IOException, InterruptedException {
        GnuAsOracle o = new GnuAsOracle(mode);
        for (Mem m : addresses(mode)) {
            o.add("add ecx, " + m, a -> a.add(ECX, m));
            o.add("lea ecx, " + m, a -> a.lea(ECX, m));
            o.add("mov al, " + m, a -> a.mov(AL, m));
            o.add("mov " + m.dword() + ", 5", a -> a.mov(m.dword(), 5));
            o.add("mov " + m + ", eax", a -> a.mov(m, EAX));
            o.add("inc " + m.word(), a -> a.inc(m.word()));
            if (mode == Mode.BITS64) {
                o.add("add r11, " + m, a -> a.add(R11, m));
                o.add("lea r11, " + m, a -> a.lea(R11, m));
            }
        }
        o.verify(directory);
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void shiftsBitsAndConditions(Mode mode, @TempDir Path directory) throws IOException, InterruptedException {
        GnuAsOracle o = new GnuAsOracle(mode);
        record Shift(String name, Immediate constant, One byCl) {
        }
        List<Shift> shifts = List.of(
                new Shift("rol", (a, d, v) -> a.rol(d, (int) v), (a, d) -> a.rol(d, CL)),
                new Shift("ror", (a, d, v) -> a.ror(d, (int) v), (a, d) -> a.ror(d, CL)),
                new Shift("rcl", (a, d, v) -> a.rcl(d, (int) v), (a, d) -> a.rcl(d, CL)),
                new Shift("rcr", (a, d, v) -> a.rcr(d, (int) v), (a, d) -> a.rcr(d, CL)),
                new Shift("shl", (a, d, v) -> a.shl(d, (int) v), (a, d) -> a.shl(d, CL)),
                new Shift("shr", (a, d, v) -> a.shr(d, (int) v), (a, d) -> a.shr(d, CL)),
                new Shift("sar", (a, d, v) -> a.sar(d, (int) v), (a, d) -> a.sar(d, CL)));
        for (Shift shift : shifts) {
            for (int width : widths(mode)) {
                List<Operand> operands = new ArrayList<>(some(mode, width));
                operands.add(address(mode).sized(width));
                for (Operand operand : operands) {
                    o.add(shift.name + " " + operand + ", 1", a -> shift.constant.emit(a, operand, 1));
                    o.add(shift.name + " " + operand + ", 7", a -> shift.constant.emit(a, operand, 7));
                    o.add(shift.name + " " + operand + ", cl", a -> shift.byCl.emit(a, operand));
                }
            }
        }
        two(o, mode, "bt", false, true, false, (a, d, s) -> a.bt(d, (Gpr) s));
        two(o, mode, "bts", false, true, false, (a, d, s) -> a.bts(d, (Gpr) s));
        two(o, mode, "btr", false, true, false, (a, d, s) -> a.btr(d, (Gpr) s));
        two(o, mode, "btc", false, true, false, (a, d, s) -> a.btc(d, (Gpr) s));
        two(o, mode, "xadd", true, true, false, (a, d, s) -> a.xadd(d, (Gpr) s));
        two(o, mode, "cmpxchg", true, true, false, (a, d, s) -> a.cmpxchg(d, (Gpr) s));
        two(o, mode, "xchg", true, true, true, Assembler::xchg);
        load(o, mode, "bsf", Assembler::bsf);
        load(o, mode, "bsr", Assembler::bsr);
        load(o, mode, "tzcnt", Assembler::tzcnt);
        load(o, mode, "lzcnt", Assembler::lzcnt);
        load(o, mode, "popcnt", Assembler::popcnt);
        for (Cond c : Cond.values()) {
            load(o, mode, "cmov" + c, (a, d, s) -> a.cmov(c, d, s));
            o.add("set" + c + " cl", a -> a.set(c, CL));
            Mem m = address(mode).byte_();
            o.add("set" + c + " " + m, a -> a.set(c, m));
        }
        for (int width : widths(mode)) {
            if (width == 1) {
                continue;
            }
            Gpr r = Gpr.of(width, 1);
            Gpr s = Gpr.of(width, 6);
            Mem m = address(mode).sized(width);
            o.add("bt " + r + ", 5", a -> a.bt(r, 5));
            o.add("bts " + m + ", 5", a -> a.bts(m, 5));
            o.add("btr " + m + ", 5", a -> a.btr(m, 5));
            o.add("btc " + r + ", 5", a -> a.btc(r, 5));
            o.add("shld " + r + ", " + s + ", 5", a -> a.shld(r, s, 5));
            o.add("shrd " + m + ", " + s + ", cl", a -> a.shrd(m, s, CL));
            o.add("movzx " + r + ", dl", a -> a.movzx(r, DL));
            o.add("movsx " + r + ", " + address(mode).byte_(), a -> a.movsx(r, address(mode).byte_()));
            o.add("rdrand " + r, a -> a.rdrand(r));
            if (width > 2) {
                o.add("movzx " + r + ", dx", a -> a.movzx(r, DX));
                o.add("movsx " + r + ", " + address(mode).word(), a -> a.movsx(r, address(mode).word()));
                o.add("bswap " + r, a -> a.bswap(r));
            }
        }
        o.add("lock add " + address(mode).dword() + ", 1", a -> a.lock().add(address(mode).dword(), 1));
        o.add("lock xadd " + address(mode) + ", ecx", a -> a.lock().xadd(address(mode), ECX));
        o.add("lock cmpxchg8b " + address(mode), a -> a.lock().cmpxchg8b(address(mode)));
        if (mode == Mode.BITS64) {
            o.add("lock cmpxchg16b " + address(mode), a -> a.lock().cmpxchg16b(address(mode)));
            o.add("bswap r13", a -> a.bswap(R13));
        }
        o.verify(directory);
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void stackStringsPortsAndSystem(Mode mode, @TempDir Path directory) throws IOException, InterruptedException {
        GnuAsOracle o = new GnuAsOracle(mode);
        boolean bits64 = mode == Mode.BITS64;
        for (int width : bits64 ? new int[] {2, 8} : new int[] {2, 4}) {
            for (Gpr gpr : some(mode, width)) {
                o.add("push " + gpr, a -> a.push(gpr));
                o.add("pop " + gpr, a -> a.pop(gpr));
                if (width == mode.addressBytes()) {
                    o.add("jmp " + gpr, a -> a.jmp(gpr));
                    o.add("call " + gpr, a -> a.call(gpr));
                }
            }
            Mem m = address(mode).sized(width);
            o.add("push " + m, a -> a.push(m));
            o.add("pop " + m, a -> a.pop(m));
            if (width == mode.addressBytes()) {
                o.add("jmp " + m, a -> a.jmp(m));
                o.add("call " + m, a -> a.call(m));
            }
        }
        o.add("push fs", a -> a.push(Seg.FS));
        o.add("pop gs", a -> a.pop(Seg.GS));
        o.add("push 5", a -> a.push(5));
        o.add("push -128", a -> a.push(-128));
        o.add("push 0x1234", a -> a.push(0x1234));
        o.add("ret", a -> a.ret());
        o.add("ret 16", a -> a.ret(16));
        o.add("enter 32, 1", a -> a.enter(32, 1));
        o.add("leave", a -> a.leave());
        o.add("in al, 0x60", a -> a.in(AL, 0x60));
        o.add("in ax, dx", a -> a.in(AX, DX));
        o.add("in eax, dx", a -> a.in(EAX, DX));
        o.add("out 0x80, al", a -> a.out(0x80, AL));
        o.add("out dx, eax", a -> a.out(DX, EAX));
        o.add("out dx, al", a -> a.out(DX, AL));
        String[] suffix = {"", "b", "w", "", "d", "", "", "", "q"};
        for (int width : widths(mode)) {
            o.add("rep movs" + suffix[width], a -> a.rep().movs(width));
            o.add("repe cmps" + suffix[width], a -> a.rep().cmps(width));
            o.add("rep stos" + suffix[width], a -> a.rep().stos(width));
            o.add("lods" + suffix[width], a -> a.lods(width));
            o.add("repne scas" + suffix[width], a -> a.repne().scas(width));
            if (width < 8) {
                o.add("rep ins" + suffix[width], a -> a.rep().ins(width));
                o.add("rep outs" + suffix[width], a -> a.rep().outs(width));
            }
        }
        Gpr wide = bits64 ? RCX : ECX;
        for (Cr cr : Cr.values()) {
            if (cr != Cr.CR8 || bits64) {
                o.add("mov " + cr + ", " + wide, a -> a.mov(cr, wide));
                o.add("mov " + wide + ", " + cr, a -> a.mov(wide, cr));
            }
        }
        if (bits64) {
            o.add("mov cr3, r9", a -> a.mov(Cr.CR3, R9));
        }
        for (Dr dr : Dr.values()) {
            o.add("mov " + dr + ", " + wide, a -> a.mov(dr, wide));
            o.add("mov " + wide + ", " + dr, a -> a.mov(wide, dr));
        }
        for (Seg seg : Seg.values()) {
            if (seg != Seg.CS) {
                o.add("mov " + seg + ", eax", a -> a.mov(seg, EAX));
                o.add("mov " + seg + ", " + address(mode).word(), a -> a.mov(seg, address(mode).word()));
            }
            o.add("mov ecx, " + seg, a -> a.mov(ECX, seg));
            o.add("mov cx, " + seg, a -> a.mov(CX, seg));
            o.add("mov " + address(mode).word() + ", " + seg, a -> a.mov(address(mode).word(), seg));
        }
        Mem m = address(mode);
        o.add("lgdt " + m, a -> a.lgdt(m));
        o.add("lidt " + m, a -> a.lidt(m));
        o.add("sgdt " + m, a -> a.sgdt(m));
        o.add("sidt " + m, a -> a.sidt(m));
        o.add("invlpg " + m, a -> a.invlpg(m));
        o.add("ltr cx", a -> a.ltr(CX));
        o.add("lldt ax", a -> a.lldt(AX));
        o.add("str cx", a -> a.str(CX));
        o.add("sldt cx", a -> a.sldt(CX));
        o.add("smsw cx", a -> a.smsw(CX));
        o.add("lmsw ax", a -> a.lmsw(AX));
        o.add("ltr " + m.word(), a -> a.ltr(m.word()));
        o.add("fxsave " + m, a -> a.fxsave(m));
        o.add("fxrstor " + m, a -> a.fxrstor(m));
        o.add("clflush " + m.byte_(), a -> a.clflush(m.byte_()));
        o.add("int 0x80", a -> a.int_(0x80));
        o.add("int3", a -> a.int3());
        o.add(bits64 ? "iretw" : mode == Mode.BITS16 ? "iret" : "iretw", a -> a.iretw());
        o.add("iretd", a -> a.iretd());
        if (bits64) {
            o.add("iretq", a -> a.iretq());
            o.add("sysretq", a -> a.sysretq());
            o.add("sysretd", a -> a.sysretl());
            o.add("swapgs", a -> a.swapgs());
            o.add("cdqe", a -> a.cdqe());
            o.add("cqo", a -> a.cqo());
            o.add("lretq", a -> a.retfq());
            o.add("jmp fword ptr [rax]", a -> a.jmpFar(mem(RAX).sized(6)));
            o.add("syscall", a -> a.syscall());
        } else {
            o.add("pusha", a -> a.pusha());
            o.add("popa", a -> a.popa());
            o.add("push ds", a -> a.push(Seg.DS));
            o.add("pop es", a -> a.pop(Seg.ES));
            o.add("jmp 0x10:0x1234", a -> a.jmpFar(0x10, 0x1234, mode == Mode.BITS16 ? 2 : 4));
        }
        o.add(mode == Mode.BITS64 ? "retf" : "retf", a -> a.retf());
        o.add("wrmsr", a -> a.wrmsr());
        o.add("rdmsr", a -> a.rdmsr());
        o.add("rdpmc", a -> a.rdpmc());
        o.add("cpuid", a -> a.cpuid());
        o.add("rdtsc", a -> a.rdtsc());
        o.add("rdtscp", a -> a.rdtscp());
        o.add("sti", a -> a.sti());
        o.add("cli", a -> a.cli());
        o.add("hlt", a -> a.hlt());
        o.add("pause", a -> a.pause());
        o.add("nop", a -> a.nop());
        o.add("ud2", a -> a.ud2());
        o.add("clts", a -> a.clts());
        o.add("wbinvd", a -> a.wbinvd());
        o.add("invd", a -> a.invd());
        o.add("lfence", a -> a.lfence());
        o.add("mfence", a -> a.mfence());
        o.add("sfence", a -> a.sfence());
        o.add("xgetbv", a -> a.xgetbv());
        o.add("xsetbv", a -> a.xsetbv());
        o.add("vmcall", a -> a.vmcall());
        o.add("vmmcall", a -> a.vmmcall());
        o.add("fninit", a -> a.fninit());
        o.add("fwait", a -> a.fwait());
        o.add("emms", a -> a.emms());
        o.add("sysenter", a -> a.sysenter());
        o.add("clc", a -> a.clc());
        o.add("stc", a -> a.stc());
        o.add("cmc", a -> a.cmc());
        o.add("cld", a -> a.cld());
        o.add("std", a -> a.std());
        o.add("lahf", a -> a.lahf());
        o.add("sahf", a -> a.sahf());
        o.add("xlatb", a -> a.xlatb());
        o.add("cbw", a -> a.cbw());
        o.add("cwde", a -> a.cwde());
        o.add("cwd", a -> a.cwd());
        o.add("cdq", a -> a.cdq());
        o.add("pushf", a -> a.pushf());
        o.add("popf", a -> a.popf());
        o.verify(directory);
    }

    @Test
    void vectors(@TempDir Path directory) throws IOException, InterruptedException {
        GnuAsOracle o = new GnuAsOracle(Mode.BITS64);
        vector(o, "movaps", Assembler::movaps);
        vector(o, "movups", Assembler::movups);
        vector(o, "movapd", Assembler::movapd);
        vector(o, "movupd", Assembler::movupd);
        vector(o, "movdqa", Assembler::movdqa);
        vector(o, "movdqu", Assembler::movdqu);
        vector(o, "movss", Assembler::movss);
        vector(o, "movsd", Assembler::movsd);
        vector(o, "movq", Assembler::movq);
        vector(o, "paddb", Assembler::paddb);
        vector(o, "paddw", Assembler::paddw);
        vector(o, "paddd", Assembler::paddd);
        vector(o, "paddq", Assembler::paddq);
        vector(o, "psubb", Assembler::psubb);
        vector(o, "psubw", Assembler::psubw);
        vector(o, "psubd", Assembler::psubd);
        vector(o, "psubq", Assembler::psubq);
        vector(o, "pxor", Assembler::pxor);
        vector(o, "por", Assembler::por);
        vector(o, "pand", Assembler::pand);
        vector(o, "pandn", Assembler::pandn);
        vector(o, "pcmpeqb", Assembler::pcmpeqb);
        vector(o, "pcmpeqd", Assembler::pcmpeqd);
        vector(o, "pmuludq", Assembler::pmuludq);
        vector(o, "pmullw", Assembler::pmullw);
        vector(o, "punpcklqdq", Assembler::punpcklqdq);
        vector(o, "xorps", Assembler::xorps);
        vector(o, "addps", Assembler::addps);
        vector(o, "mulps", Assembler::mulps);
        vector(o, "subps", Assembler::subps);
        vector(o, "divps", Assembler::divps);
        vector(o, "addpd", Assembler::addpd);
        vector(o, "mulpd", Assembler::mulpd);
        vector(o, "subpd", Assembler::subpd);
        vector(o, "divpd", Assembler::divpd);
        vector(o, "addss", Assembler::addss);
        vector(o, "mulss", Assembler::mulss);
        vector(o, "addsd", Assembler::addsd);
        vector(o, "mulsd", Assembler::mulsd);
        vector(o, "subsd", Assembler::subsd);
        vector(o, "divsd", Assembler::divsd);
        vector(o, "sqrtsd", Assembler::sqrtsd);
        vector(o, "ucomisd", Assembler::ucomisd);
        vector(o, "comisd", Assembler::comisd);
        vector(o, "cvtss2sd", Assembler::cvtss2sd);
        vector(o, "cvtsd2ss", Assembler::cvtsd2ss);
        vector(o, "pshufd", ", 27", (a, d, s) -> a.pshufd(d, s, 27));
        vector(o, "shufps", ", 27", (a, d, s) -> a.shufps(d, s, 27));
        Mem m = address(Mode.BITS64);
        o.add("movaps " + m + ", xmm9", a -> a.movaps(m, Xmm.XMM9));
        o.add("movdqu " + m + ", xmm1", a -> a.movdqu(m, Xmm.XMM1));
        o.add("movsd " + m + ", xmm1", a -> a.movsd(m, Xmm.XMM1));
        o.add("movq " + m + ", xmm1", a -> a.movq(m, Xmm.XMM1));
        o.add("movq xmm9, r10", a -> a.movq(Xmm.XMM9, R10));
        o.add("movq rax, xmm1", a -> a.movq(RAX, Xmm.XMM1));
        o.add("movd xmm9, r10d", a -> a.movd(Xmm.XMM9, R10D));
        o.add("movd " + m + ", xmm1", a -> a.movd(m, Xmm.XMM1));
        o.add("movnti " + m + ", rax", a -> a.movnti(m, RAX));
        o.add("pmovmskb eax, xmm9", a -> a.pmovmskb(EAX, Xmm.XMM9));
        o.add("cvtsi2sd xmm1, eax", a -> a.cvtsi2sd(Xmm.XMM1, EAX));
        o.add("cvtsi2sd xmm9, r10", a -> a.cvtsi2sd(Xmm.XMM9, R10));
        o.add("cvttsd2si r10, xmm9", a -> a.cvttsd2si(R10, Xmm.XMM9));
        o.add("psllq xmm9, 3", a -> a.psllq(Xmm.XMM9, 3));
        o.add("psrlq xmm1, 3", a -> a.psrlq(Xmm.XMM1, 3));
        o.add("ldmxcsr " + m, a -> a.ldmxcsr(m));
        o.add("stmxcsr " + m, a -> a.stmxcsr(m));
        o.verify(directory);
    }

    private void vector(GnuAsOracle o, String name, Vector call) {
        vector(o, name, "", call);
    }

    private void vector(GnuAsOracle o, String name, String tail, Vector call) {
        Mem m = address(Mode.BITS64);
        o.add(name + " xmm1, xmm2" + tail, a -> call.emit(a, Xmm.XMM1, Xmm.XMM2));
        o.add(name + " xmm9, xmm15" + tail, a -> call.emit(a, Xmm.XMM9, Xmm.XMM15));
        o.add(name + " xmm8, " + m + tail, a -> call.emit(a, Xmm.XMM8, m));
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void branchesAndLabels(Mode mode, @TempDir Path directory) throws IOException, InterruptedException {
        // One slot: a whole small program, so that labels have somewhere to point.
        GnuAsOracle o = new GnuAsOracle(mode);
        o.add("1: nop; jmp 1b; jne 1b; call 1b; loop 1b; {disp32} jmp 2f; jmp 2f; je 2f; 2: nop".replace("{disp32}", mode == Mode.BITS16 ? "{disp16}" : "{disp32}"), a -> {
            Label one = a.bind("one");
            Label two = a.label("two");
            a.nop();
            a.jmp(one);
            a.j(Cond.NE, one);
            a.call(one);
            a.loop(one);
            a.jmp(two);
            a.jmpShort(two);
            a.jShort(Cond.E, two);
            a.bind(two);
            a.nop();
        });
        if (mode == Mode.BITS64) {
            o.add("1: nop; lea rax, [rip+1b]; mov dword ptr [rip+1b+4], 5; 3: cmp byte ptr [rip+3b], 1", a -> {
                Label one = a.bind("one");
                a.nop();
                a.lea(RAX, mem(one));
                a.mov(mem(one).disp(4).dword(), 5);
                Label three = a.bind("three");
                a.cmp(mem(three).byte_(), 1);
            });
        }
        o.verify(directory);
    }
}
