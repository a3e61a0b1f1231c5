package dev.jvisor.vmm.x86.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every VEX encoding there can be, by map, mandatory prefix, L, W, opcode, ModRM in both forms, and vvvv used and unused: the software CPU
 * raises #UD for those for which the host's processor does.
 */
class VexEncodingsNativeTest {
    /** Leading hex digits of a line: map, prefix, L, W, opcode. VAES and VPCLMULQDQ, which are not offered. */
    private static final List<String> NOT_OFFERED = List.of("2 1 1 0 dc", "2 1 1 0 dd", "2 1 1 0 de", "2 1 1 0 df", "2 1 1 1 dc", "2 1 1 1 dd",
            "2 1 1 1 de", "2 1 1 1 df", "3 1 1 0 44", "3 1 1 1 44");
    /** VPERMQ and VPERMPD exist with W = 1 only, says the SDM; AMD's processors do not look. */
    private static final List<String> AMD = List.of("3 1 1 0 00", "3 1 1 0 01");

    @TempDir
    Path dir;

    @Test
    void encodingsExistThatTheHostsProcessorKnows() throws Exception {
        assumeTrue(NativeOracle.available(), "skipped: needs gcc on an x86-64 Linux host");
        assumeTrue(NativeOracle.has("avx2", "fma", "f16c", "bmi1", "bmi2", "aes", "pclmulqdq"),
                "skipped: the host's processor lacks one of avx2 fma f16c bmi1 bmi2 aes pclmulqdq");
        TreeMap<String, String> host = hostEncodings();
        assertTrue(host.size() > 2000, () -> "encodings found: " + host.size());
        TreeMap<String, String> ours = ours();
        TreeSet<String> known = new TreeSet<>();
        ours.keySet().forEach(k -> known.add(opcode(k)));
        StringBuilder wrong = new StringBuilder();
        TreeSet<String> all = new TreeSet<>(host.keySet());
        all.addAll(ours.keySet());
        for (String k : all) {
            String h = host.getOrDefault(k, "");
            String o = ours.getOrDefault(k, "");
            String where = k.substring(0, k.length() - 2);
            // What a host has that is unknown here altogether belongs to later extensions.
            boolean later = o.isEmpty() && (!known.contains(opcode(k)) || NOT_OFFERED.contains(where) || AMD.contains(where));
            if (!h.equals(o) && !later) {
                wrong.append(k).append(": host ").append(h).append(" software ").append(o).append('\n');
            }
        }
        assertEquals("", wrong.toString());
    }

    /** Map, prefix and opcode of a line. */
    private static String opcode(String key) {
        String[] p = key.split(" ");
        return p[0] + p[1] + p[4];
    }

    private TreeMap<String, String> hostEncodings() throws IOException, InterruptedException {
        Path source = dir.resolve("vex.c");
        Path program = dir.resolve("vex");
        Files.writeString(source, PROGRAM);
        run("gcc", "-O1", "-mavx2", "-o", program.toString(), source.toString());
        TreeMap<String, String> found = new TreeMap<>();
        for (String line : run(program.toString()).split("\n")) {
            int at = line.lastIndexOf(' ');
            found.put(line.substring(0, at), line.substring(at + 1));
        }
        return found;
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (p.waitFor() != 0) {
            throw new IOException(command[0] + " failed:\n" + text);
        }
        return text;
    }

    private static TreeMap<String, String> ours() {
        TreeMap<String, String> found = new TreeMap<>();
        for (int k = 0; k < 3 * 4 * 2 * 2 * 256 * 2; k++) {
            int form = k & 1;
            int op = k >> 1 & 255;
            int w = k >> 9 & 1;
            int l = k >> 10 & 1;
            int prefix = k >> 11 & 3;
            int map = (k >> 13) + 1;
            StringBuilder r = new StringBuilder();
            for (int reg = 0; reg < 8; reg++) {
                for (int v = 0; v < 2; v++) {
                    byte[] code = new byte[16];
                    code[0] = (byte) 0xC4;
                    code[1] = (byte) (0xE0 | map);
                    code[2] = (byte) (w << 7 | (v != 0 ? 10 : 15) << 3 | l << 2 | prefix);
                    code[3] = (byte) op;
                    code[4] = (byte) (form == 0 ? reg << 3 | 4 : 0xC0 | reg << 3 | 7);
                    code[5] = (byte) (form == 0 ? 0x27 : 0);
                    r.append(SoftwareRun.exists(code) ? 'x' : '.');
                }
            }
            if (r.indexOf("x") >= 0) {
                found.put(String.format("%d %d %d %d %02x %c", map, prefix, l, w, op, form == 0 ? 'm' : 'r'), r.toString());
            }
        }
        return found;
    }

    /** Executes each encoding, on registers that all point to memory, and prints a line for those that are not always #UD. */
    private static final String PROGRAM = """
            #define _GNU_SOURCE
            #include <setjmp.h>
            #include <signal.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            static sigjmp_buf back;
            static volatile int seen;
            static unsigned char data[8192] __attribute__((aligned(4096))), stack[65536];
            static void trap(int sig) { seen = sig; siglongjmp(back, 1); }
            static char outcome(unsigned char *code, int map, int prefix, int l, int w, int op, int form, int reg, int v) {
                unsigned char *p = code;
                memset(code, 0xCC, 32);
                *p++ = 0xC4;
                *p++ = 0xE0 | map;
                *p++ = w << 7 | (v ? 10 : 15) << 3 | l << 2 | prefix;
                *p++ = op;
                if (form) *p++ = 0xC0 | reg << 3 | 7; else { *p++ = reg << 3 | 4; *p++ = 0x27; }
                *p = 0;
                seen = 0;
                if (!sigsetjmp(back, 1))
                    __asm__ volatile("mov %0,%%rdi\\n mov %1,%%r11\\n mov %%rdi,%%rax\\n mov %%rdi,%%rcx\\n mov %%rdi,%%rdx\\n mov %%rdi,%%rbx\\n"
                        "mov %%rdi,%%rbp\\n mov %%rdi,%%rsi\\n mov %%rdi,%%r8\\n mov %%rdi,%%r9\\n mov %%rdi,%%r10\\n vzeroall\\n jmp *%%r11"
                        :: "r"(data + 3840), "r"(code) : "memory");
                return seen == SIGILL ? '.' : 'x';
            }
            int main(void) {
                stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
                struct sigaction a = {.sa_handler = trap, .sa_flags = SA_NODEFER | SA_ONSTACK};
                int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};
                unsigned char *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                sigaltstack(&s, 0);
                for (int k = 0; k < 5; k++) sigaction(signals[k], &a, 0);
                for (int k = 0; k < 3 * 4 * 2 * 2 * 256 * 2; k++) {
                    static char r[17];
                    for (int n = 0; n < 16; n++)
                        r[n] = outcome(code, (k >> 13) + 1, k >> 11 & 3, k >> 10 & 1, k >> 9 & 1, k >> 1 & 255, k & 1, n >> 1, n & 1);
                    if (strchr(r, 'x'))
                        printf("%d %d %d %d %02x %c %s\\n", (k >> 13) + 1, k >> 11 & 3, k >> 10 & 1, k >> 9 & 1, k >> 1 & 255, k & 1 ? 'r' : 'm', r);
                }
                return 0;
            }
            """;
}
