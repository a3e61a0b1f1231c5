package dev.jvisor.vmm.differential;

import dev.jvisor.vmm.x86.decode.Opcode;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.Vex;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Makes random user-mode instruction sequences from the decoder's own table, so that an instruction is covered as soon as it is defined.
 * Memory operands mostly hit the data pages of a {@link UserMachine}; everything else is random, biased to edges.
 */
final class SequenceGenerator {
    /** One encodable form: an opcode with its extension, in memory or register form. @param l VEX.L, where there is one; undefined as Sequence has it */
    record Form(Opcode opcode, int ext, boolean memory, int l, int undefined, String name) {
        Form(Opcode opcode, int ext, boolean memory, int l) {
            this(opcode, ext, memory, l, SequenceGenerator.undefinedFlags(opcode.name()), opcode.name() + (opcode.modrm() ? memory ? " [mem]" : " [reg]" : ""));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** A sequence: its bytes, the forms in it, and the status flags that may differ at its end. */
    record Sequence(byte[] code, List<Form> forms, int undefinedFlags) { }

    private static final int CF = 1;
    private static final int PF = 4;
    private static final int AF = 0x10;
    private static final int ZF = 0x40;
    private static final int SF = 0x80;
    private static final int OF = 0x800;

    private final List<Form> forms = new ArrayList<>();
    private final Set<Form> known = new HashSet<>();
    private final Map<String, String> leftOut = new TreeMap<>();
    private final long seed;
    private SplittableRandom random;

    SequenceGenerator(OpcodeTable table, long seed) {
        this.seed = seed;
        begin(0);
        for (int map = 0; map < 4; map++) {
            for (int prefix = 0; prefix < 4; prefix++) {
                for (int op = 0; op < 256; op++) {
                    Opcode[] slots = table.find(map, prefix, op);
                    if (slots != null) {
                        addForms(slots, prefix, 0);
                    }
                }
            }
        }
        for (int map = OpcodeTable.V0F; map <= OpcodeTable.V0F3A; map++) {
            for (int k = 0; k < 4 * 4 * 256; k++) {
                int l = k >> 11;
                Opcode[] slots = table.find(map, k >> 8 & 3, l, k >> 10 & 1, k & 255);
                if (slots != null) {
                    addForms(slots, k >> 8 & 3, l);
                }
            }
        }
    }

    /** Begins anew: what comes next depends on the seed and on {@code n}, not on what was before. */
    void begin(long n) {
        random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L ^ n);
    }

    private void add(Form f) {
        // Behind VEX a form is met for each W.
        if (f.opcode.vex() == null || !known.contains(f)) {
            forms.add(f);
            known.add(f);
        }
    }

    private void addForms(Opcode[] slots, int prefix, int l) {
        for (int k = 0; k < 16; k++) {
            Opcode o = slots[k];
            if (o == null || o.prefix() != OpcodeTable.ANY && o.prefix() != prefix || o.prefix() == OpcodeTable.ANY && prefix != 0) {
                continue;
            }
            boolean memory = k < 8;
            boolean whole = slots[memory ? 0 : 8] == o && slots[memory ? 7 : 15] == o && o.modrm() || slots[0] == o && slots[15] == o;
            String reason = reasonToLeaveOut(o, whole ? 0 : k & 7, memory);
            if (reason != null) {
                if (!whole || o.modrm() || !memory) {
                    leftOut.put(new Form(o, whole ? -1 : k & 7, memory, l).toString(), reason);
                }
                continue;
            }
            if (!whole) {
                add(new Form(o, k & 7, memory, l));
            } else if ((k & 7) == 0 && (o.modrm() || !memory)) {
                add(new Form(o, -1, memory, l));
            }
        }
    }

    List<Form> forms() {
        return forms;
    }

    /** Leaves only the forms whose names match a regular expression. */
    void only(String regex) {
        forms.removeIf(f -> !f.toString().matches(regex));
    }

    private static final String NOT_64 = "not in 64-bit mode";
    private static final String SYSTEM = "the system's: privileged, or of the host's own tables, which a KVM-PVM host shows";
    private static final String DELIVERY = "ends a sequence, and a KVM-PVM host delivers it in its own way";
    private static final String CHANGES = "another answer each time, or on each processor";
    private static final String POINTERS = "instruction pointers and bases of segments are the host's own there";
    private static final String VENDORS = "not defined, or not in the same way by both vendors";
    private static final String APPROXIMATION = "an approximation";

    /** {@return why a form is not drawn, or null if it is: all that user mode can execute and the test leaves out is here} */
    private static String reasonToLeaveOut(Opcode o, int ext, boolean memory) {
        int op = o.op();
        return switch (o.map()) {
            case OpcodeTable.ONE_BYTE -> switch (op) {
                // PUSH and POP of ES, CS, SS, DS; DAA, DAS, AAA, AAS; INC and DEC, which are REX; PUSHA, POPA, BOUND; 82; far CALL and JMP;
                // LES, LDS; INTO; AAM, AAD, SALC.
                case 0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x27, 0x2F, 0x37, 0x3F, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B,
                        0x4C, 0x4D, 0x4E, 0x4F, 0x60, 0x61, 0x62, 0x82, 0x9A, 0xC4, 0xC5, 0xCE, 0xD4, 0xD5, 0xD6, 0xEA -> NOT_64;
                // INS, OUTS, IN, OUT; MOV from and to segments; POPF; HLT, CLI, STI.
                case 0x6C, 0x6D, 0x6E, 0x6F, 0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF, 0x8C, 0x8E, 0x9D, 0xF4, 0xFA, 0xFB -> SYSTEM;
                // RETF, INT3, INT, IRET, INT1.
                case 0xCA, 0xCB, 0xCC, 0xCD, 0xCF, 0xF1 -> DELIVERY;
                // A near call to where no address is: AMD pushes before it looks, Intel after. Far CALL and JMP.
                case 0xFF -> ext == 2 ? VENDORS : ext == 3 || ext == 5 ? SYSTEM : null;
                // FNSTENV, FNSAVE; D9 D8 to DF.
                case 0xD9 -> memory ? ext == 6 ? POINTERS : null : ext == 3 ? VENDORS : null;
                case 0xDD -> memory && ext == 6 ? POINTERS : null;
                case 0xDF -> !memory && ext < 4 ? VENDORS : null;
                default -> null;
            };
            case OpcodeTable.M0F -> switch (op) {
                // Groups 6 and 7, LAR, LSL; SYSCALL, CLTS, SYSRET, INVD, WBINVD; MOV CR and DR; WRMSR, RDMSR, RDPMC; SYSENTER, SYSEXIT;
                // PUSH and POP of FS and GS; RSM; LSS, LFS, LGS.
                case 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32, 0x33, 0x34, 0x35, 0xA0, 0xA1, 0xA8, 0xA9, 0xAA,
                        0xB2, 0xB4, 0xB5 -> SYSTEM;
                // RDTSC, CPUID.
                case 0x31, 0xA2 -> CHANGES;
                // UD0 and UD1: how long they are.
                case 0xFF, 0xB9 -> VENDORS;
                // RDFSBASE and its kin; FXSAVE, XSAVE and their kin. LDMXCSR and STMXCSR stay.
                case 0xAE -> o.prefix() == OpcodeTable.PF3 || o.prefix() == OpcodeTable.NP && memory && ext != 2 && ext != 3 ? POINTERS : null;
                // RSQRTPS, RCPPS. Which byte a fault of MASKMOVQ names is up to the processor.
                case 0x52, 0x53 -> APPROXIMATION;
                case 0xF7 -> VENDORS;
                // No such register form of MOVNTPS and MOVNTQ; processors execute it as something else.
                case 0x2B, 0xE7 -> memory ? null : VENDORS;
                // RDRAND, RDSEED, RDPID; XSAVEC.
                case 0xC7 -> memory && ext == 1 ? null : memory ? POINTERS : CHANGES;
                default -> null;
            };
            case OpcodeTable.V0F -> op == 0x52 || op == 0x53 ? APPROXIMATION : op == 0xF7 ? VENDORS : null;
            default -> null;
        };
    }

    /** {@return what is not drawn, with the reason, by name} */
    Map<String, String> leftOut() {
        return leftOut;
    }

    Sequence next(int instructions) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        List<Form> used = new ArrayList<>();
        int undefined = 0;
        for (int n = 0; n < instructions; n++) {
            Form f = forms.get(random.nextInt(forms.size()));
            used.add(f);
            anyPrefixes(code, f.opcode);
            emit(code, f, n + 1 == instructions);
            undefined = f.undefined;
            if (undefined != 0 && n + 1 < instructions) {
                // ADD AL,imm8 defines every status flag again.
                code.write(0x04);
                code.write(random.nextInt(256));
                undefined = 0;
            }
        }
        return new Sequence(code.toByteArray(), used, undefined);
    }

    /** {@return one instruction of a form, without prefixes that any might have} */
    byte[] one(Form f) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        emit(code, f, true);
        return code.toByteArray();
    }

    private void emit(ByteArrayOutputStream b, Form f, boolean last) {
        Opcode o = f.opcode;
        if (o.vex() != null) {
            vex(b, f);
            return;
        }
        boolean wide = false;
        if (o.prefix() == OpcodeTable.ANY) {
            if (!branch(o) && !doubleShift(o) && !movsxd(o) && random.nextInt(4) == 0) {
                b.write(0x66);
                wide = true;
            }
            boolean string = o.map() == 0 && (o.op() & 0xF4) == 0xA4 || o.map() == 0 && o.op() >= 0xAA && o.op() <= 0xAF;
            if (string && random.nextInt(2) == 0) {
                b.write(random.nextBoolean() ? 0xF3 : 0xF2);
            }
        } else if (o.prefix() != 0) {
            if (o.prefix() != OpcodeTable.P66 && o.map() != 0 && random.nextInt(6) == 0) {
                b.write(0x66);
                wide = true;
            }
            b.write(o.prefix() == OpcodeTable.P66 ? 0x66 : o.prefix() == OpcodeTable.PF3 ? 0xF3 : 0xF2);
            wide |= o.prefix() == OpcodeTable.P66;
        }
        if (f.memory && random.nextInt(12) == 0 && lockable(f)) {
            b.write(0xF0);
        }
        int rex = 0;
        if (random.nextInt(2) == 0) {
            rex = 0x40 | random.nextInt(16);
            b.write(rex);
        }
        switch (o.map()) {
            case OpcodeTable.M0F -> b.write(0x0F);
            case OpcodeTable.M0F38 -> {
                b.write(0x0F);
                b.write(0x38);
            }
            case OpcodeTable.M0F3A -> {
                b.write(0x0F);
                b.write(0x3A);
            }
            default -> { }
        }
        b.write(o.op());
        if (o.modrm()) {
            int reg = f.ext >= 0 ? f.ext : random.nextInt(8);
            if (f.memory) {
                memory(b, reg, rex);
            } else {
                b.write(0xC0 | reg << 3 | rm(o, reg));
            }
        }
        boolean rexW = (rex & 8) != 0;
        int z = wide && !rexW ? 2 : 4;
        switch (o.imm()) {
            case BYTE -> b.write(relative(o) ? last ? random.nextInt(8) : 0 : interestingByte());
            case WORD -> immediate(b, 2);
            case Z -> immediate(b, z);
            case V -> immediate(b, rexW ? 8 : z);
            case OFFSET -> {
                long at = UserSpace.DATA + random.nextInt(0x2000);
                for (int k = 0; k < 8; k++) {
                    b.write((int) (at >>> 8 * k));
                }
            }
            case WORD_BYTE -> {
                b.write(random.nextInt(256));
                b.write(0);
                b.write(random.nextInt(34));
            }
            case REL -> {
                // Into the middle of the next instruction would be another sequence than the one described.
                b.write(last ? random.nextInt(8) : 0);
                b.write(0);
                b.write(0);
                b.write(0);
            }
            default -> { }
        }
    }

    /** Prefixes that go with every instruction: that mean something, nothing, or #UD. */
    private void anyPrefixes(ByteArrayOutputStream b, Opcode o) {
        if (random.nextInt(20) == 0) {
            b.write(random.nextInt(2) == 0 ? 0x64 : 0x65);
        }
        if (random.nextInt(30) == 0) {
            // Segments that have no base in 64-bit mode. Not SS, which AMD's processors heed in what they raise for no address, #SS.
            b.write(new int[] {0x26, 0x2E, 0x3E}[random.nextInt(3)]);
        }
        if (random.nextInt(20) == 0 && o.imm() != Opcode.Imm.OFFSET) {
            b.write(0x67);
        }
        if (random.nextInt(200) == 0 && !(o.map() == OpcodeTable.M0F && (o.op() == 0xAE || o.op() >= 0x18 && o.op() <= 0x1F))) {
            // Fences and NOPs with LOCK are #UD by Intel's manual; AMD's processors execute them.
            b.write(0xF0);
        }
        if (random.nextInt(50) == 0) {
            // A REX with another prefix behind it counts for nothing.
            b.write(0x40 | random.nextInt(16));
            b.write(0x3E);
        }
    }

    /** {@return ModRM.rm of a register form: any, but none of those x87 instructions that are approximations} */
    private int rm(Opcode o, int ext) {
        if (o.map() == OpcodeTable.ONE_BYTE && o.op() == 0xD9 && ext >= 6) {
            // FXTRACT, FPREM1, FDECSTP, FINCSTP; FPREM, FSQRT, FRNDINT, FSCALE.
            return ext == 6 ? 4 + random.nextInt(4) : new int[] {0, 2, 4, 5}[random.nextInt(4)];
        }
        return random.nextInt(8);
    }

    private void vex(ByteArrayOutputStream b, Form f) {
        Opcode o = f.opcode;
        Vex v = o.vex();
        boolean gather = o.name().contains("Mvm");
        int rex = random.nextInt(8);
        int w = v.w() == Vex.ANY ? random.nextInt(2) : v.w();
        int reg = f.ext >= 0 ? f.ext : random.nextInt(8);
        int vvvv = v.operand() ? random.nextInt(16) : 0;
        if (gather && random.nextInt(16) != 0) {
            // Registers 14 and 15 hold indices; all three must differ.
            rex |= 2;
            rex &= ~4;
            vvvv = (reg + 1 + random.nextInt(12)) % 14;
        }
        int last = w << 7 | (~vvvv & 15) << 3 | f.l << 2 | o.prefix();
        if (o.map() == OpcodeTable.V0F && w == 0 && (rex & 3) == 0 && random.nextBoolean()) {
            b.write(0xC5);
            b.write((rex & 4) << 5 ^ 0x80 | last & 0x7F);
        } else {
            b.write(0xC4);
            b.write(rex << 5 ^ 0xE0 | o.map() - OpcodeTable.V0F + 1);
            b.write(last);
        }
        b.write(o.op());
        if (gather) {
            boolean wideIndex = (o.op() & 1) != 0;
            int base = (rex & 1) != 0 ? random.nextBoolean() ? 4 : 5 : new int[] {3, 5, 6, 7}[random.nextInt(4)];
            b.write(0x40 | reg << 3 | 4);
            b.write(random.nextInt(4) << 6 | (random.nextInt(16) == 0 ? random.nextInt(8) : wideIndex ? 7 : 6) << 3 | base);
            b.write(random.nextInt(256));
        } else if (f.memory) {
            memory(b, reg, rex);
        } else if (o.modrm()) {
            b.write(0xC0 | reg << 3 | random.nextInt(8));
        }
        if (o.imm() == Opcode.Imm.BYTE) {
            b.write(interestingByte());
        }
    }

    /** SHLD and SHRD: with 16-bit operands and a count above 16 the result is undefined. */
    private static boolean doubleShift(Opcode o) {
        return o.map() == 1 && (o.op() & 0xF6) == 0xA4;
    }

    /** MOVSXD, whose 66 form reads 16 bits on Intel's processors and 32 on AMD's. */
    private static boolean movsxd(Opcode o) {
        return o.map() == 0 && o.op() == 0x63;
    }

    /** Near branches, whose 66 prefix Intel ignores and AMD does not. */
    private static boolean branch(Opcode o) {
        return relative(o) || o.imm() == Opcode.Imm.REL || o.map() == 0 && (o.op() == 0xC2 || o.op() == 0xC3 || o.op() == 0xFF)
                || o.map() == 1 && o.op() >= 0x80 && o.op() <= 0x8F;
    }

    private static boolean relative(Opcode o) {
        return o.map() == 0 && (o.op() >= 0x70 && o.op() <= 0x7F || o.op() >= 0xE0 && o.op() <= 0xE3 || o.op() == 0xEB);
    }

    private static boolean lockable(Form f) {
        Opcode o = f.opcode;
        if (o.map() == 0) {
            return o.op() < 0x38 && (o.op() & 7) < 2 || o.op() >= 0x80 && o.op() <= 0x83 && f.ext != 7 || o.op() >= 0xFE && f.ext < 2
                    || (o.op() & 0xFE) == 0x86 || (o.op() & 0xFE) == 0xF6 && (f.ext == 2 || f.ext == 3);
        }
        return o.map() == 1 && (o.op() == 0xAB || o.op() == 0xB3 || o.op() == 0xBB || (o.op() & 0xFE) == 0xB0 || (o.op() & 0xFE) == 0xC0
                || o.op() == 0xC7);
    }

    private void memory(ByteArrayOutputStream b, int reg, int rex) {
        boolean baseHigh = (rex & 1) != 0;
        switch (random.nextInt(8)) {
            case 0 -> {
                // RIP-relative: code is at CODE, data at DATA.
                b.write(reg << 3 | 5);
                int32(b, (int) (UserSpace.DATA - UserSpace.CODE) + random.nextInt(0x1000));
            }
            case 1 -> {
                b.write(reg << 3 | 4);
                b.write(0x25);
                int32(b, (int) UserSpace.DATA + random.nextInt(0x3FF0));
            }
            case 2, 3 -> {
                // Base and index: R14 and R15 hold small numbers; with REX.X clear it is RSI or RDI as the index, and usually a fault.
                int base = baseHigh ? random.nextBoolean() ? 4 : 5 : new int[] {3, 5, 6, 7}[random.nextInt(4)];
                int index = (rex & 2) != 0 ? 6 + random.nextInt(2) : 4;
                b.write(0x40 | reg << 3 | 4);
                b.write(random.nextInt(4) << 6 | index << 3 | base);
                b.write(random.nextInt(256));
            }
            case 4 -> {
                int base = baseHigh ? 5 : new int[] {3, 5, 6, 7}[random.nextInt(4)];
                b.write(0x80 | reg << 3 | base);
                int32(b, random.nextInt(-0x800, 0x800));
            }
            case 5 -> {
                // Aligned: what SSE wants.
                int base = baseHigh ? 5 : new int[] {3, 5, 6, 7}[random.nextInt(4)];
                b.write(0x40 | reg << 3 | base);
                b.write(random.nextInt(-8, 8) * 16);
            }
            default -> {
                int base = baseHigh ? 5 : new int[] {3, 5, 6, 7}[random.nextInt(4)];
                b.write(0x40 | reg << 3 | base);
                b.write(random.nextInt(256));
            }
        }
    }

    private static void int32(ByteArrayOutputStream b, int v) {
        for (int k = 0; k < 4; k++) {
            b.write(v >>> 8 * k);
        }
    }

    private void immediate(ByteArrayOutputStream b, int size) {
        long v = interesting();
        for (int k = 0; k < size; k++) {
            b.write((int) (v >>> 8 * k));
        }
    }

    private int interestingByte() {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> 1;
            case 2 -> 0x7F + random.nextInt(3);
            case 3 -> 0xFF;
            default -> random.nextInt(256);
        };
    }

    /** {@return a value from the edges of all operand sizes, or a random one} */
    long interesting() {
        return switch (random.nextInt(10)) {
            case 0 -> 0;
            case 1 -> 1;
            case 2 -> -1;
            case 3 -> 1L << random.nextInt(64);
            case 4 -> (1L << random.nextInt(64)) - 1;
            case 5 -> -(1L << random.nextInt(64));
            case 6 -> random.nextInt(256);
            case 7 -> Double.doubleToRawLongBits(random.nextInt(-1000, 1000) / 8.0);
            default -> random.nextLong();
        };
    }

    SplittableRandom random() {
        return random;
    }

    /** {@return the status flags that the manuals leave undefined after an instruction; processors do differ} */
    private static int undefinedFlags(String name) {
        String m = name.split(" ")[0];
        if (m.startsWith("IMUL") || m.startsWith("MUL") && !m.startsWith("MULX") && m.length() <= 4) {
            return SF | ZF | AF | PF;
        }
        if (m.equals("DIV") || m.equals("IDIV")) {
            return CF | PF | AF | ZF | SF | OF;
        }
        if (m.equals("BSF") || m.equals("BSR")) {
            return CF | PF | AF | SF | OF;
        }
        if (m.equals("TZCNT") || m.equals("LZCNT")) {
            return PF | AF | SF | OF;
        }
        if (m.startsWith("BT")) {
            return PF | AF | SF | OF;
        }
        if (m.equals("SHLD") || m.equals("SHRD") || m.equals("SHL") || m.equals("SAL") || m.equals("SHR") || m.equals("SAR")) {
            // With a count beyond the operand's size CF is undefined too.
            return AF | OF | CF;
        }
        if (m.startsWith("RO") || m.startsWith("RC")) {
            return OF;
        }
        if (m.equals("AND") || m.equals("OR") || m.equals("XOR") || m.equals("TEST") || m.equals("ANDN")) {
            return AF | (m.equals("ANDN") ? PF : 0);
        }
        if (m.equals("BEXTR")) {
            return AF | SF | PF;
        }
        if (m.startsWith("BLS") || m.equals("BZHI")) {
            return AF | PF;
        }
        return 0;
    }
}
