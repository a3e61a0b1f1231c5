package dev.jvisor.guest.asm;

/** System instructions: descriptor tables, control and debug registers, MSRs, ports, interrupts, far transfers. */
abstract class SystemInstructions extends SimdInstructions {
    SystemInstructions(long origin, Mode mode) {
        super(origin, mode);
    }

    /** Writes EDX:EAX to the MSR in ECX. */
    public void wrmsr() {
        plain("wrmsr", 0, 0, 0xF30, null);
    }

    /** Reads the MSR in ECX to EDX:EAX. */
    public void rdmsr() {
        plain("rdmsr", 0, 0, 0xF32, null);
    }

    /** Reads a performance counter. */
    public void rdpmc() {
        plain("rdpmc", 0, 0, 0xF33, null);
    }

    /** Identifies the processor. */
    public void cpuid() {
        plain("cpuid", 0, 0, 0xFA2, null);
    }

    /** Reads the time stamp counter to EDX:EAX. */
    public void rdtsc() {
        plain("rdtsc", 0, 0, 0xF31, null);
    }

    /** Reads the time stamp counter and IA32_TSC_AUX. */
    public void rdtscp() {
        plain("rdtscp", 0, 0, 0xF01F9, null);
    }

    /** Enables interrupts after the next instruction. */
    public void sti() {
        plain("sti", 0, 0, 0xFB, null);
    }

    /** Disables interrupts. */
    public void cli() {
        plain("cli", 0, 0, 0xFA, null);
    }

    /** Stops until an interrupt. */
    public void hlt() {
        plain("hlt", 0, 0, 0xF4, null);
    }

    /** Calls the system. */
    public void syscall() {
        plain("syscall", 0, 0, 0xF05, null);
    }

    /** Calls the system, 32-bit way. */
    public void sysenter() {
        plain("sysenter", 0, 0, 0xF34, null);
    }

    /** Breakpoint exception. */
    public void int3() {
        plain("int3", 0, 0, 0xCC, null);
    }

    /** Invalid-opcode exception. */
    public void ud2() {
        plain("ud2", 0, 0, 0xF0B, null);
    }

    /** Swaps the GS base with IA32_KERNEL_GS_BASE. */
    public void swapgs() {
        plain("swapgs", 0, 0, 0xF01F8, null);
    }

    /** Writes back and invalidates the caches. */
    public void wbinvd() {
        plain("wbinvd", 0, 0, 0xF09, null);
    }

    /** Invalidates the caches. */
    public void invd() {
        plain("invd", 0, 0, 0xF08, null);
    }

    /** Clears CR0.TS. */
    public void clts() {
        plain("clts", 0, 0, 0xF06, null);
    }

    /** Orders loads. */
    public void lfence() {
        plain("lfence", 0, 0, 0xFAEE8, null);
    }

    /** Orders loads and stores. */
    public void mfence() {
        plain("mfence", 0, 0, 0xFAEF0, null);
    }

    /** Orders stores. */
    public void sfence() {
        plain("sfence", 0, 0, 0xFAEF8, null);
    }

    /** Reads an extended control register. */
    public void xgetbv() {
        plain("xgetbv", 0, 0, 0xF01D0, null);
    }

    /** Writes an extended control register. */
    public void xsetbv() {
        plain("xsetbv", 0, 0, 0xF01D1, null);
    }

    /** Calls the hypervisor, Intel's instruction. */
    public void vmcall() {
        plain("vmcall", 0, 0, 0xF01C1, null);
    }

    /** Calls the hypervisor, AMD's instruction. */
    public void vmmcall() {
        plain("vmmcall", 0, 0, 0xF01D9, null);
    }

    /** Initializes the x87 unit. */
    public void fninit() {
        plain("fninit", 0, 0, 0xDBE3, null);
    }

    /** Waits for x87 exceptions. */
    public void fwait() {
        plain("fwait", 0, 0, 0x9B, null);
    }

    /** Empties the MMX state. */
    public void emms() {
        plain("emms", 0, 0, 0xF77, null);
    }

    /** Spin-loop hint. */
    public void pause() {
        plain("pause", 0, 0xF3, 0x90, null);
    }

    /** Returns from SYSCALL to 64-bit code. */
    public void sysretq() {
        plain("sysretq", 8, 0, 0x0F07, null);
    }

    /** Returns from SYSCALL to compatibility mode. */
    public void sysretl() {
        needMode("sysretl", mode() == Mode.BITS64);
        plain("sysretl", 0, 0, 0x0F07, null);
    }

    /** Raises a software interrupt. */
    public void int_(int vector) {
        if (vector < 0 || vector > 255) {
            throw new AssemblyException("int: vector=" + vector);
        }
        plain("int", 0, 0, 0xCD, null);
        emit(vector, 1);
    }

    /** Returns from an interrupt with a frame of 16-bit slots. */
    public void iretw() {
        plain("iretw", 2, 0, 0xCF, null);
    }

    /** Returns from an interrupt with a frame of 32-bit slots. */
    public void iretd() {
        plain("iretd", 4, 0, 0xCF, null);
    }

    /** Returns from an interrupt with a frame of 64-bit slots. */
    public void iretq() {
        plain("iretq", 8, 0, 0xCF, null);
    }

    /** Moves between a control register and a general register of the mode's width. */
    public void mov(Cr dst, Gpr src) {
        controlMove("mov", 0x0F22, dst, src);
    }

    /** Moves between a control register and a general register of the mode's width. */
    public void mov(Gpr dst, Cr src) {
        controlMove("mov", 0x0F20, src, dst);
    }

    /** Moves between a debug register and a general register of the mode's width. */
    public void mov(Dr dst, Gpr src) {
        controlMove("mov", 0x0F23, dst, src);
    }

    /** Moves between a debug register and a general register of the mode's width. */
    public void mov(Gpr dst, Dr src) {
        controlMove("mov", 0x0F21, src, dst);
    }

    private void controlMove(String name, int opcode, Operand special, Gpr general) {
        if (general.bytes() != (mode() == Mode.BITS64 ? 8 : 4)) {
            throw new AssemblyException(name + " " + special + ", " + general + ": the general register must be "
                    + (mode() == Mode.BITS64 ? "64" : "32") + " bits wide in " + mode());
        }
        modrm(name, 0, 0, opcode, special, general, 0);
    }

    /** Loads a segment register. */
    public void mov(Seg dst, Operand src) {
        if (src instanceof Gpr gpr && gpr.bytes() == 1 || !(src instanceof Gpr || src instanceof Mem) || dst == Seg.CS) {
            throw wrong("mov", dst, src);
        }
        modrm("mov", 0, 0, 0x8E, dst, src instanceof Gpr gpr ? gpr.as(4) : src, 0);
    }

    /** Stores a segment register. */
    public void mov(Operand dst, Seg src) {
        if (dst instanceof Gpr gpr && gpr.bytes() >= 2) {
            modrm("mov", gpr.bytes() == 8 ? 4 : gpr.bytes(), 0, 0x8C, src, dst, 0);
        } else if (dst instanceof Mem) {
            modrm("mov", 0, 0, 0x8C, src, dst, 0);
        } else {
            throw wrong("mov", dst, src);
        }
    }

    /** Reads a port into AL, AX or EAX. */
    public void in(Gpr dst, int port) {
        port("in", dst, port, 0xE4);
    }

    /** Reads the port in DX into AL, AX or EAX. */
    public void in(Gpr dst, Gpr port) {
        portDx("in", dst, port, 0xEC);
    }

    /** Writes AL, AX or EAX to a port. */
    public void out(int port, Gpr src) {
        port("out", src, port, 0xE6);
    }

    /** Writes AL, AX or EAX to the port in DX. */
    public void out(Gpr port, Gpr src) {
        portDx("out", src, port, 0xEE);
    }

    private void port(String name, Gpr accumulator, int port, int opcode) {
        if (port < 0 || port > 255) {
            throw new AssemblyException(name + ": a port above 255 must be in dx: port=" + port);
        }
        plain(name, portSize(name, accumulator), 0, accumulator.bytes() == 1 ? opcode : opcode | 1, null);
        emit(port, 1);
    }

    private void portDx(String name, Gpr accumulator, Gpr port, int opcode) {
        if (port != Gpr.DX) {
            throw wrong(name, accumulator, port);
        }
        plain(name, portSize(name, accumulator), 0, accumulator.bytes() == 1 ? opcode : opcode | 1, null);
    }

    private static int portSize(String name, Gpr accumulator) {
        if (accumulator.code() != 0 || accumulator.isHighByte() || accumulator.bytes() == 8) {
            throw new AssemblyException(name + " " + accumulator + ": ports are read and written through al, ax or eax");
        }
        return accumulator.bytes();
    }

    /** Jumps to another code segment; the offset has the width of the mode's operands. Not in 64-bit mode. */
    public void jmpFar(int selector, Label target) {
        needMode("jmp far", mode() != Mode.BITS64);
        jmpFar(selector, target, mode().operandBytes());
    }

    /** Jumps to another code segment with an offset of 2 or 4 bytes. Not in 64-bit mode. */
    public void jmpFar(int selector, Label target, int offsetBytes) {
        needMode("jmp far", mode() != Mode.BITS64);
        plain("jmp far", offsetBytes, 0, 0xEA, null);
        reference(target, offsetBytes, 0, false, "jmp far");
        immediate("jmp far", selector, 2);
    }

    /** Jumps to another code segment at an absolute offset of 2 or 4 bytes. Not in 64-bit mode. */
    public void jmpFar(int selector, long target, int offsetBytes) {
        needMode("jmp far", mode() != Mode.BITS64);
        plain("jmp far", offsetBytes, 0, 0xEA, null);
        immediate("jmp far", target, offsetBytes);
        immediate("jmp far", selector, 2);
    }

    /** Jumps through a far pointer in memory; its size is that of the offset plus two (4, 6 or 10). */
    public void jmpFar(Mem pointer) {
        far("jmp far", 5, pointer);
    }

    /** Calls through a far pointer in memory; its size is that of the offset plus two (4, 6 or 10). */
    public void callFar(Mem pointer) {
        far("call far", 3, pointer);
    }

    private void far(String name, int digit, Mem pointer) {
        int size = switch (pointer.bytes()) {
            case 4, 6, 10 -> pointer.bytes() - 2;
            case 0 -> mode().operandBytes();
            default -> throw wrong(name, pointer);
        };
        digit(name, size, 0, 0xFF, digit, pointer, 0);
    }

    /** Returns to another code segment; slots have the mode's operand width. */
    public void retf() {
        plain("retf", 0, 0, 0xCB, null);
    }

    /** Returns to another code segment with 64-bit slots. */
    public void retfq() {
        plain("retfq", 8, 0, 0xCB, null);
    }

    private void task(String name, int digit, Operand operand, int opcode) {
        if (operand instanceof Gpr gpr && gpr.bytes() == 1 || !(operand instanceof Gpr || operand instanceof Mem)) {
            throw wrong(name, operand);
        }
        boolean store = opcode == 0x0F00 && digit < 2 || opcode == 0x0F01 && digit == 4;
        digit(name, store && operand instanceof Gpr gpr ? gpr.bytes() : 0, 0, opcode, digit, operand, 0);
    }

    /** Loads the GDT register. */
    public void lgdt(Mem operand) {
        digit("lgdt", 0, 0, 0x0F01, 2, operand, 0);
    }

    /** Loads the IDT register. */
    public void lidt(Mem operand) {
        digit("lidt", 0, 0, 0x0F01, 3, operand, 0);
    }

    /** Stores the GDT register. */
    public void sgdt(Mem operand) {
        digit("sgdt", 0, 0, 0x0F01, 0, operand, 0);
    }

    /** Stores the IDT register. */
    public void sidt(Mem operand) {
        digit("sidt", 0, 0, 0x0F01, 1, operand, 0);
    }

    /** Drops the translation of a page. */
    public void invlpg(Mem operand) {
        digit("invlpg", 0, 0, 0x0F01, 7, operand, 0);
    }

    /** Stores the LDT selector. */
    public void sldt(Operand operand) {
        task("sldt", 0, operand, 0x0F00);
    }

    /** Stores the task selector. */
    public void str(Operand operand) {
        task("str", 1, operand, 0x0F00);
    }

    /** Loads the LDT selector. */
    public void lldt(Operand operand) {
        task("lldt", 2, operand, 0x0F00);
    }

    /** Loads the task selector. */
    public void ltr(Operand operand) {
        task("ltr", 3, operand, 0x0F00);
    }

    /** Stores the low half of CR0. */
    public void smsw(Operand operand) {
        task("smsw", 4, operand, 0x0F01);
    }

    /** Loads the low bits of CR0. */
    public void lmsw(Operand operand) {
        task("lmsw", 6, operand, 0x0F01);
    }

    /** Saves x87 and SSE state (512 bytes). */
    public void fxsave(Mem operand) {
        digit("fxsave", 0, 0, 0x0FAE, 0, operand, 0);
    }

    /** Restores x87 and SSE state. */
    public void fxrstor(Mem operand) {
        digit("fxrstor", 0, 0, 0x0FAE, 1, operand, 0);
    }

    /** Flushes a cache line. */
    public void clflush(Mem operand) {
        digit("clflush", 0, 0, 0x0FAE, 7, operand, 0);
    }
}
