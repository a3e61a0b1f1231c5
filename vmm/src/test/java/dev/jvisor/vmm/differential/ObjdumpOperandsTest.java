package dev.jvisor.vmm.differential;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.differential.SequenceGenerator.Form;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.SoftwareBackend;
import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.decode.Decoder;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random encodings of every form in the decoder's table, beside what objdump makes of them: lengths, and registers, addresses and immediates
 * as far as the table's names tell which there are.
 */
class ObjdumpOperandsTest {
    private static final int ROUNDS = Integer.getInteger("jvisor.rounds", 4);
    private static final int SLOT = 16;
    private static final long BASE = 0x10000;
    private static final Pattern LINE = Pattern.compile("\\s*([0-9a-f]+):\\t((?:[0-9a-f]{2} )+)\\s*\\t?(.*)");
    /** Prefixes that mean nothing where they stand, and that objdump puts before the name. */
    private static final Pattern PREFIX = Pattern.compile("^(?:(?:[cdefgs]s|data16|addr32|rex[.WRXB]*|lock|repn?z?|xacquire|xrelease|bnd|notrack) +)+");
    private static final Pattern MEMORY = Pattern.compile("(?:\\w+ PTR )?(?:([c-gs]s):)?(?:\\[(.*)]|(0x[0-9a-f]+))");
    private static final String[] GPR8 = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    private static final Map<String, String> REGISTERS = new HashMap<>();

    static {
        String[] names = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
        String[] high = {"ah", "ch", "dh", "bh"};
        for (int k = 0; k < 16; k++) {
            for (String n : k < 8 ? List.of(names[k], "e" + names[k], "r" + names[k], GPR8[k]) : List.of("r" + k, "r" + k + "d", "r" + k + "w",
                    "r" + k + "b")) {
                REGISTERS.put(n, "r" + k);
            }
            if (k < 4) {
                REGISTERS.put(high[k], "high" + k);
            }
        }
    }

    /** One encoding as we decode it. @param operands null where the name of the opcode does not tell them all */
    private record Decoded(byte[] code, String form, int length, List<String> operands) { }

    @TempDir
    Path dir;
    private final OpcodeTable table = SoftwareBackend.opcodes();
    private final MemorySegment ram = Arena.ofAuto().allocate(1 << 17, 4096);
    private final Decoder decoder;

    ObjdumpOperandsTest() {
        GpaSpace gpa = new GpaSpace(ram);
        gpa.mapRam(0, 1 << 17);
        decoder = new Decoder(new Cpu(0, gpa, null, null, () -> 0, 1_000_000_000), table);
    }

    @Test
    void decodesAsObjdumpDoes() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/objdump")), "objdump is not installed");
        long seed = Long.getLong("jvisor.seed", 1L);
        SequenceGenerator generator = new SequenceGenerator(table, seed);
        List<Decoded> all = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            for (Form f : generator.forms()) {
                all.add(decode(f, generator.one(f), BASE + (long) all.size() * SLOT));
            }
        }
        Map<Integer, String[]> theirs = objdump(all);
        List<String> wrong = new ArrayList<>();
        TreeSet<String> compared = new TreeSet<>();
        for (int k = 0; k < all.size(); k++) {
            Decoded d = all.get(k);
            String[] line = theirs.get(k);
            if (line == null || line[1].isEmpty() || line[1].contains("(bad)") || PREFIX.matcher(line[1] + " ").matches()) {
                // Prefixes alone, or an encoding that this objdump does not know or finds undefined.
                continue;
            }
            int length = Integer.parseInt(line[0]);
            String text = line[1];
            if (length != d.length && !text.startsWith("fwait")) {
                wrong.add(HexFormat.of().formatHex(d.code) + " " + d.form + ": length " + d.length + ", objdump " + length + " " + text);
                continue;
            }
            // Where L is ignored it prints it all the same; and of MOVQ2DQ and MOVDQ2Q with one more prefix it does not know the registers.
            List<String> operands = operands(d.form.matches("VMOVS[SD] .*") ? text.replace("ymm", "xmm") : text);
            if (d.form.startsWith("MOVQ2DQ") || d.form.startsWith("MOVDQ2Q")) {
                operands = null;
            }
            if (d.operands != null && operands != null) {
                compared.add(d.form);
                if (!agree(d.operands, operands)) {
                    wrong.add(HexFormat.of().formatHex(d.code) + " " + d.form + ": " + d.operands + ", objdump " + operands + " " + text);
                }
            }
        }
        System.out.println("ObjdumpOperandsTest seed=" + seed + ": " + all.size() + " encodings, operands of " + compared.size() + " forms compared");
        assertEquals("", String.join("\n", wrong.subList(0, Math.min(40, wrong.size()))), wrong.size() + " of " + all.size());
        assertTrue(compared.size() > 2000, () -> compared.size() + " forms compared");
    }

    // ---- ours

    private Decoded decode(Form f, byte[] code, long ip) {
        MemorySegment.copy(code, 0, ram, ValueLayout.JAVA_BYTE, 0x1000, code.length);
        ram.asSlice(0x1000 + code.length, SLOT).fill((byte) 0x90);
        Insn i = new Insn();
        // The decoder is told the address that objdump will see, with CS based accordingly.
        int outcome = decoder.decode(i, ip, ip, 0x1000, Cpu.MODE_LONG | Cpu.MODE_FLAT | Cpu.MODE_STACK32 | 2, true, new CallUop(null));
        if (outcome != Decoder.OK) {
            return new Decoded(code, f.toString(), -1, null);
        }
        return new Decoded(code, f.toString(), i.len, ours(i, decoder.opcode()));
    }

    private static List<String> ours(Insn i, Opcode o) {
        int blank = o.name().indexOf(' ');
        if (blank < 0 || o.name().contains(" / ") || o.map() == 0 && (o.op() & 0xF8) == 0xD8) {
            return null;
        }
        List<String> all = new ArrayList<>();
        for (String token : o.name().substring(blank + 1).split(",")) {
            String s = operand(i, o, token);
            if (s == null) {
                return null;
            }
            all.add(s);
        }
        return all;
    }

    private static String operand(Insn i, Opcode o, String token) {
        String vector = token.endsWith("qq") ? "ymm" : "xmm";
        return switch (token) {
            case "AL", "AX", "eAX" -> "r0";
            case "CL" -> "r1";
            case "1" -> "#1";
            case "r" -> "r" + i.opReg;
            case "r8" -> i.highByte(i.opReg) ? "high" + (i.opReg - 4) : "r" + i.opReg;
            case "Jb", "Jz" -> "#" + Long.toHexString(i.ip + i.len + i.imm);
            case "Ib" -> "#" + Long.toHexString((o.imm() == Opcode.Imm.WORD_BYTE ? i.imm2 : i.imm) & 0xFF);
            case "Iw" -> "#" + Long.toHexString(i.imm & 0xFFFF);
            case "Iv" -> "#" + Long.toHexString(i.imm & (i.opSize == 2 ? 0xFFFF : i.opSize == 4 ? 0xFFFFFFFFL : -1L));
            case "Iz" -> "#" + Long.toHexString(i.imm & (i.opSize == 2 ? 0xFFFF : 0xFFFFFFFFL));
            case "Mvm" -> memory(i, (o.op() & 1) != 0 && i.vexL || (o.op() & 1) == 0 && i.vexL && !o.name().contains("DQ") && !o.name().contains("DPD")
                    ? "ymm" : "xmm");
            default -> switch (token.charAt(0)) {
                case 'V' -> vector + i.reg;
                case 'H' -> vector + i.vvvv;
                case 'L' -> vector + ((int) i.imm >> 4 & 15);
                case 'W', 'U' -> i.isMem() ? memory(i, null) : vector + i.rm;
                case 'P' -> "mm" + (i.reg & 7);
                case 'Q', 'N' -> i.isMem() ? memory(i, null) : "mm" + (i.rm & 7);
                case 'G' -> token.equals("Gb") && i.highByte(i.reg) ? "high" + (i.reg - 4) : "r" + i.reg;
                case 'E', 'R' -> i.isMem() ? memory(i, null) : token.equals("Eb") && i.highByte(i.rm) ? "high" + (i.rm - 4) : "r" + i.rm;
                case 'B' -> "r" + i.vvvv;
                case 'M' -> i.isMem() ? memory(i, null) : null;
                default -> null;
            };
        };
    }

    private static String memory(Insn i, String indexVector) {
        boolean ripRelative = i.mod == 0 && (i.rm & 7) == 5;
        StringBuilder s = new StringBuilder("[");
        s.append(i.seg == Cpu.FS ? "fs:" : i.seg == Cpu.GS ? "gs:" : "");
        if (ripRelative) {
            return s.append("rip+").append(Long.toHexString(i.disp - i.ip - i.len)).append(']').toString();
        }
        s.append(i.base == Cpu.ZERO ? "" : "r" + i.base).append('+');
        if (indexVector != null) {
            s.append(indexVector).append(i.sibIndex).append('*').append(1 << i.scale);
        } else if (i.index != Cpu.ZERO) {
            s.append('r').append(i.index).append('*').append(1 << i.scale);
        }
        return s.append('+').append(Long.toHexString(i.disp)).append(']').toString();
    }

    // ---- objdump's

    private Map<Integer, String[]> objdump(List<Decoded> all) throws IOException, InterruptedException {
        byte[] image = new byte[all.size() * SLOT];
        Arrays.fill(image, (byte) 0x90);
        for (int k = 0; k < all.size(); k++) {
            System.arraycopy(all.get(k).code, 0, image, k * SLOT, all.get(k).code.length);
        }
        Path file = Files.write(dir.resolve("code.bin"), image);
        Process p = new ProcessBuilder("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "-w", "--adjust-vma=" + BASE, file.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Map<Integer, String[]> lines = new HashMap<>();
        try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                Matcher m = LINE.matcher(line);
                if (m.matches()) {
                    long at = Long.parseLong(m.group(1), 16) - BASE;
                    if (at % SLOT == 0) {
                        String text = PREFIX.matcher(m.group(3).strip()).replaceFirst("");
                        int comment = text.indexOf('#');
                        lines.put((int) (at / SLOT), new String[] {String.valueOf(m.group(2).strip().split(" ").length),
                            (comment >= 0 ? text.substring(0, comment) : text).strip()});
                    }
                }
            }
        }
        p.waitFor();
        return lines;
    }

    private static List<String> operands(String text) {
        int blank = text.indexOf(' ');
        if (blank < 0) {
            return List.of();
        }
        List<String> all = new ArrayList<>();
        for (String s : text.substring(blank + 1).strip().split(",")) {
            String n = normal(s.strip());
            if (n == null) {
                return null;
            }
            all.add(n);
        }
        return all;
    }

    private static String normal(String s) {
        if (REGISTERS.containsKey(s)) {
            return REGISTERS.get(s);
        }
        if (s.matches("[xy]?mm\\d+")) {
            return s;
        }
        if (s.matches("(0x)?[0-9a-f]+")) {
            return "#" + (s.startsWith("0x") ? s.substring(2) : s);
        }
        Matcher m = MEMORY.matcher(s);
        return m.matches() ? address(m) : null;
    }

    private static String address(Matcher m) {
        String segment = m.group(1) == null || !m.group(1).matches("[fg]s") ? "" : m.group(1) + ":";
        if (m.group(3) != null) {
            return "[" + segment + "++" + Long.toHexString(Long.parseUnsignedLong(m.group(3).substring(2), 16)) + "]";
        }
        String base = "";
        String index = "";
        long disp = 0;
        for (String part : m.group(2).replace("-", "+-").split("\\+")) {
            if (part.isEmpty()) {
                continue;
            }
            if (part.contains("*")) {
                String register = part.substring(0, part.indexOf('*'));
                if (!register.matches("[re]iz")) {
                    index = REGISTERS.getOrDefault(register, register) + part.substring(part.indexOf('*'));
                }
            } else if (part.startsWith("0x") || part.startsWith("-0x")) {
                boolean minus = part.startsWith("-");
                long v = Long.parseUnsignedLong(part.substring(minus ? 3 : 2), 16);
                disp += minus ? -v : v;
            } else {
                base = REGISTERS.getOrDefault(part, part);
            }
        }
        return base.equals("rip") ? "[" + segment + "rip+" + Long.toHexString(disp) + "]"
                : "[" + segment + base + "+" + index + "+" + Long.toHexString(disp) + "]";
    }

    // ---- the two beside each other

    private static boolean agree(List<String> ours, List<String> theirs) {
        // It leaves out an immediate that it has made a part of the name, and names operands that the opcode implies.
        int n = Math.min(ours.size(), theirs.size());
        if (theirs.size() < ours.size() && !(theirs.size() == ours.size() - 1 && ours.getLast().startsWith("#"))) {
            return false;
        }
        for (int k = 0; k < n; k++) {
            String a = ours.get(k);
            String b = theirs.get(k);
            boolean immediate = a.startsWith("#") && b.startsWith("#");
            if (immediate ? !sameImmediate(a.substring(1), b.substring(1)) : !a.equals(b)) {
                return false;
            }
        }
        return true;
    }

    /** Ours has the bits that are encoded, theirs may have been extended by the sign. */
    private static boolean sameImmediate(String ours, String theirs) {
        return theirs.equals(ours) || theirs.length() > ours.length() && theirs.endsWith("0".repeat(Math.max(0, 2 - ours.length())) + ours)
                && theirs.startsWith("f");
    }
}
