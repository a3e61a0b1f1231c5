package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;

/**
 * What every 32- and 64-bit guest starts with and stands on: entry point, parameter block, GDT, TSS, page tables, IDT
 * with a panic printer, stacks, serial routines.
 *
 * <p>Use: {@code new BootPrologue()}, {@link #start()}, then 32-bit code or {@link #enterLongMode} and 64-bit code, with
 * {@link #serial()} to print and {@link #onInterrupt} to take vectors; last {@link #finish}, which emits the tables.
 *
 * <pre>
 * image, at 1 MiB
 *   +0x000  jmp to the code
 *   +0x010  room for a multiboot header
 *   +0x040  parameter block: eight 64-bit values
 *   +0x080  code, texts, exception stubs
 *           TSS with I/O bitmap, page tables, IDT, GDT, stack
 * </pre>
 *
 * <p>Paging maps the first 4 GiB to themselves with 2 MiB pages, the last GiB of them uncached. Page tables and
 * descriptor tables are data of the image, so that little supervisor code runs. The GDT is laid out as Linux' is
 * (arch/x86/include/asm/segment.h): KVM-PVM counts on that, and on a TSS of limit 0x2067.
 */
public final class BootPrologue {
    /** GPA of the image. */
    public static final long LOAD_ADDRESS = 0x100000;
    /** 32-bit flat code, CPL0. */
    public static final int KERNEL32_CS = 0x08;
    /** 64-bit code, CPL0. */
    public static final int KERNEL_CS = 0x10;
    /** Flat data, CPL0. */
    public static final int KERNEL_DS = 0x18;
    /** Flat data, CPL3. */
    public static final int USER_DS = 0x2B;
    /** 64-bit code, CPL3. */
    public static final int USER_CS = 0x33;
    /** The task state segment. */
    public static final int TSS_SELECTOR = 0x40;
    /** Exit code of a guest that took an exception nobody expected. */
    public static final int PANIC_CODE = 127;

    /** The pointer for LGDT stands right before the GDT. */
    private static final int POINTER_TO_GDT = 10;
    private static final int TSS_BYTES = 0x68;
    private static final int IO_BITMAP_BYTES = 0x2000;
    private static final int STACK_BYTES = 16 * 1024;
    private static final long[] SEGMENTS = {
            0, 0x00CF9B000000FFFFL, 0x00AF9B000000FFFFL, 0x00CF93000000FFFFL,
            0x00CFFB000000FFFFL, 0x00CFF3000000FFFFL, 0x00AFFB000000FFFFL, 0};
    private static final long PRESENT_WRITABLE = 3;
    private static final long USER = 4;
    private static final long UNCACHED = 0x18;
    private static final long LARGE = 0x80;
    /** Exceptions that push an error code (Intel SDM volume 3, table 6-1). */
    private static final long WITH_ERROR_CODE = 1L << 8 | 0x1FL << 10 | 1L << 17 | 1L << 21 | 1L << 29 | 1L << 30;
    private static final int IA32_EFER = 0xC0000080;
    private static final int EFER_SCE_LME = 0x101;
    /** PAE, OSFXSR, OSXMMEXCPT. */
    private static final int CR4_BITS = 0x620;
    /** PG, WP, MP, PE. */
    private static final int CR0_BITS = 0x80010003;

    private final Assembler a = new Assembler(LOAD_ADDRESS, Mode.BITS32);
    private final Label gdtPointer = a.label("gdtPointer");
    private final Label idtPointer = a.label("idtPointer");
    private final Label pageTables = a.label("pageTables");
    private final Label stackTop = a.label("stackTop");
    private final Label startInfo = a.label("startInfo");
    private final Label parameters = a.label("parameters");
    private final Label[] handlers = new Label[256];
    private final boolean[] reachableFromUser = new boolean[256];
    private SerialRoutines serial;
    private boolean userPages;
    private boolean longMode;

    /** Makes an empty image. */
    public BootPrologue() {
        // Everything starts out in the field initializers.
    }

    /** {@return the assembler all code goes to} */
    public Assembler assembler() {
        return a;
    }

    /** {@return printing in the current mode} */
    public SerialRoutines serial() {
        return serial;
    }

    /**
     * {@return a parameter as a memory operand of eight bytes, in 32-bit code of four}
     *
     * @param index 0 to 7
     */
    public Mem parameter(int index) {
        return mem(parameters).disp(8L * index).sized(a.mode().addressBytes());
    }

    /** {@return the top of the first processor's stack, which is also where interrupts from CPL3 go} */
    public Label stackTop() {
        return stackTop;
    }

    /** {@return the PVH or multiboot structure's GPA as the loader gave it in EBX: a variable of four bytes} */
    public Mem startInfo() {
        return mem(startInfo).dword();
    }

    /** {@return the GPA of the GDT, once the tables are emitted} */
    long gdtAddress() {
        return gdtPointer.address() + POINTER_TO_GDT;
    }

    /** {@return the pointer to the IDT: limit and base, for LIDT} */
    public Label idtPointer() {
        return idtPointer;
    }

    /** {@return the PML4} */
    public Label pageTables() {
        return pageTables;
    }

    /** Emits the head of the image and the entry: own GDT, flat segments, stack, serial port. 32-bit code follows. */
    public void start() {
        Label entry = a.label("entry");
        a.jmpShort(entry);
        a.padTo(GuestProgram.PARAMETER_OFFSET);
        a.bind(parameters);
        a.zeros(8 * GuestProgram.PARAMETER_COUNT);
        a.bind(entry);
        a.cli();
        a.cld();
        a.mov(mem(startInfo), EBX);
        a.lgdt(mem(gdtPointer));
        Label flat = a.label("flat");
        a.jmpFar(KERNEL32_CS, flat);
        a.bind(flat);
        a.mov(EAX, KERNEL_DS);
        loadDataSegments();
        a.mov(ESP, stackTop);
        serial = new SerialRoutines(a);
        serial.setUp();
    }

    /**
     * Emits the way from 32-bit protected mode to 64-bit mode, with IDT and TSS loaded. 64-bit code follows, and
     * {@link #serial()} is that of 64-bit code; texts printed in 32-bit code before are emitted here.
     *
     * @param userPages whether code at CPL3 may use all memory
     */
    public void enterLongMode(boolean userPages) {
        this.userPages = userPages;
        longMode = true;
        Label target = a.label("long");
        switchToLongMode(a, pageTables);
        a.jmpFar(KERNEL_CS, target);
        serial.emit();
        a.bits(Mode.BITS64);
        a.bind(target);
        serial = new SerialRoutines(a);
        a.mov(EAX, KERNEL_DS);
        loadDataSegments();
        a.mov(RSP, stackTop);
        a.lidt(mem(idtPointer));
        a.mov(EAX, TSS_SELECTOR);
        a.ltr(AX);
    }

    /**
     * Emits, in 32-bit code, the switch of paging and EFER; a far jump to {@link #KERNEL_CS} must follow.
     *
     * @param assembler where to
     * @param tables    the PML4, in the low 4 GiB; may belong to another assembler if it is bound
     */
    static void switchToLongMode(Assembler assembler, Label tables) {
        assembler.mov(EAX, Cr.CR4);
        assembler.or(EAX, CR4_BITS);
        assembler.mov(Cr.CR4, EAX);
        if (tables.isBound()) {
            assembler.mov(EAX, tables.address());
        } else {
            assembler.mov(EAX, tables);
        }
        assembler.mov(Cr.CR3, EAX);
        assembler.mov(ECX, IA32_EFER);
        assembler.rdmsr();
        assembler.or(EAX, EFER_SCE_LME);
        assembler.wrmsr();
        assembler.mov(EAX, Cr.CR0);
        assembler.or(EAX, CR0_BITS);
        // No x87 emulation (EM), no trap on use (TS).
        assembler.and(EAX, ~0xC);
        assembler.mov(Cr.CR0, EAX);
    }

    private void loadDataSegments() {
        for (Seg seg : new Seg[] {Seg.DS, Seg.ES, Seg.SS}) {
            a.mov(seg, EAX);
        }
        a.xor(EAX, EAX);
        a.mov(Seg.FS, EAX);
        a.mov(Seg.GS, EAX);
    }

    /**
     * Takes a vector in 64-bit mode. Without this, an interrupt on it prints a panic line and ends the guest.
     *
     * @param vector   0 to 255
     * @param handler  code that ends in IRETQ; the gate is an interrupt gate
     * @param fromUser whether INT3 and INT n at CPL3 may use it
     */
    public void onInterrupt(int vector, Label handler, boolean fromUser) {
        handlers[vector] = handler;
        reachableFromUser[vector] = fromUser;
    }

    /**
     * Emits what comes after the code: routines, tables, stack.
     *
     * @param name name of the program
     * @return the program
     */
    public GuestProgram finish(String name) {
        emitTables();
        return program(name);
    }

    /** As {@link #finish}, but lets more data follow before {@link #program}; every label here is bound after it. */
    public void emitTables() {
        if (longMode) {
            emitExceptionStubs();
        }
        serial.emit();
        a.align(8);
        a.bind(startInfo);
        a.dq(0);
        long tss = emitTaskState();
        if (longMode) {
            emitPageTables();
            emitInterruptGates();
        }
        emitSegments(tss);
        a.align(16);
        a.zeros(STACK_BYTES);
        a.bind(stackTop);
    }

    /**
     * {@return the program, once all is emitted}
     *
     * @param name name of the program
     */
    public GuestProgram program(String name) {
        return new GuestProgram(name, a.assemble(), LOAD_ADDRESS, LOAD_ADDRESS, EntryMode.PROTECTED_32);
    }

    private void emitExceptionStubs() {
        Label panic = a.label("panic");
        for (int vector = 0; vector < 256; vector++) {
            if (handlers[vector] != null) {
                continue;
            }
            handlers[vector] = a.bind("vector" + vector);
            if (vector >= 32 || (WITH_ERROR_CODE >>> vector & 1) == 0) {
                a.push(0);
            }
            a.push(vector);
            a.jmp(panic);
        }
        a.bind(panic);
        String[] fields = {"PANIC vector=", " error=", " rip=", " cs=", " rflags=", " rsp="};
        for (int i = 0; i < fields.length; i++) {
            serial.print(fields[i]);
            a.mov(RAX, mem(RSP).disp(8L * i));
            if (i == 0) {
                serial.printDecimal();
            } else {
                serial.printHex();
            }
        }
        serial.print(" cr2=");
        a.mov(RAX, Cr.CR2);
        serial.printHex();
        serial.printLine("");
        PowerOff.emit(a, PANIC_CODE);
    }

    /** The TSS: RSP0, and an I/O bitmap of zeros that lets CPL3 use every port. */
    private long emitTaskState() {
        a.align(16);
        long tss = a.here();
        a.dd(0);
        a.dq(stackTop);
        a.zeros(TSS_BYTES - 12 - 2);
        a.dw(TSS_BYTES);
        a.zeros(IO_BITMAP_BYTES);
        return tss;
    }

    private void emitPageTables() {
        long user = userPages ? USER : 0;
        a.align(4096);
        a.bind(pageTables);
        long tables = a.here();
        a.dq(tables + 4096 | PRESENT_WRITABLE | user);
        a.zeros(4096 - 8);
        for (int i = 0; i < 4; i++) {
            a.dq(tables + (2 + i) * 4096L | PRESENT_WRITABLE | user);
        }
        a.zeros(4096 - 32);
        for (long page = 0; page < 4 * 512; page++) {
            a.dq(page << 21 | LARGE | PRESENT_WRITABLE | user | (page >= 3 * 512 ? UNCACHED : 0));
        }
    }

    private void emitInterruptGates() {
        a.align(16);
        long idt = a.here();
        for (int vector = 0; vector < 256; vector++) {
            long address = handlers[vector].address();
            int privilege = reachableFromUser[vector] ? 0xEE : 0x8E;
            a.dq(address & 0xFFFF | (long) KERNEL_CS << 16 | (long) privilege << 40 | (address & 0xFFFF0000L) << 32);
            a.dq(address >>> 32);
        }
        a.align(8);
        a.bind(idtPointer);
        a.dw(256 * 16 - 1);
        a.dq(idt);
    }

    private void emitSegments(long tss) {
        long limit = TSS_BYTES + IO_BITMAP_BYTES - 1;
        a.align(16);
        a.zeros(6);
        a.bind(gdtPointer);
        a.dw((SEGMENTS.length + 2) * 8 - 1);
        a.dq(a.here() + 8);
        a.dq(SEGMENTS);
        a.dq(limit & 0xFFFF | (tss & 0xFFFFFF) << 16 | 0x89L << 40 | (tss >>> 24 & 0xFF) << 56);
        a.dq(tss >>> 32);
    }
}
