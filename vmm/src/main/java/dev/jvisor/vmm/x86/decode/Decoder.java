package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads one instruction (Intel SDM vol 2, chapter 2): prefixes, opcode, ModRM, SIB, displacement, immediates, in 16-, 32- and 64-bit
 * code. What the bytes mean is the {@link OpcodeTable}'s matter. Reused; belongs to one VP's thread.
 */
public final class Decoder {
    /** Outcome: the instruction is in the {@link Insn}, its meaning in {@link #opcode()}. */
    public static final int OK = 0;
    /** Outcome: no such instruction, #UD. {@link #name()} says what was seen. */
    public static final int INVALID = 1;
    /** Outcome: it goes on in the next page, or past the end of CS, or past 15 bytes, and it may not: it has to be decoded on its own. */
    public static final int STOP = 2;

    private static final int MAX_LENGTH = 15;
    /** One-byte opcodes that do not exist in 64-bit mode, one bit each. */
    private static final long[] NOT_IN_64 = new long[4];

    static {
        int[] gone = {0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x27, 0x2F, 0x37, 0x3F, 0x60, 0x61, 0x62, 0x82, 0x9A, 0xCE, 0xD4, 0xD5,
            0xD6, 0xEA};
        for (int op : gone) {
            NOT_IN_64[op >> 6] |= 1L << op;
        }
    }

    /** Bases and indices of 16-bit addresses by ModRM.rm. */
    private static final int[] BASE16 = {Cpu.RBX, Cpu.RBX, Cpu.RBP, Cpu.RBP, Cpu.RSI, Cpu.RDI, Cpu.RBP, Cpu.RBX};
    private static final int[] INDEX16 = {Cpu.RSI, Cpu.RDI, Cpu.RSI, Cpu.RDI, Cpu.ZERO, Cpu.ZERO, Cpu.ZERO, Cpu.ZERO};

    private static final class Stop extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Stop() {
            super(null, null, false, false);
        }
    }

    private final Cpu c;
    private final OpcodeTable table;
    private final MemorySegment ram;
    private final Stop stop = new Stop();

    private long linear;
    private long host;
    private long secondHost;
    private int room;
    private int pos;
    private boolean alone;
    private long limitLeft;
    private Uop at;
    private Opcode opcode;

    /** Makes a decoder for one VP. */
    public Decoder(Cpu c, OpcodeTable table) {
        this.c = c;
        this.table = table;
        this.ram = c.ram();
    }

    /** {@return the meaning of the instruction decoded last; null when there is none} */
    public Opcode opcode() {
        return opcode;
    }

    /** {@return the host page that holds the tail of the instruction decoded last, or -1} */
    public int secondPage() {
        return secondHost < 0 ? -1 : (int) (secondHost >>> 12);
    }

    /**
     * Decodes.
     *
     * @param i receives the instruction
     * @param ip its RIP, EIP or IP
     * @param linearAddress of its first byte
     * @param hostOffset of its first byte
     * @param mode the mode bits of {@link Cpu#mode}
     * @param first whether it is the first of its block: then it may cross into the next page, and faults of the fetch are thrown
     * @param u names the instruction in faults of the fetch
     * @return {@link #OK}, {@link #INVALID}, or {@link #STOP} when {@code first} is false
     */
    public int decode(Insn i, long ip, long linearAddress, long hostOffset, int mode, boolean first, Uop u) {
        linear = linearAddress;
        host = hostOffset;
        secondHost = -1;
        room = 4096 - (int) (hostOffset & 4095);
        pos = 0;
        alone = first;
        at = u;
        opcode = null;
        i.ip = ip;
        i.csBase = linearAddress - ip;
        i.mode = mode;
        i.code = 2 << (mode & Cpu.MODE_SIZE);
        limitLeft = i.code == 8 || (mode & Cpu.MODE_FLAT) != 0 ? Long.MAX_VALUE : Integer.toUnsignedLong(c.segLimit[Cpu.CS]) - ip + 1;
        try {
            boolean ok = read(i);
            i.len = pos;
            return ok ? OK : INVALID;
        } catch (Stop s) {
            return STOP;
        }
    }

    /** {@return the bytes seen by the last decode that found nothing, for people} */
    public String name() {
        StringBuilder s = new StringBuilder("opcode");
        for (int k = 0; k < pos; k++) {
            s.append(String.format(" %02x", byteAt(k)));
        }
        return s.toString();
    }

    private int byteAt(int k) {
        return ram.get(ValueLayout.JAVA_BYTE, k < room ? host + k : secondHost + k - room) & 0xFF;
    }

    private int u8() {
        if (pos >= MAX_LENGTH || pos >= limitLeft) {
            if (!alone) {
                throw stop;
            }
            throw c.fault(Cpu.GP, 0, at);
        }
        if (pos >= room && secondHost < 0) {
            if (!alone) {
                throw stop;
            }
            long next = linear + room;
            secondHost = c.fetchHost(c.long64() ? next : next & 0xFFFFFFFFL, at);
        }
        return byteAt(pos++);
    }

    private int u16() {
        int low = u8();
        return low | u8() << 8;
    }

    private long u32() {
        long low = u16();
        return low | (long) u16() << 16;
    }

    private long u64() {
        long low = u32();
        return low | u32() << 32;
    }

    private boolean read(Insn i) {
        i.lock = false;
        i.size66 = false;
        i.rep = 0;
        i.rex = 0;
        i.segOverride = -1;
        i.vex = false;
        i.vvvv = 0;
        i.vexL = false;
        i.hasModrm = false;
        i.mod = 0;
        i.reg = 0;
        i.rm = 0;
        i.base = Cpu.ZERO;
        i.index = Cpu.ZERO;
        i.hasSib = false;
        i.sibIndex = 0;
        i.scale = 0;
        i.disp = 0;
        i.imm = 0;
        i.imm2 = 0;
        boolean size67 = false;
        int b;
        prefixes:
        while (true) {
            b = u8();
            switch (b) {
                case 0x66 -> i.size66 = true;
                case 0x67 -> size67 = true;
                case 0xF0 -> i.lock = true;
                case 0xF2, 0xF3 -> i.rep = b;
                case 0x26, 0x2E, 0x36, 0x3E -> {
                    if (i.code != 8) {
                        i.segOverride = b >> 3 & 3;
                    }
                }
                case 0x64, 0x65 -> i.segOverride = b - 0x60;
                default -> {
                    if (i.code != 8 || (b & 0xF0) != 0x40) {
                        break prefixes;
                    }
                    i.rex = b;
                    continue;
                }
            }
            // A REX that is not the last prefix counts for nothing.
            i.rex = 0;
        }
        i.addrSize = switch (i.code) {
            case 8 -> size67 ? 4 : 8;
            case 4 -> size67 ? 2 : 4;
            default -> size67 ? 4 : 2;
        };
        i.map = OpcodeTable.ONE_BYTE;
        if ((b == 0xC4 || b == 0xC5) && (i.mode & Cpu.MODE_REAL) == 0 && (i.code == 8 || byteAhead() >= 0xC0)) {
            if (i.lock || i.size66 || i.rep != 0 || i.rex != 0) {
                return false;
            }
            if (!vex(i, b)) {
                return false;
            }
            b = u8();
        } else {
            if (b == 0x0F) {
                b = u8();
                i.map = OpcodeTable.M0F;
                if (b == 0x38 || b == 0x3A) {
                    i.map = b == 0x38 ? OpcodeTable.M0F38 : OpcodeTable.M0F3A;
                    b = u8();
                }
            } else if (i.code == 8 && (NOT_IN_64[b >> 6] & 1L << b) != 0) {
                return false;
            }
            i.prefix = i.rep == 0xF3 ? OpcodeTable.PF3 : i.rep == 0xF2 ? OpcodeTable.PF2 : i.size66 ? OpcodeTable.P66 : OpcodeTable.NP;
        }
        i.op = b;
        i.opReg = b & 7 | (i.rex & 1) << 3;
        i.opSize = i.rexW() ? 8 : i.size66 ? i.code == 2 ? 4 : 2 : Math.min(i.code, 4);
        i.seg = i.segOverride >= 0 ? i.segOverride : Cpu.DS;

        Opcode[] slot = i.vex ? table.find(i.map, i.prefix, i.vexL ? 1 : 0, i.rex >> 3 & 1, b) : table.find(i.map, i.prefix, b);
        if (slot == null) {
            return false;
        }
        Opcode any = null;
        for (int k = 0; any == null; k++) {
            any = slot[k];
        }
        boolean ripRelative = false;
        if (any.modrm()) {
            i.hasModrm = true;
            int m = u8();
            i.mod = m >> 6;
            if (i.map == OpcodeTable.M0F && (b & 0xFC) == 0x20) {
                // MOV to and from control and debug registers: mod is not looked at.
                i.mod = 3;
            }
            i.reg = m >> 3 & 7 | (i.rex & 4) << 1;
            i.rm = m & 7 | (i.rex & 1) << 3;
            if (i.mod != 3) {
                ripRelative = i.addrSize == 2 ? memory16(i) : memory(i);
            }
            opcode = slot[(i.reg & 7) + (i.mod == 3 ? 8 : 0)];
        } else {
            opcode = any;
        }
        if (opcode == null || i.lock && !(i.isMem() && table.lockable(opcode)) || i.vex && !opcode.vex().operand() && i.vvvv != 0) {
            opcode = null;
            return false;
        }
        if (i.code != 8) {
            i.vvvv &= 7;
        }
        immediate(i);
        if (ripRelative) {
            i.disp += i.ip + pos;
        }
        return true;
    }

    private int byteAhead() {
        int b = u8();
        pos--;
        return b;
    }

    /** Reads the rest of a VEX prefix (Intel SDM vol 2, 2.3.5). {@return false when its map does not exist} */
    private boolean vex(Insn i, int first) {
        int b1 = u8();
        int last = b1;
        int map = 1;
        // R, X and B are stored inverted.
        int rex = (~b1 & 0x80) >> 5;
        if (first == 0xC4) {
            last = u8();
            map = b1 & 0x1F;
            rex |= (~b1 & 0x40) >> 5 | (~b1 & 0x20) >> 5 | (last & 0x80) >> 4;
        }
        if (i.code != 8) {
            rex &= 8;
        }
        if (map < 1 || map > 3) {
            return false;
        }
        i.vex = true;
        i.rex = rex;
        i.vvvv = ~last >> 3 & 15;
        i.vexL = (last & 4) != 0;
        i.prefix = last & 3;
        i.map = OpcodeTable.V0F + map - 1;
        return true;
    }

    private boolean memory16(Insn i) {
        int rm = i.rm & 7;
        i.base = BASE16[rm];
        i.index = INDEX16[rm];
        if (i.mod == 0 && rm == 6) {
            i.base = Cpu.ZERO;
            i.disp = (short) u16();
        } else if (i.mod == 1) {
            i.disp = (byte) u8();
        } else if (i.mod == 2) {
            i.disp = (short) u16();
        }
        if (i.segOverride < 0 && i.base == Cpu.RBP) {
            i.seg = Cpu.SS;
        }
        return false;
    }

    private boolean memory(Insn i) {
        int base = i.rm;
        if ((base & 7) == 4) {
            int sib = u8();
            i.hasSib = true;
            i.scale = sib >> 6;
            i.sibIndex = sib >> 3 & 7 | (i.rex & 2) << 2;
            i.index = i.sibIndex == 4 ? Cpu.ZERO : i.sibIndex;
            base = sib & 7 | (i.rex & 1) << 3;
            if (i.mod == 0 && (base & 7) == 5) {
                i.disp = (int) u32();
                return false;
            }
        } else if (i.mod == 0 && (base & 7) == 5) {
            i.disp = (int) u32();
            return i.code == 8;
        }
        i.base = base;
        if (i.mod == 1) {
            i.disp = (byte) u8();
        } else if (i.mod == 2) {
            i.disp = (int) u32();
        }
        if (i.segOverride < 0 && (base == Cpu.RSP || base == Cpu.RBP)) {
            i.seg = Cpu.SS;
        }
        return false;
    }

    private void immediate(Insn i) {
        switch (opcode.imm()) {
            case NONE -> { }
            case BYTE -> i.imm = (byte) u8();
            case WORD -> i.imm = (short) u16();
            case Z -> i.imm = i.opSize == 2 ? (short) u16() : (int) u32();
            case V -> i.imm = i.opSize == 2 ? (short) u16() : i.opSize == 4 ? (int) u32() : u64();
            case OFFSET -> {
                i.imm = i.addrSize == 2 ? u16() : i.addrSize == 4 ? u32() : u64();
                i.disp = i.imm;
            }
            case FAR -> {
                i.imm = i.opSize == 2 ? u16() : u32();
                i.imm2 = u16();
            }
            case WORD_BYTE -> {
                i.imm = (short) u16();
                i.imm2 = u8();
            }
            case REL -> i.imm = i.code == 8 || i.opSize != 2 ? (int) u32() : (short) u16();
            default -> throw new AssertionError(opcode.imm());
        }
    }
}
