package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.simd.Inputs.Kind;
import java.util.ArrayList;
import java.util.List;

/** Every instruction form that is compared with the host's processor, in the assembler's AT&amp;T syntax. */
final class InstructionForms {
    /** One instruction and what its operands are. */
    record Form(String text, Kind kind) { }

    private final List<Form> all = new ArrayList<>();

    private void add(Kind kind, String... texts) {
        for (String t : texts) {
            all.add(new Form(t, kind));
        }
    }

    /** XMM with register and memory source. */
    private void xmm(Kind kind, String names) {
        for (String n : names.split(" ")) {
            add(kind, n + " %xmm1,%xmm0", n + " (%rsi),%xmm0", n + " %xmm0,%xmm0");
        }
    }

    private void xmmImm(Kind kind, String names, int... imms) {
        for (String n : names.split(" ")) {
            for (int imm : imms) {
                add(kind, n + " $" + imm + ",%xmm1,%xmm0", n + " $" + imm + ",(%rsi),%xmm0");
            }
        }
    }

    private void mmx(String names) {
        for (String n : names.split(" ")) {
            add(Kind.INTEGER, n + " %mm1,%mm0", n + " (%rsi),%mm0");
        }
    }

    private void both(String names) {
        xmm(Kind.INTEGER, names);
        mmx(names);
    }

    private void each(Kind kind, String names, String... operands) {
        for (String n : names.split(" ")) {
            for (String o : operands) {
                add(kind, n + " " + o);
            }
        }
    }

    /** Moves, logic, packed integers, shuffles. */
    static List<Form> integer() {
        InstructionForms f = new InstructionForms();
        f.both("paddb paddw paddd paddq psubb psubw psubd psubq paddusb paddusw paddsb paddsw psubusb psubusw psubsb psubsw");
        f.both("pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd pminub pmaxub pminsw pmaxsw pavgb pavgw pand pandn por pxor");
        f.both("psignb psignw psignd pabsb pabsw pabsd pmullw pmulhw pmulhuw pmulhrsw pmaddwd pmaddubsw pmuludq psadbw");
        f.both("psrlw psraw psllw psrld psrad pslld psrlq psllq phaddw phaddd phaddsw phsubw phsubd phsubsw");
        f.both("punpcklbw punpcklwd punpckldq punpckhbw punpckhwd punpckhdq packsswb packuswb packssdw pshufb");
        f.xmm(Kind.INTEGER, "punpcklqdq punpckhqdq unpcklps unpckhps unpcklpd unpckhpd packusdw andps andpd andnps andnpd orps orpd xorps xorpd");
        f.xmm(Kind.INTEGER, "pmuldq pcmpeqq pcmpgtq pminsb pminsd pminuw pminud pmaxsb pmaxsd pmaxuw pmaxud pmulld ptest phminposuw");
        f.xmm(Kind.INTEGER, "pblendvb blendvps blendvpd movddup movsldup movshdup");
        f.xmm(Kind.INTEGER, "pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq pmovzxbw pmovzxbd pmovzxbq pmovzxwd pmovzxwq pmovzxdq");
        f.xmmImm(Kind.INTEGER, "pshufd pshufhw pshuflw shufps shufpd blendps blendpd pblendw insertps mpsadbw", 0, 0x1B, 0x4E, 0xE4, 0xB1, 0xFF,
                0x93, 0x27);
        f.xmmImm(Kind.INTEGER, "palignr", 0, 1, 5, 8, 15, 16, 17, 24, 31, 32, 200);
        for (int n : new int[] {0, 1, 7, 8, 9, 15, 16, 200}) {
            f.add(Kind.INTEGER, "palignr $" + n + ",%mm1,%mm0", "pshufw $" + n + ",%mm1,%mm0", "pshufw $" + n + ",(%rsi),%mm0");
        }
        for (int n : new int[] {0, 1, 5, 8, 15, 16, 31, 32, 33, 63, 64, 255}) {
            f.each(Kind.INTEGER, "psrlw psraw psllw psrld psrad pslld psrlq psllq", "$" + n + ",%xmm0", "$" + n + ",%mm0");
            f.each(Kind.INTEGER, "psrldq pslldq", "$" + n + ",%xmm0");
        }
        f.each(Kind.INTEGER, "movaps movups movdqa movdqu movapd movupd", "%xmm1,%xmm0", "(%rsi),%xmm0", "%xmm0,(%rsi)");
        f.each(Kind.INTEGER, "movups movdqu movupd lddqu", "3(%rsi),%xmm0");
        f.each(Kind.INTEGER, "movups movdqu movupd", "%xmm0,5(%rsi)");
        f.each(Kind.INTEGER, "movaps movdqa paddb movntdqa pshufb", "8(%rsi),%xmm0");
        f.each(Kind.INTEGER, "movntps movntpd movntdq movaps", "%xmm0,(%rsi)", "%xmm0,4(%rsi)");
        f.each(Kind.INTEGER, "movntdqa lddqu", "(%rsi),%xmm0");
        f.each(Kind.INTEGER, "movss movsd", "%xmm1,%xmm0", "(%rsi),%xmm0", "3(%rsi),%xmm0", "%xmm0,(%rsi)", "%xmm0,7(%rsi)");
        f.each(Kind.INTEGER, "movq", "%xmm1,%xmm0", "(%rsi),%xmm0", "%xmm0,9(%rsi)", "%mm1,%mm0", "(%rsi),%mm0", "%mm0,1(%rsi)");
        f.each(Kind.INTEGER, "movlps movhps movlpd movhpd", "(%rsi),%xmm0", "3(%rsi),%xmm1", "%xmm0,(%rsi)");
        f.each(Kind.INTEGER, "movhlps movlhps", "%xmm1,%xmm0", "%xmm0,%xmm0");
        f.each(Kind.INTEGER, "movd", "%eax,%xmm0", "(%rsi),%xmm0", "%xmm0,%eax", "%xmm0,(%rsi)", "%eax,%mm0", "(%rsi),%mm0", "%mm0,%ecx",
                "%mm0,(%rsi)");
        f.each(Kind.INTEGER, "movq", "%rax,%xmm0", "%xmm0,%rax", "%rax,%mm0", "%mm0,%rcx");
        f.add(Kind.INTEGER, ".byte 0x66,0x48,0x0f,0x6e,0x06", ".byte 0x66,0x48,0x0f,0x7e,0x06");
        f.each(Kind.INTEGER, "movmskps movmskpd pmovmskb", "%xmm1,%eax", "%xmm0,%ecx");
        f.add(Kind.INTEGER, "pmovmskb %mm1,%eax", "movq2dq %mm1,%xmm0", "movdq2q %xmm1,%mm0", "movntq %mm0,(%rsi)", "movnti %eax,2(%rsi)",
                "movnti %rcx,(%rsi)", "maskmovdqu %xmm1,%xmm0", "maskmovq %mm1,%mm0", "emms");
        for (int n = 0; n < 17; n += 3) {
            f.add(Kind.INTEGER, "pinsrw $" + n + ",%eax,%xmm0", "pinsrw $" + n + ",(%rsi),%xmm0", "pinsrw $" + n + ",%eax,%mm0",
                    "pinsrw $" + n + ",2(%rsi),%mm0", "pextrw $" + n + ",%xmm0,%eax", "pextrw $" + n + ",%mm0,%eax", "pextrw $" + n + ",%xmm0,(%rsi)",
                    "pinsrb $" + n + ",%eax,%xmm0", "pinsrb $" + n + ",1(%rsi),%xmm0", "pinsrd $" + n + ",%eax,%xmm0",
                    "pinsrd $" + n + ",4(%rsi),%xmm0", "pinsrq $" + n + ",%rax,%xmm0", "pinsrq $" + n + ",8(%rsi),%xmm0",
                    "pextrb $" + n + ",%xmm0,%eax", "pextrb $" + n + ",%xmm0,3(%rsi)", "pextrd $" + n + ",%xmm0,%eax",
                    "pextrd $" + n + ",%xmm0,(%rsi)", "pextrq $" + n + ",%xmm0,%rax", "pextrq $" + n + ",%xmm0,(%rsi)",
                    "extractps $" + n + ",%xmm0,%eax", "extractps $" + n + ",%xmm0,8(%rsi)");
        }
        return f.all;
    }

    /** Floating point: arithmetic, comparison, conversion. */
    static List<Form> floats() {
        InstructionForms f = new InstructionForms();
        f.xmm(Kind.SINGLE, "addps subps mulps divps sqrtps minps maxps addss subss mulss divss sqrtss minss maxss haddps hsubps addsubps");
        f.xmm(Kind.DOUBLE, "addpd subpd mulpd divpd sqrtpd minpd maxpd addsd subsd mulsd divsd sqrtsd minsd maxsd haddpd hsubpd addsubpd");
        f.xmm(Kind.SINGLE, "ucomiss comiss cvtps2pd cvtss2sd cvtps2dq cvttps2dq");
        f.xmm(Kind.DOUBLE, "ucomisd comisd cvtpd2ps cvtsd2ss cvtpd2dq cvttpd2dq");
        f.xmm(Kind.INTEGER, "cvtdq2ps cvtdq2pd");
        for (int n = 0; n < 16; n++) {
            if (n < 8) {
                f.xmmImm(Kind.SINGLE, "cmpps cmpss", n);
                f.xmmImm(Kind.DOUBLE, "cmppd cmpsd", n);
            }
            f.xmmImm(Kind.SINGLE, "roundps roundss", n);
            f.xmmImm(Kind.DOUBLE, "roundpd roundsd", n);
        }
        f.each(Kind.SINGLE, "cvtss2si cvttss2si", "%xmm1,%eax", "%xmm1,%rax", "(%rsi),%eax", "1(%rsi),%rcx");
        f.each(Kind.DOUBLE, "cvtsd2si cvttsd2si", "%xmm1,%eax", "%xmm1,%rax", "(%rsi),%eax", "(%rsi),%rcx");
        f.each(Kind.INTEGER, "cvtsi2ssl cvtsi2sdl", "%eax,%xmm0", "(%rsi),%xmm0");
        f.each(Kind.INTEGER, "cvtsi2ssq cvtsi2sdq", "%rax,%xmm0", "(%rsi),%xmm0");
        f.each(Kind.DOUBLE, "cvtsi2ssq cvtsi2sdq cvtsi2ssl", "%rax,%xmm0".replace("%rax", "(%rsi)"));
        f.each(Kind.INTEGER, "cvtpi2ps cvtpi2pd", "%mm1,%xmm0", "(%rsi),%xmm0");
        f.each(Kind.SINGLE, "cvtps2pi cvttps2pi", "%xmm1,%mm0", "(%rsi),%mm0");
        f.each(Kind.DOUBLE, "cvtpd2pi cvttpd2pi", "%xmm1,%mm0", "(%rsi),%mm0");
        f.each(Kind.SINGLE, "addps cvtps2dq", "8(%rsi),%xmm0");
        f.each(Kind.SINGLE, "addss cvtps2pd ucomiss", "5(%rsi),%xmm0");
        return f.all;
    }

    /** Dot products. */
    static List<Form> dotProducts() {
        InstructionForms f = new InstructionForms();
        f.xmmImm(Kind.SINGLE, "dpps", 0xFF, 0xF1, 0x31, 0x7F, 0xA5, 0x0F, 0x1F, 0xC8);
        f.xmmImm(Kind.DOUBLE, "dppd", 0x33, 0x31, 0x13, 0x22, 0x03, 0x30);
        return f.all;
    }

    /** String comparison with every immediate. */
    static List<Form> strings() {
        InstructionForms f = new InstructionForms();
        for (int n = 0; n < 128; n++) {
            for (String name : new String[] {"pcmpestrm", "pcmpestri", "pcmpistrm", "pcmpistri"}) {
                f.add(Kind.TEXT, name + " $" + n + ",%xmm1,%xmm2");
            }
            f.add(Kind.TEXT, "pcmpistri $" + n + ",3(%rsi),%xmm0", "pcmpestriq $" + n + ",(%rsi),%xmm0", "pcmpestrm $" + n + ",(%rsi),%xmm0");
        }
        return f.all;
    }

    /** AES, PCLMULQDQ, SHA. */
    static List<Form> crypto() {
        InstructionForms f = new InstructionForms();
        f.xmm(Kind.INTEGER, "aesenc aesenclast aesdec aesdeclast aesimc");
        f.xmm(Kind.INTEGER, "sha1nexte sha1msg1 sha1msg2 sha256msg1 sha256msg2");
        f.add(Kind.INTEGER, "sha256rnds2 %xmm0,%xmm1,%xmm2", "sha256rnds2 %xmm0,(%rsi),%xmm1", "sha256rnds2 %xmm0,%xmm1,%xmm0");
        f.xmmImm(Kind.INTEGER, "aeskeygenassist", 0, 1, 0x1B, 0xFF);
        f.xmmImm(Kind.INTEGER, "sha1rnds4", 0, 1, 2, 3);
        f.xmmImm(Kind.INTEGER, "pclmulqdq", 0, 1, 0x10, 0x11, 0xFF);
        return f.all;
    }
}
