package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;

/** 32-bit arithmetic and logic: {@code r[d] = r[a] op r[b]}, or {@code op imm}; with flags. */
final class Alu32 {
    private Alu32() { }

    static Alu registers(int op) {
        return switch (op) {
            case Alu.ADD -> new AddR();
            case Alu.OR -> new OrR();
            case Alu.ADC -> new AdcR();
            case Alu.SBB -> new SbbR();
            case Alu.AND -> new AndR();
            case Alu.SUB -> new SubR();
            case Alu.XOR -> new XorR();
            case Alu.CMP -> new CmpR();
            default -> new TestR();
        };
    }

    static Alu constant(int op) {
        return switch (op) {
            case Alu.ADD -> new AddI();
            case Alu.OR -> new OrI();
            case Alu.ADC -> new AdcI();
            case Alu.SBB -> new SbbI();
            case Alu.AND -> new AndI();
            case Alu.SUB -> new SubI();
            case Alu.XOR -> new XorI();
            case Alu.CMP -> new CmpI();
            default -> new TestI();
        };
    }

    private static final class AddR extends Alu {
        AddR() {
            super(Alu.ADD, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int y = (int) c.r[b];
            int result = (int) c.r[a] + y;
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | 2;
        }
    }

    private static final class AddI extends Alu {
        AddI() {
            super(Alu.ADD, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int y = (int) imm;
            int result = (int) c.r[a] + y;
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | 2;
        }
    }

    private static final class OrR extends Alu {
        OrR() {
            super(Alu.OR, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] | c.r[b]);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class OrI extends Alu {
        OrI() {
            super(Alu.OR, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] | imm);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class AdcR extends Alu {
        AdcR() {
            super(Alu.ADC, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            int y = (int) c.r[b];
            int result = (int) c.r[a] + y + (carry ? 1 : 0);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | 2;
        }
    }

    private static final class AdcI extends Alu {
        AdcI() {
            super(Alu.ADC, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            int y = (int) imm;
            int result = (int) c.r[a] + y + (carry ? 1 : 0);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | 2;
        }
    }

    private static final class SbbR extends Alu {
        SbbR() {
            super(Alu.SBB, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            int x = (int) c.r[a];
            int y = (int) c.r[b];
            c.r[d] = (x - y - (carry ? 1 : 0)) & 0xFFFFFFFFL;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | 2;
        }
    }

    private static final class SbbI extends Alu {
        SbbI() {
            super(Alu.SBB, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            int x = (int) c.r[a];
            int y = (int) imm;
            c.r[d] = (x - y - (carry ? 1 : 0)) & 0xFFFFFFFFL;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | 2;
        }
    }

    private static final class AndR extends Alu {
        AndR() {
            super(Alu.AND, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] & c.r[b]);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class AndI extends Alu {
        AndI() {
            super(Alu.AND, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] & imm);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class SubR extends Alu {
        SubR() {
            super(Alu.SUB, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int x = (int) c.r[a];
            int y = (int) c.r[b];
            c.r[d] = (x - y) & 0xFFFFFFFFL;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | 2;
        }
    }

    private static final class SubI extends Alu {
        SubI() {
            super(Alu.SUB, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int x = (int) c.r[a];
            int y = (int) imm;
            c.r[d] = (x - y) & 0xFFFFFFFFL;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | 2;
        }
    }

    private static final class XorR extends Alu {
        XorR() {
            super(Alu.XOR, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] ^ c.r[b]);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class XorI extends Alu {
        XorI() {
            super(Alu.XOR, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] ^ imm);
            c.r[d] = result & 0xFFFFFFFFL;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class CmpR extends Alu {
        CmpR() {
            super(Alu.CMP, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = (int) c.r[a];
            c.ccSrc = (int) c.r[b];
            c.ccOp = Flags.SUB | 2;
        }
    }

    private static final class CmpI extends Alu {
        CmpI() {
            super(Alu.CMP, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = (int) c.r[a];
            c.ccSrc = (int) imm;
            c.ccOp = Flags.SUB | 2;
        }
    }

    private static final class TestR extends Alu {
        TestR() {
            super(Alu.TEST, false, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] & c.r[b]);
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }

    private static final class TestI extends Alu {
        TestI() {
            super(Alu.TEST, true, 4);
        }

        @Override
        public void exec(Cpu c) {
            int result = (int) (c.r[a] & imm);
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 2;
        }
    }
}
