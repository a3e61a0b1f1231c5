package dev.jvisor.vmm.x86.fpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.softfloat.F80;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** x87 instructions on random operands, beside the same instructions on the host's processor, through a small C program. */
class X87HostTest {
    private record Op(String name, String asm, Semantic semantic, int d, int a, int b, int scale, boolean exact) { }

    private static final List<Op> OPS = List.of(
            new Op("fadd", "fadd %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.ADD, 0, 1, 0, true),
            new Op("fsub", "fsub %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.SUB, 0, 1, 0, true),
            new Op("fsubr", "fsubr %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.SUBR, 0, 1, 0, true),
            new Op("fmul", "fmul %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.MUL, 0, 1, 0, true),
            new Op("fdiv", "fdiv %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.DIV, 0, 1, 0, true),
            new Op("fdivr", "fdivr %%st(1),%%st", X87Arithmetic::register, X87Arithmetic.DIVR, 0, 1, 0, true),
            new Op("fsqrt", "fsqrt", X87Arithmetic::unary, X87Arithmetic.SQRT, 0, 0, 0, true),
            new Op("frndint", "frndint", X87Arithmetic::unary, X87Arithmetic.RNDINT, 0, 0, 0, true),
            new Op("fprem", "fprem", X87Arithmetic::remainder, 0, 0, 0, 0, true),
            new Op("fprem1", "fprem1", X87Arithmetic::remainder, 1, 0, 0, 0, true),
            new Op("fscale", "fscale", X87Arithmetic::scale, 0, 0, 0, 0, true),
            new Op("fcom", "fcom", X87Arithmetic::compareRegister, 0, 0, 1, 0, true),
            new Op("fucom", "fucom", X87Arithmetic::compareRegister, 0, 1, 1, 0, true),
            new Op("ftst", "ftst", X87Arithmetic::test, 0, 0, 0, 0, true),
            new Op("fxam", "fxam", X87Arithmetic::examine, 0, 0, 0, 0, true),
            new Op("fxtract", "fxtract", X87Arithmetic::extract, 0, 0, 0, 0, true),
            new Op("fchs", "fchs", X87Arithmetic::sign, 0, 0, 0, 0, true),
            new Op("fldpi", "fldpi", X87Transfer::constant, 3, 0, 0, 0, true),
            new Op("fldl2t", "fldl2t", X87Transfer::constant, 1, 0, 0, 0, true),
            new Op("fldl2e", "fldl2e", X87Transfer::constant, 2, 0, 0, 0, true),
            new Op("fldlg2", "fldlg2", X87Transfer::constant, 4, 0, 0, 0, true),
            new Op("fldln2", "fldln2", X87Transfer::constant, 5, 0, 0, 0, true),
            new Op("fsts", "fsts %2", X87Transfer::store, 0, X87Arithmetic.M32, 0, 0, true),
            new Op("fstl", "fstl %2", X87Transfer::store, 0, X87Arithmetic.M64, 0, 0, true),
            new Op("fists", "fists %2", X87Transfer::store, 0, X87Arithmetic.I16, 0, 0, true),
            new Op("fistl", "fistl %2", X87Transfer::store, 0, X87Arithmetic.I32, 0, 0, true),
            new Op("fistpll", "fistpll %2", X87Transfer::store, 0, X87Transfer.I64, 0, X87Transfer.POP, true),
            new Op("fisttpll", "fisttpll %2", X87Transfer::store, 0, X87Transfer.I64, 0, X87Transfer.POP | X87Transfer.TRUNCATE, true),
            new Op("flds", "flds %1", X87Transfer::load, 0, X87Arithmetic.M32, 0, 0, true),
            new Op("fldl", "fldl %1", X87Transfer::load, 0, X87Arithmetic.M64, 0, 0, true),
            new Op("fadds", "fadds %1", X87Arithmetic::memory, X87Arithmetic.ADD, X87Arithmetic.M32, 0, 0, true),
            new Op("fdivl", "fdivl %1", X87Arithmetic::memory, X87Arithmetic.DIV, X87Arithmetic.M64, 0, 0, true),
            new Op("f2xm1", "f2xm1", X87Arithmetic::unary, X87Arithmetic.F2XM1, 0, 0, 0, false),
            new Op("fsin", "fsin", X87Arithmetic::unary, X87Arithmetic.SIN, 0, 0, 0, false),
            new Op("fcos", "fcos", X87Arithmetic::unary, X87Arithmetic.COS, 0, 0, 0, false),
            new Op("fyl2x", "fyl2x", X87Arithmetic::binary, X87Arithmetic.YL2X, 0, 0, 0, false),
            new Op("fyl2xp1", "fyl2xp1", X87Arithmetic::binary, X87Arithmetic.YL2XP1, 0, 0, 0, false),
            new Op("fpatan", "fpatan", X87Arithmetic::binary, X87Arithmetic.PATAN, 0, 0, 0, false),
            new Op("fptan", "fptan", X87Arithmetic::twoResults, 0, 0, 0, 0, false));

    private static final int PER_OP = 4000;
    private static final int RECORD = 48;

    @TempDir
    Path dir;

    @Test
    void sameResultsAsTheHostProcessor() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/gcc")), "gcc is not installed");
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the host is not x86-64");
        Path program = build();
        long seed = Long.getLong("jvisor.seed", 20261122L);
        System.out.println("X87HostTest seed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer in = ByteBuffer.allocate(OPS.size() * PER_OP * RECORD).order(ByteOrder.LITTLE_ENDIAN);
        for (int op = 0; op < OPS.size(); op++) {
            for (int k = 0; k < PER_OP; k++) {
                boolean tame = !OPS.get(op).exact;
                int control = 0x7F | (tame ? 0x300 : (new int[] {0, 2, 3})[random.nextInt(3)] << 8) | random.nextInt(4) << 10;
                if (tame) {
                    control &= ~0xC00;
                }
                in.putInt(op).putInt(control);
                operand(in, random, tame);
                operand(in, random, tame);
                in.putLong(memoryOperand(random, OPS.get(op).a == X87Arithmetic.M32));
                in.position(in.position() + RECORD - 8 - 20 - 8);
            }
        }
        Path inFile = dir.resolve("in");
        Path outFile = dir.resolve("out");
        Files.write(inFile, in.array());
        Process p = new ProcessBuilder(program.toString()).redirectInput(inFile.toFile()).redirectOutput(outFile.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertTrue(p.waitFor(60, TimeUnit.SECONDS), "the C program hangs");
        assertEquals(0, p.exitValue());
        ByteBuffer out = ByteBuffer.wrap(Files.readAllBytes(outFile)).order(ByteOrder.LITTLE_ENDIAN);
        List<String> differences = new ArrayList<>();
        int[] perOp = new int[OPS.size()];
        GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(1 << 16, 4096));
        gpa.mapRam(0, 1 << 16);
        Cpu c = new Cpu(0, gpa, null, null, null, 1_000_000_000L);
        for (int r = 0; r < OPS.size() * PER_OP; r++) {
            String difference = compare(c, in, r * RECORD, out, r * RECORD);
            if (difference != null && perOp[in.getInt(r * RECORD)]++ < 4) {
                differences.add(difference);
            }
        }
        StringBuilder counts = new StringBuilder();
        for (int op = 0; op < OPS.size(); op++) {
            if (perOp[op] != 0) {
                counts.append(OPS.get(op).name).append('=').append(perOp[op]).append(' ');
            }
        }
        assertTrue(differences.isEmpty(), () -> counts + "\n" + String.join("\n", differences));
    }

    private static String compare(Cpu c, ByteBuffer in, int at, ByteBuffer out, int outAt) {
        Op op = OPS.get(in.getInt(at));
        c.fpTop = 6;
        c.fpUsed = 0xC0;
        c.fsw = 0;
        c.fcw = in.getInt(at + 4) & 0x1F3F | 0x40;
        c.fpMant[6] = in.getLong(at + 8);
        c.fpExp[6] = in.getShort(at + 16) & 0xFFFF;
        c.fpMant[7] = in.getLong(at + 18);
        c.fpExp[7] = in.getShort(at + 26) & 0xFFFF;
        Uop u = new Uop() {
            @Override
            public void exec(Cpu cpu) { }
        };
        u.d = op.d;
        u.a = op.a;
        u.b = op.b;
        u.scale = op.scale;
        c.r[Cpu.TA] = 0x100;
        boolean reads = op.asm.contains("%1");
        c.st64(0x100, reads ? in.getLong(at + 28) : -1L, u);
        op.semantic.run(c, u);
        int sw = X87Stack.statusWord(c);
        int hostSw = out.getShort(outAt) & 0xFFFF;
        long m0 = c.fpMant[c.fpTop];
        int e0 = c.fpExp[c.fpTop];
        long h0 = out.getLong(outAt + 2);
        int he0 = out.getShort(outAt + 10) & 0xFFFF;
        long m1 = c.fpMant[c.fpTop + 1 & 7];
        int e1 = c.fpExp[c.fpTop + 1 & 7];
        long h1 = out.getLong(outAt + 12);
        int he1 = out.getShort(outAt + 20) & 0xFFFF;
        long bits = c.ld64(0x100, u);
        long hostBits = out.getLong(outAt + 24);
        boolean two = (c.fpUsed & 1 << (c.fpTop + 1 & 7)) != 0;
        boolean equal;
        if (op.name.equals("fyl2xp1") && (in.getShort(at + 16) & 0x7FFF) > 0x3FFC) {
            // Outside the range for which the manual defines it.
            return null;
        }
        if (op.exact) {
            equal = sw == hostSw && m0 == h0 && e0 == he0 && (!two || m1 == h1 && e1 == he1) && (reads || bits == hostBits);
        } else {
            // Transcendental results may differ in the last places; precision, C1 and underflow at the border with them.
            int ignore = 0x200 | F80.PE | F80.UE | F80.DE;
            equal = (sw & ~ignore) == (hostSw & ~ignore) && near(m0, e0, h0, he0);
        }
        if (equal) {
            return null;
        }
        return String.format("%s cw=%04x a=%04x:%016x b=%04x:%016x mem=%016x ours sw=%04x %04x:%016x %04x:%016x bits=%x host sw=%04x %04x:%016x %04x:%016x bits=%x",
                op.name, in.getInt(at + 4), in.getShort(at + 16), in.getLong(at + 8), in.getShort(at + 26), in.getLong(at + 18),
                in.getLong(at + 28), sw, e0, m0, e1, m1, bits, hostSw, he0, h0, he1, h1, hostBits);
    }

    private static boolean near(long m, int e, long hm, int he) {
        if (e == he) {
            return Math.abs(m - hm) <= 4;
        }
        // Either side of a power of two, or of the smallest number.
        return Math.abs(e - he) == 1 && (Math.abs((m >>> 1) - hm) < 4 || Math.abs((hm >>> 1) - m) < 4 || Math.abs(m - hm) < 4
                || m + 4 >= 0 && m + 4 < 8 || hm + 4 >= 0 && hm + 4 < 8 || m - Long.MIN_VALUE < 4 && hm > -4 || hm - Long.MIN_VALUE < 4 && m > -4);
    }

    private static void operand(ByteBuffer b, SplittableRandom r, boolean tame) {
        long m;
        int se;
        if (tame) {
            m = r.nextLong() | 1L << 63;
            if (r.nextInt(6) == 0) {
                m &= -1L << r.nextInt(64);
            }
            se = r.nextInt(10) == 0 ? 0x3FFF + r.nextInt(-70, 40) : 0x3FFF - r.nextInt(6) + 1;
            if (r.nextInt(30) == 0) {
                m = 0;
                se = 0;
            }
            se |= r.nextBoolean() ? 0x8000 : 0;
            m |= se << 1 == 0 ? 0 : 1L << 63;
        } else {
            m = switch (r.nextInt(8)) {
                case 0 -> 1L << 63;
                case 1 -> -1L << r.nextInt(64);
                case 2 -> 0xC000_0000_0000_0000L;
                case 3 -> 1L << 63 | 1L << r.nextInt(63);
                case 4 -> r.nextLong();
                default -> r.nextLong() | 1L << 63;
            };
            se = switch (r.nextInt(12)) {
                case 0 -> 0;
                case 1 -> 0x7FFF;
                case 2 -> 1 + r.nextInt(80);
                case 3 -> 0x7FFE - r.nextInt(80);
                case 4 -> 0x3FFF;
                case 5 -> 0x3FFF - 1023 + r.nextInt(-60, 20);
                case 6 -> 0x3FFF - 127 + r.nextInt(-30, 20);
                case 7 -> r.nextInt(0x8000);
                default -> 0x3FFF + r.nextInt(-70, 70);
            };
            if (se == 0 && r.nextBoolean()) {
                m = r.nextBoolean() ? 0 : m & Long.MAX_VALUE;
            }
            se |= r.nextBoolean() ? 0x8000 : 0;
        }
        b.putLong(m).putShort((short) se);
    }

    private static long memoryOperand(SplittableRandom r, boolean single) {
        long v = r.nextLong();
        if (single) {
            int f = (int) v;
            return switch (r.nextInt(6)) {
                case 0 -> f & 0x807FFFFF;
                case 1 -> f | 0x7F800000;
                default -> f;
            } & 0xFFFFFFFFL;
        }
        return switch (r.nextInt(6)) {
            case 0 -> v & 0x800FFFFFFFFFFFFFL;
            case 1 -> v | 0x7FF0000000000000L;
            default -> v;
        };
    }

    private Path build() throws IOException, InterruptedException {
        StringBuilder cases = new StringBuilder();
        for (int i = 0; i < OPS.size(); i++) {
            cases.append("case ").append(i).append(": DO(\"").append(OPS.get(i).asm).append("\"); break;\n");
        }
        String source = """
                #include <stdint.h>
                #include <stdio.h>
                #include <string.h>
                #pragma pack(1)
                struct in { uint32_t op, cw; uint8_t a[10], b[10]; uint64_t mem; uint8_t pad[12]; };
                struct out { uint16_t sw; uint8_t r0[10], r1[10]; uint16_t pad; uint64_t bits; uint8_t rest[16]; };
                #define DO(x) __asm__ volatile("fninit\\n fldt %4\\n fldt %3\\n fnclex\\n fldcw %5\\n " x "\\n fnstsw %0\\n" \\
                    : "=m"(sw), "+m"(mem), "+m"(bits) : "m"(*(char(*)[10])in.a), "m"(*(char(*)[10])in.b), "m"(cw) \\
                    : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)")
                int main(void) {
                    static struct in in; static struct out out;
                    while (fread(&in, sizeof in, 1, stdin) == 1) {
                        uint16_t sw = 0, cw = in.cw; uint64_t mem = in.mem, bits = ~0ULL;
                        struct { uint16_t cw, u0, sw, u1, tw, u2; uint32_t x[4]; uint8_t st[8][10]; } save;
                        switch (in.op) {
                        CASES
                        }
                        __asm__ volatile("fnsave %0" : "=m"(save));
                        memset(&out, 0, sizeof out);
                        out.sw = sw; memcpy(out.r0, save.st[0], 10); memcpy(out.r1, save.st[1], 10); out.bits = bits;
                        fwrite(&out, sizeof out, 1, stdout);
                    }
                    return 0;
                }
                """.replace("CASES", cases);
        Path c = dir.resolve("x87.c");
        Files.writeString(c, source);
        Path exe = dir.resolve("x87");
        Process gcc = new ProcessBuilder("gcc", "-O1", "-w", "-o", exe.toString(), c.toString()).inheritIO().start();
        assertEquals(0, gcc.waitFor(), "gcc failed");
        return exe;
    }
}
