package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.kvm_regs;
import java.lang.foreign.MemorySegment;

/** View of {@code struct kvm_regs}: general registers by x86 encoding number (RAX 0, RCX 1, RDX 2, RBX 3, RSP 4 … R15 15), RIP, RFLAGS. */
public final class KvmRegs {
    private static final long RIP = kvm_regs.rip$offset();
    private static final long RFLAGS = kvm_regs.rflags$offset();
    private static final long[] GPR = {
        kvm_regs.rax$offset(), kvm_regs.rcx$offset(), kvm_regs.rdx$offset(), kvm_regs.rbx$offset(),
        kvm_regs.rsp$offset(), kvm_regs.rbp$offset(), kvm_regs.rsi$offset(), kvm_regs.rdi$offset(),
        kvm_regs.r8$offset(), kvm_regs.r9$offset(), kvm_regs.r10$offset(), kvm_regs.r11$offset(),
        kvm_regs.r12$offset(), kvm_regs.r13$offset(), kvm_regs.r14$offset(), kvm_regs.r15$offset(),
    };

    final MemorySegment segment;

    KvmRegs(MemorySegment segment) {
        this.segment = segment;
    }

    /** {@return the general register of that encoding number, 0 to 15} */
    public long gpr(int number) {
        return segment.get(JAVA_LONG, GPR[number]);
    }

    /** Sets the general register of that encoding number, 0 to 15. */
    public void gpr(int number, long value) {
        segment.set(JAVA_LONG, GPR[number], value);
    }

    /** {@return RIP} */
    public long rip() {
        return segment.get(JAVA_LONG, RIP);
    }

    /** Sets RIP. */
    public void rip(long value) {
        segment.set(JAVA_LONG, RIP, value);
    }

    /** {@return RFLAGS} */
    public long rflags() {
        return segment.get(JAVA_LONG, RFLAGS);
    }

    /** Sets RFLAGS. */
    public void rflags(long value) {
        segment.set(JAVA_LONG, RFLAGS, value);
    }
}
