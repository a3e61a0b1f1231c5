package dev.jvisor.vmm.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Integer instructions in the assembler's Intel syntax, with the flags each leaves undefined. RSI and RDI point to memory, R9 is 0 to 15,
 * RSP points to a stack; the other registers are anything.
 */
final class IntegerForms {
    static final int CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 0x800;
    private static final String[][] REGISTERS = {
        {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh", "r8b", "r10b", "r15b", "bpl"},
        {"ax", "cx", "dx", "bx", "bp", "r8w", "r10w", "r15w"},
        {"eax", "ecx", "edx", "ebx", "ebp", "r8d", "r10d", "r15d"},
        {"rax", "rcx", "rdx", "rbx", "rbp", "r8", "r10", "r15"}};
    private static final String[] POINTERS = {"byte ptr ", "word ptr ", "dword ptr ", "qword ptr "};
    private static final String[] PLACES = {"[rsi]", "[rsi+8]", "[rdi+r9*2+3]", "[rsi+r9]", "[rsi+r9*8]", "[rsi-16]", "[edi+5]", "[esi+r9d*4]"};
    static final String[] CONDITIONS = {"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"};

    /** @param undefined flags not to be compared */
    record Form(String text, int undefined) { }

    private final SplittableRandom random;
    private final List<Form> all = new ArrayList<>();

    IntegerForms(long seed) {
        random = new SplittableRandom(seed);
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    private String reg(int log) {
        return pick(REGISTERS[log]);
    }

    /** A register that does not clash with REX when the other is AH to BH. */
    private String low(int log) {
        return log == 0 ? REGISTERS[0][random.nextInt(4)] : reg(log);
    }

    private String mem(int log) {
        return POINTERS[log] + pick(PLACES);
    }

    private String place() {
        return pick(PLACES);
    }

    private long immediate(int log) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(-128, 128);
            case 1 -> new int[] {0, 1, -1, 127, -128}[random.nextInt(5)];
            default -> log == 0 ? random.nextInt(-128, 128) : log == 1 ? random.nextInt(-32768, 32768) : random.nextInt();
        };
    }

    private void add(int undefined, String text) {
        all.add(new Form(text, undefined));
    }

    private String lowOrHigh(int log) {
        return log == 0 ? REGISTERS[0][random.nextInt(8)] : reg(log);
    }

    /** Two operands as ADD has them. */
    private String pair(int log) {
        return switch (random.nextInt(6)) {
            case 0 -> lowOrHigh(log) + "," + lowOrHigh(log);
            case 1 -> lowOrHigh(log) + "," + POINTERS[log] + (log == 0 ? "[rsi+8]" : place());
            case 2 -> POINTERS[log] + (log == 0 ? "[rdi+1]" : place()) + "," + lowOrHigh(log);
            case 3 -> mem(log) + "," + immediate(log);
            case 4 -> (log == 0 ? "al" : log == 1 ? "ax" : log == 2 ? "eax" : "rax") + "," + immediate(log);
            default -> reg(log) + "," + immediate(log);
        };
    }

    private String rm(int log) {
        return random.nextInt(3) == 0 ? mem(log) : reg(log);
    }

    /** {@return one instruction whose flags are all defined} */
    Form defined() {
        int log = random.nextInt(4);
        switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4 -> add(0, pick("add", "sub", "adc", "sbb", "cmp") + " " + pair(log));
            case 5 -> add(AF, pick("and", "or", "xor", "test") + " " + pair(log).replaceFirst("^(\\w+),(\\w+ ptr .*)", "$2,$1"));
            case 6 -> add(0, pick("inc", "dec", "neg", "not") + " " + rm(log));
            case 7 -> add(0, "mov " + pair(log));
            case 8 -> add(0, pick("movzx", "movsx") + " " + reg(Math.max(log, 1)) + ","
                    + (random.nextBoolean() ? mem(log > 1 ? random.nextInt(2) : 0) : low(log > 1 ? random.nextInt(2) : 0)));
            case 9 -> add(0, "set" + pick(CONDITIONS) + " " + rm(0));
            case 10 -> add(0, "cmov" + pick(CONDITIONS) + " " + reg(Math.max(log, 1)) + "," + rm(Math.max(log, 1)));
            case 11 -> add(0, "lea " + reg(Math.max(log, 1)) + "," + pick("[rax+rbx*4+0x1234]", "[rbp-8]", "[r15+r15*8]", "[ecx+edx*2-1]", "[rcx*8+5]"));
            case 12 -> add(0, pick("push rax;pop rbp", "push -5;pop rcx", "pushw ax;popw dx", "push qword ptr [rsi];pop qword ptr [rsi+8]",
                    "pop qword ptr [rsp+8]", "push rsp;pop rdx", "pop rsp;lea rsp,[rdi+100]", "enter 32,0;leave", "lea rbp,[rsp-8];enter 16,3", "pushfq;pop rax"));
            case 13 -> add(0, pick("cbw", "cwde", "cdqe", "cwd", "cdq", "cqo", "lahf", "sahf", "clc", "stc", "cmc", "nop",
                    "bswap eax", "bswap r10"));
            case 14 -> add(0, pick("movsb", "movsw", "movsd", "movsq", "stosb", "stosw", "stosd", "stosq", "lodsb", "lodsw", "lodsd", "lodsq", "scasb",
                    "scasw", "scasd", "scasq", "cmpsb", "cmpsw", "cmpsd", "cmpsq"));
            default -> add(0, pick("xchg", "xadd") + " " + (random.nextBoolean() ? low(log) : mem(log)) + "," + low(log));
        }
        return all.removeLast();
    }

    /** {@return every form once, each with random operands} */
    List<Form> each() {
        for (int log = 0; log < 4; log++) {
            for (String n : new String[] {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "test", "mov"}) {
                int undefined = n.equals("and") || n.equals("or") || n.equals("xor") || n.equals("test") ? AF : 0;
                String suffixSource = n.equals("test") ? "," + lowOrHigh(log) : null;
                add(undefined, n + " " + lowOrHigh(log) + "," + lowOrHigh(log));
                add(undefined, n + " " + reg(log) + "," + immediate(log));
                add(undefined, n + " " + (log == 0 ? "al" : log == 1 ? "ax" : log == 2 ? "eax" : "rax") + "," + immediate(log));
                add(undefined, n + " " + POINTERS[log] + "[rsi+8]" + (suffixSource != null ? suffixSource : "," + lowOrHigh(log)));
                add(undefined, n + " " + mem(log) + "," + immediate(log));
                if (!n.equals("test")) {
                    add(undefined, n + " " + lowOrHigh(log) + "," + POINTERS[log] + "[rdi+3]");
                }
                if (!n.equals("cmp") && !n.equals("test") && !n.equals("mov")) {
                    add(undefined, "lock " + n + " " + mem(log) + "," + low(log));
                    add(undefined, "lock " + n + " " + mem(log) + "," + immediate(log));
                }
            }
            for (String n : new String[] {"inc", "dec", "neg", "not"}) {
                add(0, n + " " + lowOrHigh(log));
                add(0, n + " " + mem(log));
                add(0, "lock " + n + " " + mem(log));
            }
            for (String n : new String[] {"rol", "ror", "rcl", "rcr", "shl", "shr", "sar"}) {
                boolean rotate = n.charAt(0) == 'r';
                for (String count : new String[] {"1", "cl", "3", "" + random.nextInt(64), "" + (8 << log), "0"}) {
                    int undefined = (rotate ? 0 : AF) | (count.equals("1") ? 0 : OF);
                    if (!rotate && log < 2) {
                        undefined |= CF;
                    }
                    add(undefined, n + " " + lowOrHigh(log) + "," + count);
                    add(undefined, n + " " + mem(log) + "," + count);
                }
            }
            add(ZF | SF | AF | PF, "mul " + rm(log));
            add(ZF | SF | AF | PF, "mul " + lowOrHigh(log));
            add(ZF | SF | AF | PF, "imul " + rm(log));
            add(0x8D5, "div " + rm(log));
            add(0x8D5, "div " + reg(log));
            add(0x8D5, "idiv " + rm(log));
            add(0x8D5, "idiv " + reg(log));
            add(0, "xchg " + lowOrHigh(log) + "," + lowOrHigh(log));
            add(0, "xchg " + mem(log) + "," + low(log));
            add(0, "xadd " + lowOrHigh(log) + "," + lowOrHigh(log));
            add(0, "xadd " + mem(log) + "," + low(log));
            add(0, "lock xadd " + mem(log) + "," + low(log));
            add(0, "cmpxchg " + lowOrHigh(log) + "," + lowOrHigh(log));
            add(0, "cmpxchg " + mem(log) + "," + low(log));
            add(0, "lock cmpxchg " + mem(log) + "," + low(log));
            add(0, "mov " + reg(log) + "," + mem(log) + ";lock cmpxchg " + mem(log) + "," + low(log));
        }
        for (int log = 1; log < 4; log++) {
            int notCf = OF | SF | AF | PF;
            for (String n : new String[] {"bt", "bts", "btr", "btc"}) {
                add(notCf, n + " " + reg(log) + "," + reg(log));
                add(notCf, n + " " + reg(log) + "," + random.nextInt(64));
                add(notCf, n + " " + mem(log) + "," + random.nextInt(64));
                add(notCf, "movsx " + new String[] {"", "ax", "eax", "rax"}[log] + ",al;" + n + " " + POINTERS[log] + "[rsi+16],"
                        + new String[] {"", "ax", "eax", "rax"}[log]);
                if (n.length() > 2) {
                    add(notCf, "lock " + n + " " + mem(log) + "," + random.nextInt(64));
                }
            }
            add(notCf | CF, "bsf " + reg(log) + "," + rm(log));
            add(notCf | CF, "bsr " + reg(log) + "," + rm(log));
            add(notCf, "tzcnt " + reg(log) + "," + rm(log));
            add(notCf, "lzcnt " + reg(log) + "," + rm(log));
            add(0, "popcnt " + reg(log) + "," + rm(log));
            add(0, "movbe " + reg(log) + "," + POINTERS[log] + "[rsi+4]");
            add(0, "movbe " + POINTERS[log] + "[rsi+4]," + reg(log));
            add(ZF | SF | AF | PF, "imul " + reg(log) + "," + rm(log));
            add(ZF | SF | AF | PF, "imul " + reg(log) + "," + rm(log) + "," + immediate(log));
            add(ZF | SF | AF | PF, "imul " + reg(log) + "," + rm(log) + "," + immediate(0));
            for (String n : new String[] {"shld", "shrd"}) {
                for (String count : new String[] {"1", "5", "cl", "" + random.nextInt(16)}) {
                    int undefined = AF | (count.equals("1") ? 0 : OF);
                    if (log == 1 && count.equals("cl")) {
                        continue;
                    }
                    add(undefined, n + " " + reg(log) + "," + reg(log) + "," + count);
                    add(undefined, n + " " + mem(log) + "," + reg(log) + "," + count);
                }
            }
            for (int from = 0; from < log && from < 2; from++) {
                add(0, "movzx " + reg(log) + "," + rm(from));
                add(0, "movsx " + reg(log) + "," + rm(from));
                add(0, "movsx " + reg(log) + "," + mem(from));
                add(0, "movzx " + reg(log) + "," + mem(from));
            }
            if (log > 1) {
                add(0, "movzx " + REGISTERS[log][random.nextInt(4)].replace('r', 'e').replaceFirst("^r", "e") + ",bh");
                add(0, "movsx edx,ch");
            }
            for (String c : CONDITIONS) {
                add(0, "cmov" + c + " " + reg(log) + "," + rm(log));
            }
        }
        add(0, "movsxd rax,ecx");
        add(0, "movsxd rcx,dword ptr [rsi+4]");
        for (String c : CONDITIONS) {
            add(0, "set" + c + " " + rm(0));
            add(0, "set" + c + " dh");
            add(0, "j" + c + " 1f;inc rax;1: nop");
            add(0, "cmp ecx,edx;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "cmp rcx," + immediate(2) + ";j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "cmp byte ptr [rsi],dl;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(AF, "test ebx,edx;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(AF, "test word ptr [rsi],0x8001;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "sub rcx,rdx;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "add cx,dx;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(AF, "and bl,dl;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "dec ebx;j" + c + " 1f;lea rax,[rax+1];1: nop");
            add(0, "neg r10;j" + c + " 1f;lea rax,[rax+1];1: nop");
        }
        for (String s : new String[] {"crc32 eax,cl", "crc32 eax,cx", "crc32 eax,ecx", "crc32 rax,rcx", "crc32 edx,byte ptr [rsi]", "crc32 rdx,qword ptr [rsi]",
            "adcx eax,ecx", "adcx rax,qword ptr [rsi]", "adox eax,ecx", "adox rax,rbx", "mov rbx,rsi;xlat",
            "cmpxchg8b [rsi]", "lock cmpxchg8b [rsi+8]", "mov eax,[rsi];mov edx,[rsi+4];lock cmpxchg8b [rsi]", "lea rcx,[rsi];and rcx,-16;cmpxchg16b [rcx]",
            "mov rax,[rsi];mov rdx,[rsi+8];lock cmpxchg16b [rsi]", "cmpxchg16b [rsi+8]", "movnti [rsi],rax", "movnti [rsi+4],ecx",
            "mov ecx,5;rep movsb", "mov ecx,5;rep movsq", "mov ecx,9;lea rsi,[rdi-1];rep movsb", "mov ecx,9;lea rsi,[rdi-3];rep movsd",
            "mov ecx,5;lea rsi,[rdi+2];rep movsw", "mov ecx,7;std;rep movsb;cld", "mov ecx,0;rep movsd", "mov ecx,40;rep stosb", "mov ecx,9;rep stosw",
            "mov ecx,9;rep stosd", "mov ecx,9;rep stosq", "mov ecx,9;std;rep stosd;cld", "mov ecx,6;rep lodsw", "mov ecx,30;xor eax,eax;repne scasb",
            "mov ecx,30;mov al,[rdi+7];repne scasb", "mov ecx,9;mov eax,[rdi];repe scasd", "mov ecx,30;lea rsi,[rdi];repe cmpsb", "mov ecx,9;repe cmpsd",
            "mov ecx,9;repne cmpsq", "mov ecx,1;repne cmpsw", "jrcxz 1f;inc rax;1: nop", "xor ecx,ecx;jrcxz 1f;inc rax;1: nop", "mov ecx,3;1: inc rax;loop 1b",
            "mov ecx,3;1: dec dl;loopne 1b", "mov ecx,3;1: cmp al,al;loope 1b", "jecxz 1f;inc rax;1: nop", "call 1f;inc rax;1: pop rdx;sub rdx,rsp",
            "lea rdx,[rip+1f];jmp rdx;inc rax;1: xor edx,edx", "lea rdx,[rip+1f];push rdx;ret;inc rax;1: xor edx,edx", "lea rdx,[rip+1f];push rdx;push rdx;ret 8;1: xor edx,edx",
            "lea rdx,[rip+1f];mov [rsi],rdx;call [rsi];inc rax;1: pop rbx;sub rdx,rbx;mov [rsi],rdx;xor ebx,ebx;mov [rsp-8],rbx", "nop dword ptr [rax+rax]",
            "prefetcht0 [rsi]", "lfence", "mfence", "sfence", "pause", "clflush [rsi]", "endbr64", "ud2", "nop",
            "pushfq;or dword ptr [rsp],0x400;popfq;cld", "std;lodsd;cld", "std;stosb;cld", "std;movsq;cld", "std;cmpsw;cld"}) {
            add(0, s);
        }
        for (String s : new String[] {"andn eax,ecx,edx", "andn rax,rcx,qword ptr [rsi]"}) {
            add(AF | PF, s);
        }
        for (String s : new String[] {"blsr eax,ecx", "blsr rbx,rdx", "blsi eax,dword ptr [rsi]", "blsi r10,r15", "blsmsk ecx,edx", "blsmsk rax,rbx", "bzhi eax,ecx,edx",
            "bzhi rax,rbx,rcx", "bzhi rax,rbx,r9"}) {
            add(AF | PF, s);
        }
        add(AF | PF | SF, "bextr eax,ebx,ecx");
        add(AF | PF | SF, "bextr rax,rbx,rcx");
        add(AF | PF | SF, "movzx ecx,cx;and ecx,0x1f1f;bextr rax,qword ptr [rsi],rcx");
        for (String s : new String[] {"mulx eax,ecx,ebx", "mulx rax,rcx,qword ptr [rsi]", "mulx rax,rax,rbx", "pdep eax,ebx,ecx", "pdep rax,rbx,rcx", "pext eax,ebx,ecx",
            "pext rax,rbx,qword ptr [rsi]", "rorx eax,ecx,7", "rorx rax,rcx,63", "sarx eax,ecx,edx", "sarx rax,rcx,rdx", "shlx eax,ecx,edx", "shlx rax,rcx,rdx",
            "shrx eax,ecx,edx", "shrx rax,qword ptr [rsi],rdx"}) {
            add(0, s);
        }
        return all;
    }
}
