package dev.jvisor.vmm.x86.simd;

import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The host's processor as judge: a C program, generated and compiled for a list of instructions in AT&amp;T syntax, that executes each on
 * {@link MachineState}s from its standard input. RSI and RDI point to the state's memory. Exceptions come back as vectors.
 */
final class NativeOracle {
    private final Path program;
    private final List<byte[]> encodings = new ArrayList<>();

    private NativeOracle(Path program) {
        this.program = program;
    }

    /** {@return whether there is a compiler and the right kind of processor} */
    static boolean available() {
        return System.getProperty("os.arch").equals("amd64") && System.getProperty("os.name").equals("Linux") && exists("gcc");
    }

    /** {@return whether the host's processor has all of these features, named as Linux names them} */
    static boolean has(String... features) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
            if (line.startsWith("flags")) {
                return List.of(line.split("\\s+")).containsAll(List.of(features));
            }
        }
        return false;
    }

    private static boolean exists(String command) {
        for (String d : System.getenv().getOrDefault("PATH", "").split(":")) {
            if (Files.isExecutable(Path.of(d, command))) {
                return true;
            }
        }
        return false;
    }

    /** Compiles the program. @param dir a directory for it */
    static NativeOracle build(Path dir, List<String> instructions) throws IOException, InterruptedException {
        Path source = dir.resolve("oracle.c");
        Files.writeString(source, source(instructions));
        Path program = dir.resolve("oracle");
        Process gcc = new ProcessBuilder("gcc", "-O0", "-o", program.toString(), source.toString()).redirectErrorStream(true).start();
        String messages = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (gcc.waitFor() != 0) {
            throw new IOException("gcc failed:\n" + messages);
        }
        NativeOracle o = new NativeOracle(program);
        Process dump = new ProcessBuilder(program.toString(), "bytes").start();
        for (String line : new String(dump.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
            byte[] b = new byte[line.length() / 2];
            for (int k = 0; k < b.length; k++) {
                b[k] = (byte) Integer.parseInt(line.substring(2 * k, 2 * k + 2), 16);
            }
            o.encodings.add(b);
        }
        return o;
    }

    /** {@return the machine code of an instruction} */
    byte[] encoding(int instruction) {
        return encodings.get(instruction);
    }

    /** Executes instruction {@code which[k]} on state {@code k}, for all k. {@return the states it left} */
    List<MachineState> execute(int[] which, List<MachineState> states) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(program.toString(), "run").redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Thread feeder = new Thread(() -> {
            try (DataOutputStream out = new DataOutputStream(new java.io.BufferedOutputStream(p.getOutputStream(), 1 << 16))) {
                for (int k = 0; k < which.length; k++) {
                    out.writeInt(Integer.reverseBytes(which[k]));
                    out.write(states.get(k).bytes.array());
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }, "oracle-input");
        feeder.start();
        byte[] all = p.getInputStream().readAllBytes();
        feeder.join();
        if (p.waitFor() != 0 || all.length != which.length * MachineState.SIZE) {
            throw new IOException("oracle ended with " + p.exitValue() + " after " + all.length / MachineState.SIZE + " of " + which.length);
        }
        List<MachineState> results = new ArrayList<>();
        for (int k = 0; k < which.length; k++) {
            MachineState m = new MachineState();
            m.bytes.put(0, all, k * MachineState.SIZE, MachineState.SIZE);
            results.add(m);
        }
        return results;
    }

    private static String source(List<String> instructions) {
        StringBuilder s = new StringBuilder("""
                #define _GNU_SOURCE
                #include <setjmp.h>
                #include <signal.h>
                #include <stdio.h>
                #include <string.h>
                #include <ucontext.h>
                static unsigned char state[192] __attribute__((aligned(64)));
                static sigjmp_buf back;
                static void trap(int sig, siginfo_t *info, void *context) {
                    struct _libc_fpstate *f = ((ucontext_t *) context)->uc_mcontext.fpregs;
                    greg_t *g = ((ucontext_t *) context)->uc_mcontext.gregs;
                    int vector = sig == SIGFPE ? 19 : sig == SIGILL ? 6 : 13;
                    memcpy(state, f->_xmm, 64);
                    memcpy(state + 128, f->_st[0].significand, 8);
                    memcpy(state + 136, f->_st[1].significand, 8);
                    memcpy(state + 144, &g[REG_RAX], 8);
                    memcpy(state + 152, &g[REG_RCX], 8);
                    memcpy(state + 160, &g[REG_RDX], 8);
                    g[REG_EFL] &= ~0x10000; /* RF, which the fault itself sets */
                    memcpy(state + 168, &g[REG_EFL], 8);
                    memcpy(state + 176, &f->mxcsr, 4);
                    memcpy(state + 180, &vector, 4);
                    siglongjmp(back, 1);
                }
                """);
        s.append("__asm__(\".text\\n\"\n");
        for (int k = 0; k < instructions.size(); k++) {
            s.append(String.format("\"f%d: push %%rbx\\n mov %%rdi,%%rbx\\n enter_state\\ni%d: %s\\ne%d: leave_state\\n pop %%rbx\\n ret\\n\"\n", k,
                    k, instructions.get(k), k));
        }
        s.append(");\n");
        String asm = s.toString().replace("enter_state", "lea 64(%rbx),%rsi\\n lea 64(%rbx),%rdi\\n ldmxcsr 176(%rbx)\\n movdqu (%rbx),%xmm0\\n"
                + " movdqu 16(%rbx),%xmm1\\n movdqu 32(%rbx),%xmm2\\n movdqu 48(%rbx),%xmm3\\n movq 128(%rbx),%mm0\\n movq 136(%rbx),%mm1\\n"
                + " mov 144(%rbx),%rax\\n mov 152(%rbx),%rcx\\n mov 160(%rbx),%rdx\\n pushq 168(%rbx)\\n popfq")
                .replace("leave_state", "pushfq\\n popq 168(%rbx)\\n mov %rax,144(%rbx)\\n mov %rcx,152(%rbx)\\n mov %rdx,160(%rbx)\\n"
                        + " movdqu %xmm0,(%rbx)\\n movdqu %xmm1,16(%rbx)\\n movdqu %xmm2,32(%rbx)\\n movdqu %xmm3,48(%rbx)\\n"
                        + " movq %mm0,128(%rbx)\\n movq %mm1,136(%rbx)\\n emms\\n stmxcsr 176(%rbx)");
        s = new StringBuilder(asm);
        for (int k = 0; k < instructions.size(); k++) {
            s.append(String.format("extern void f%d(void *); extern unsigned char i%d[], e%d[];%n", k, k, k));
        }
        s.append("static const struct { void (*f)(void *); unsigned char *i, *e; } table[] = {\n");
        for (int k = 0; k < instructions.size(); k++) {
            s.append(String.format("{f%d, i%d, e%d},%n", k, k, k));
        }
        s.append("""
                };
                int main(int argc, char **argv) {
                    int n = sizeof table / sizeof table[0], which, reset = 0x1F80;
                    if (argv[1][0] == 'b') {
                        for (int k = 0; k < n; k++) {
                            for (unsigned char *p = table[k].i; p < table[k].e; p++) printf("%02x", *p);
                            printf("\\n");
                        }
                        return 0;
                    }
                    struct sigaction a = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
                    sigaction(SIGFPE, &a, 0); sigaction(SIGILL, &a, 0); sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0);
                    while (fread(&which, 4, 1, stdin) == 1 && fread(state, 192, 1, stdin) == 1) {
                        if (which < 0 || which >= n) return 1;
                        if (!sigsetjmp(back, 1)) table[which].f(state);
                        __asm__ volatile("emms; ldmxcsr %0" :: "m"(reset));
                        fwrite(state, 192, 1, stdout);
                    }
                    return 0;
                }
                """);
        return s.toString();
    }
}
