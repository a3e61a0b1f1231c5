package dev.jvisor.vmm.hyperv;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;

/** Writes the machine code of small 64-bit guests, instruction by instruction. Addresses are below 2 GiB. */
final class SmallCode {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    byte[] bytes() {
        return out.toByteArray();
    }

    int here() {
        return out.size();
    }

    SmallCode raw(String hex) {
        out.writeBytes(HexFormat.of().parseHex(hex.replace(" ", "")));
        return this;
    }

    SmallCode u32(long v) {
        for (int i = 0; i < 4; i++) {
            out.write((int) (v >>> 8 * i));
        }
        return this;
    }

    SmallCode u64(long v) {
        return u32(v).u32(v >>> 32);
    }

    /** WRMSR of a constant; changes RAX, RCX, RDX. */
    SmallCode wrmsr(int msr, long value) {
        return raw("b9").u32(msr).raw("b8").u32(value).raw("ba").u32(value >>> 32).raw("0f30");
    }

    /** RDMSR into RAX, whole. */
    SmallCode rdmsr(int msr) {
        return raw("b9").u32(msr).raw("0f32 48c1e220 4809d0");
    }

    /** Hands EAX to the host: OUT 99h, EAX. */
    SmallCode report() {
        return raw("e799");
    }

    /** MOV EAX, [address]. */
    SmallCode load(long address) {
        return raw("8b0425").u32(address);
    }

    /** Calls the page; the result is in RAX. */
    SmallCode hypercall(long page, long control, long in) {
        return raw("48b9").u64(control).raw("48ba").u64(in).raw("4531c0").raw("48b8").u64(page).raw("ffd0");
    }

    /** Halts until the 32-bit word at {@code address} is at least {@code value}; interrupts are on after it. */
    SmallCode waitFor(long address, int value) {
        // cli; cmp dword [address], value; jae +4; sti; hlt; jmp back; sti
        return raw("fa 813c25").u32(address).u32(value).raw("7304 fb f4 ebee fb");
    }
}
