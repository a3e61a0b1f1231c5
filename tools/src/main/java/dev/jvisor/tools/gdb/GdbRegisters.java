package dev.jvisor.tools.gdb;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * GDB's view of the registers of an x86-64 processor: their order, their sizes and the target description that says so (GDB manual,
 * "i386 Features"). Values travel as hexadecimal bytes, lowest first.
 */
final class GdbRegisters {
    private interface Get {
        void get(VpState s, byte[] into);
    }

    private interface Set {
        void set(VpState s, byte[] from);
    }

    private record Register(String name, int bits, String type, String feature, Get get, Set set) { }

    private static final String CORE = "org.gnu.gdb.i386.core";
    private static final String SSE = "org.gnu.gdb.i386.sse";
    private static final String AVX = "org.gnu.gdb.i386.avx";
    private static final String SEGMENTS = "org.gnu.gdb.i386.segments";
    private static final String SYSTEM = "dev.jvisor.system";
    /** GDB's order of the general registers, by the processor's encoding. */
    private static final int[] GPR_ORDER = {0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15};
    private static final String[] GPR_NAMES = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15"};
    private static final int KERNEL_GS_BASE = 0xC0000102;

    private static final List<Register> ALL = describe();

    private GdbRegisters() { }

    private interface LongGet {
        long get(VpState s);
    }

    private interface LongSet {
        void set(VpState s, long value);
    }

    private static Register number(String name, int bits, String type, String feature, LongGet get, LongSet set) {
        return new Register(name, bits, type, feature, (s, b) -> put(b, 0, b.length, get.get(s)), (s, b) -> set.set(s, take(b, 0, b.length)));
    }

    private static Register vector(String name, String type, String feature, int at) {
        return new Register(name, 128, type, feature, (s, b) -> {
            put(b, 0, 8, s.ymm[at]);
            put(b, 8, 8, s.ymm[at + 1]);
        }, (s, b) -> {
            s.ymm[at] = take(b, 0, 8);
            s.ymm[at + 1] = take(b, 8, 8);
        });
    }

    private static List<Register> describe() {
        List<Register> all = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            int r = GPR_ORDER[i];
            String type = GPR_NAMES[i].equals("rbp") || GPR_NAMES[i].equals("rsp") ? "data_ptr" : "int64";
            all.add(number(GPR_NAMES[i], 64, type, CORE, s -> s.gpr[r], (s, v) -> s.gpr[r] = v));
        }
        all.add(number("rip", 64, "code_ptr", CORE, s -> s.rip, (s, v) -> s.rip = v));
        all.add(number("eflags", 32, "i386_eflags", CORE, s -> s.rflags, (s, v) -> s.rflags = v | 2));
        int[] segments = {VpState.CS, VpState.SS, VpState.DS, VpState.ES, VpState.FS, VpState.GS};
        String[] names = {"cs", "ss", "ds", "es", "fs", "gs"};
        for (int i = 0; i < 6; i++) {
            int index = segments[i];
            // Loading a selector by hand would need a descriptor: GDB may read them, a write changes nothing.
            all.add(number(names[i], 32, "int32", CORE, s -> s.seg[index].selector(), (s, v) -> { }));
        }
        for (int i = 0; i < 8; i++) {
            int st = i;
            all.add(new Register("st" + i, 80, "i387_ext", CORE, (s, b) -> {
                int r = st + (s.fsw >>> 11) & 7;
                put(b, 0, 8, s.x87Mantissa[r]);
                put(b, 8, 2, s.x87Exponent[r]);
            }, (s, b) -> {
                int r = st + (s.fsw >>> 11) & 7;
                s.x87Mantissa[r] = take(b, 0, 8);
                s.x87Exponent[r] = (int) take(b, 8, 2);
            }));
        }
        all.add(number("fctrl", 32, "int", CORE, s -> s.fcw, (s, v) -> s.fcw = (int) v & 0xFFFF));
        all.add(number("fstat", 32, "int", CORE, s -> s.fsw, (s, v) -> s.fsw = (int) v & 0xFFFF));
        all.add(number("ftag", 32, "int", CORE, GdbRegisters::fullTag, (s, v) -> { }));
        all.add(number("fiseg", 32, "int", CORE, s -> 0, (s, v) -> { }));
        all.add(number("fioff", 32, "int", CORE, s -> s.fip, (s, v) -> { }));
        all.add(number("foseg", 32, "int", CORE, s -> 0, (s, v) -> { }));
        all.add(number("fooff", 32, "int", CORE, s -> s.fdp, (s, v) -> { }));
        all.add(number("fop", 32, "int", CORE, s -> s.fop, (s, v) -> { }));
        for (int i = 0; i < 16; i++) {
            all.add(vector("xmm" + i, "vec128", SSE, 4 * i));
        }
        all.add(number("mxcsr", 32, "int", SSE, s -> s.mxcsr, (s, v) -> s.mxcsr = (int) v & 0xFFFF));
        for (int i = 0; i < 16; i++) {
            // GDB makes YMM registers of these and XMM.
            all.add(vector("ymm" + i + "h", "uint128", AVX, 4 * i + 2));
        }
        all.add(number("fs_base", 64, "int64", SEGMENTS, s -> s.seg[VpState.FS].base(), (s, v) -> rebase(s, VpState.FS, v)));
        all.add(number("gs_base", 64, "int64", SEGMENTS, s -> s.seg[VpState.GS].base(), (s, v) -> rebase(s, VpState.GS, v)));
        all.add(number("k_gs_base", 64, "int64", SYSTEM, s -> s.msrs.getOrDefault(KERNEL_GS_BASE, 0L), (s, v) -> s.msrs.put(KERNEL_GS_BASE, v)));
        all.add(number("cr0", 64, "int64", SYSTEM, s -> s.cr0, (s, v) -> s.cr0 = v));
        all.add(number("cr2", 64, "int64", SYSTEM, s -> s.cr2, (s, v) -> s.cr2 = v));
        all.add(number("cr3", 64, "int64", SYSTEM, s -> s.cr3, (s, v) -> s.cr3 = v));
        all.add(number("cr4", 64, "int64", SYSTEM, s -> s.cr4, (s, v) -> s.cr4 = v));
        all.add(number("cr8", 64, "int64", SYSTEM, s -> s.cr8, (s, v) -> s.cr8 = v));
        all.add(number("efer", 64, "int64", SYSTEM, s -> s.efer, (s, v) -> s.efer = v));
        return List.copyOf(all);
    }

    private static void rebase(VpState s, int index, long base) {
        SegmentState old = s.seg[index];
        s.seg[index] = new SegmentState(old.selector(), base, old.limit(), old.attributes());
    }

    /** The tag word as FSTENV stores it, from the abridged one: empty registers are 11, others are called valid. */
    private static long fullTag(VpState s) {
        int tag = 0;
        for (int i = 0; i < 8; i++) {
            if ((s.ftw >>> i & 1) == 0) {
                tag |= 3 << 2 * i;
            }
        }
        return tag;
    }

    /** {@return how many registers GDB may ask for} */
    static int count() {
        return ALL.size();
    }

    /** {@return the value of one register in hexadecimal} */
    static String read(VpState s, int index) {
        Register r = ALL.get(index);
        byte[] b = new byte[r.bits / 8];
        r.get.get(s, b);
        return HexFormat.of().formatHex(b);
    }

    /** {@return all registers in GDB's order} */
    static String readAll(VpState s) {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < ALL.size(); i++) {
            all.append(read(s, i));
        }
        return all.toString();
    }

    /** Sets one register. {@return false when {@code hex} has another size} */
    static boolean write(VpState s, int index, String hex) {
        Register r = ALL.get(index);
        if (hex.length() != r.bits / 4) {
            return false;
        }
        r.set.set(s, HexFormat.of().parseHex(hex));
        return true;
    }

    /** Sets all registers that {@code hex} is long enough for. */
    static void writeAll(VpState s, String hex) {
        int at = 0;
        for (int i = 0; i < ALL.size() && at + ALL.get(i).bits / 4 <= hex.length(); i++) {
            int length = ALL.get(i).bits / 4;
            write(s, i, hex.substring(at, at + length));
            at += length;
        }
    }

    /** {@return the target description, XML} */
    static String targetXml() {
        StringBuilder x = new StringBuilder("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                + "<target version=\"1.0\"><architecture>i386:x86-64</architecture>");
        String feature = null;
        for (Register r : ALL) {
            if (!r.feature.equals(feature)) {
                if (feature != null) {
                    x.append("</feature>");
                }
                feature = r.feature;
                x.append("<feature name=\"").append(feature).append("\">");
                if (feature.equals(CORE)) {
                    x.append(EFLAGS);
                } else if (feature.equals(SSE)) {
                    x.append(VECTOR);
                }
            }
            x.append("<reg name=\"").append(r.name).append("\" bitsize=\"").append(r.bits).append("\" type=\"").append(r.type).append("\"/>");
        }
        return x.append("</feature></target>").toString();
    }

    private static final String EFLAGS = """
        <flags id="i386_eflags" size="4"><field name="CF" start="0" end="0"/><field name="" start="1" end="1"/>\
        <field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/><field name="ZF" start="6" end="6"/>\
        <field name="SF" start="7" end="7"/><field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/>\
        <field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/><field name="NT" start="14" end="14"/>\
        <field name="RF" start="16" end="16"/><field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/>\
        <field name="VIF" start="19" end="19"/><field name="VIP" start="20" end="20"/><field name="ID" start="21" end="21"/></flags>""";
    private static final String VECTOR = """
        <vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>\
        <vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/>\
        <vector id="v2i64" type="int64" count="2"/><union id="vec128"><field name="v4_float" type="v4f"/>\
        <field name="v2_double" type="v2d"/><field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/>\
        <field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>""";

    private static void put(byte[] b, int at, int length, long value) {
        for (int i = 0; i < length; i++) {
            b[at + i] = (byte) (value >>> 8 * i);
        }
    }

    private static long take(byte[] b, int at, int length) {
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (b[at + i] & 0xFFL) << 8 * i;
        }
        return value;
    }
}
