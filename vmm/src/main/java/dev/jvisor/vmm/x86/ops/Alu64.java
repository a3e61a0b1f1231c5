package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;

/** 64-bit arithmetic and logic: {@code r[d] = r[a] op r[b]}, or {@code op imm}; with flags. */
final class Alu64 {
    private Alu64() { }

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
            super(Alu.ADD, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long y = c.r[b];
            long result = c.r[a] + y;
            c.r[d] = result;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | 3;
        }
    }

    private static final class AddI extends Alu {
        AddI() {
            super(Alu.ADD, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long y = imm;
            long result = c.r[a] + y;
            c.r[d] = result;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | 3;
        }
    }

    private static final class OrR extends Alu {
        OrR() {
            super(Alu.OR, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] | c.r[b];
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class OrI extends Alu {
        OrI() {
            super(Alu.OR, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] | imm;
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class AdcR extends Alu {
        AdcR() {
            super(Alu.ADC, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long y = c.r[b];
            long result = c.r[a] + y + (carry ? 1 : 0);
            c.r[d] = result;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | 3;
        }
    }

    private static final class AdcI extends Alu {
        AdcI() {
            super(Alu.ADC, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long y = imm;
            long result = c.r[a] + y + (carry ? 1 : 0);
            c.r[d] = result;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | 3;
        }
    }

    private static final class SbbR extends Alu {
        SbbR() {
            super(Alu.SBB, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long x = c.r[a];
            long y = c.r[b];
            c.r[d] = (x - y - (carry ? 1 : 0));
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | 3;
        }
    }

    private static final class SbbI extends Alu {
        SbbI() {
            super(Alu.SBB, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long x = c.r[a];
            long y = imm;
            c.r[d] = (x - y - (carry ? 1 : 0));
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | 3;
        }
    }

    private static final class AndR extends Alu {
        AndR() {
            super(Alu.AND, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] & c.r[b];
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class AndI extends Alu {
        AndI() {
            super(Alu.AND, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] & imm;
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class SubR extends Alu {
        SubR() {
            super(Alu.SUB, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[a];
            long y = c.r[b];
            c.r[d] = (x - y);
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | 3;
        }
    }

    private static final class SubI extends Alu {
        SubI() {
            super(Alu.SUB, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[a];
            long y = imm;
            c.r[d] = (x - y);
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | 3;
        }
    }

    private static final class XorR extends Alu {
        XorR() {
            super(Alu.XOR, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] ^ c.r[b];
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class XorI extends Alu {
        XorI() {
            super(Alu.XOR, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] ^ imm;
            c.r[d] = result;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class CmpR extends Alu {
        CmpR() {
            super(Alu.CMP, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = c.r[a];
            c.ccSrc = c.r[b];
            c.ccOp = Flags.SUB | 3;
        }
    }

    private static final class CmpI extends Alu {
        CmpI() {
            super(Alu.CMP, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = c.r[a];
            c.ccSrc = imm;
            c.ccOp = Flags.SUB | 3;
        }
    }

    private static final class TestR extends Alu {
        TestR() {
            super(Alu.TEST, false, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] & c.r[b];
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }

    private static final class TestI extends Alu {
        TestI() {
            super(Alu.TEST, true, 8);
        }

        @Override
        public void exec(Cpu c) {
            long result = c.r[a] & imm;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | 3;
        }
    }
}
