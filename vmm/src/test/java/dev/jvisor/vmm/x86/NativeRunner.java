package dev.jvisor.vmm.x86;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The host's processor as judge of integer code: a C program that puts code and data at the addresses the software CPU has them at, loads
 * all registers, runs the code, and tells what it left. Record: 16 registers, RFLAGS, vector plus 1 or 0, {@link #DATA_SIZE} bytes of data at
 * {@link #DATA}, then 8 bytes of length and {@link #CODE_SIZE} bytes of code at {@link #CODE}.
 */
final class NativeRunner {
    static final long DATA = 0x2000000;
    static final long CODE = 0x2100000;
    static final int DATA_SIZE = 512;
    static final int CODE_SIZE = 128;
    static final int RECORD = 16 * 8 + 8 + 8 + DATA_SIZE + 8 + CODE_SIZE;

    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <setjmp.h>
            #include <signal.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <ucontext.h>
            struct { unsigned long r[16], flags, vector; unsigned char data[512]; unsigned long length; unsigned char code[128]; } s;
            unsigned long host_rsp, leave_at;
            static sigjmp_buf back;
            void leave(void);
            __asm__(".text\\n"
            "enter: push %rbx\\n push %rbp\\n push %r12\\n push %r13\\n push %r14\\n push %r15\\n mov %rsp,host_rsp(%rip)\\n"
            "pushq s+128(%rip)\\n popfq\\n"
            "mov s(%rip),%rax\\n mov s+8(%rip),%rcx\\n mov s+16(%rip),%rdx\\n mov s+24(%rip),%rbx\\n mov s+32(%rip),%rsp\\n mov s+40(%rip),%rbp\\n"
            "mov s+48(%rip),%rsi\\n mov s+56(%rip),%rdi\\n mov s+64(%rip),%r8\\n mov s+72(%rip),%r9\\n mov s+80(%rip),%r10\\n mov s+88(%rip),%r11\\n"
            "mov s+96(%rip),%r12\\n mov s+104(%rip),%r13\\n mov s+112(%rip),%r14\\n mov s+120(%rip),%r15\\n jmp *code_at(%rip)\\n"
            "leave: mov %rax,s(%rip)\\n mov %rcx,s+8(%rip)\\n mov %rdx,s+16(%rip)\\n mov %rbx,s+24(%rip)\\n mov %rsp,s+32(%rip)\\n mov %rbp,s+40(%rip)\\n"
            "mov %rsi,s+48(%rip)\\n mov %rdi,s+56(%rip)\\n mov %r8,s+64(%rip)\\n mov %r9,s+72(%rip)\\n mov %r10,s+80(%rip)\\n mov %r11,s+88(%rip)\\n"
            "mov %r12,s+96(%rip)\\n mov %r13,s+104(%rip)\\n mov %r14,s+112(%rip)\\n mov %r15,s+120(%rip)\\n"
            "mov host_rsp(%rip),%rsp\\n pushfq\\n popq s+128(%rip)\\n cld\\n"
            "pop %r15\\n pop %r14\\n pop %r13\\n pop %r12\\n pop %rbp\\n pop %rbx\\n ret\\n"
            ".data\\n code_at: .quad 0x2100000\\n .text\\n");
            extern void enter(void);
            static void trap(int sig, siginfo_t *info, void *context) {
                static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
                greg_t *g = ((ucontext_t *) context)->uc_mcontext.gregs;
                for (int k = 0; k < 16; k++) s.r[k] = g[order[k]];
                s.flags = g[REG_EFL] & ~0x10000;
                s.vector = g[REG_TRAPNO] + 1;
                siglongjmp(back, 1);
            }
            int main(void) {
                static char alt[65536];
                stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
                sigaltstack(&st, 0);
                struct sigaction a = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
                sigaction(SIGFPE, &a, 0); sigaction(SIGILL, &a, 0); sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0); sigaction(SIGTRAP, &a, 0);
                unsigned char *data = mmap((void *) 0x2000000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
                unsigned char *code = mmap((void *) 0x2100000, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
                while (fread(&s, sizeof s, 1, stdin) == 1) {
                    memcpy(data, s.data, sizeof s.data);
                    memcpy(code, s.code, s.length);
                    unsigned long to = (unsigned long) leave;
                    memcpy(code + s.length, "\\xff\\x25\\0\\0\\0\\0", 6);
                    memcpy(code + s.length + 6, &to, 8);
                    s.vector = 0;
                    if (!sigsetjmp(back, 1)) enter();
                    memcpy(s.data, data, sizeof s.data);
                    fwrite(&s, sizeof s, 1, stdout);
                }
                return 0;
            }
            """;

    private final Path program;

    /** Compiles the program. @param dir a directory for it */
    NativeRunner(Path dir) throws IOException, InterruptedException {
        Path source = dir.resolve("runner.c");
        program = dir.resolve("runner");
        Files.writeString(source, SOURCE);
        Process gcc = new ProcessBuilder("gcc", "-O1", "-fcf-protection=none", "-o", program.toString(), source.toString()).redirectErrorStream(true).start();
        String messages = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (gcc.waitFor() != 0) {
            throw new IOException("gcc failed:\n" + messages);
        }
    }

    static ByteBuffer record() {
        return ByteBuffer.allocate(RECORD).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Runs each record. {@return what each left} */
    List<ByteBuffer> run(List<ByteBuffer> records) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(program.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Thread feeder = new Thread(() -> {
            try (OutputStream out = new BufferedOutputStream(p.getOutputStream(), 1 << 16)) {
                for (ByteBuffer b : records) {
                    out.write(b.array());
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }, "native-input");
        feeder.start();
        byte[] all = p.getInputStream().readAllBytes();
        feeder.join();
        if (p.waitFor() != 0 || all.length != records.size() * RECORD) {
            throw new IOException("native runner ended with " + p.exitValue() + " after " + all.length / RECORD + " of " + records.size());
        }
        List<ByteBuffer> results = new ArrayList<>();
        for (int k = 0; k < records.size(); k++) {
            ByteBuffer b = record();
            b.put(0, all, k * RECORD, RECORD);
            results.add(b);
        }
        return results;
    }
}
