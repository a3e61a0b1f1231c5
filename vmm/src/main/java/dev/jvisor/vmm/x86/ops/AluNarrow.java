package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;

/** 8- and 16-bit arithmetic and logic: {@code r[d] = r[a] op r[b]}, or {@code op imm}; with flags. */
final class AluNarrow {
    private AluNarrow() { }

    static Alu registers(int op, int size) {
        return switch (op) {
            case Alu.ADD -> new AddR(size);
            case Alu.OR -> new OrR(size);
            case Alu.ADC -> new AdcR(size);
            case Alu.SBB -> new SbbR(size);
            case Alu.AND -> new AndR(size);
            case Alu.SUB -> new SubR(size);
            case Alu.XOR -> new XorR(size);
            case Alu.CMP -> new CmpR(size);
            default -> new TestR(size);
        };
    }

    static Alu constant(int op, int size) {
        return switch (op) {
            case Alu.ADD -> new AddI(size);
            case Alu.OR -> new OrI(size);
            case Alu.ADC -> new AdcI(size);
            case Alu.SBB -> new SbbI(size);
            case Alu.AND -> new AndI(size);
            case Alu.SUB -> new SubI(size);
            case Alu.XOR -> new XorI(size);
            case Alu.CMP -> new CmpI(size);
            default -> new TestI(size);
        };
    }

    /** A step on the low 8 or 16 bits of registers; the rest of the destination stays. */
    private abstract static class Narrow extends Alu {
        final int shift;
        final long mask;
        final int sizeCode;

        Narrow(int op, boolean constant, int size) {
            super(op, constant, size);
            this.shift = 64 - 8 * size;
            this.mask = -1L >>> shift;
            this.sizeCode = size - 1;
        }
    }

    private static final class AddR extends Narrow {
        AddR(int size) {
            super(Alu.ADD, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long y = c.r[b] << shift >> shift;
            long result = (c.r[a] + y) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | sizeCode;
        }
    }

    private static final class AddI extends Narrow {
        AddI(int size) {
            super(Alu.ADD, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long y = imm;
            long result = (c.r[a] + y) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = Flags.ADD | sizeCode;
        }
    }

    private static final class OrR extends Narrow {
        OrR(int size) {
            super(Alu.OR, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] | c.r[b]) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class OrI extends Narrow {
        OrI(int size) {
            super(Alu.OR, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] | imm) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class AdcR extends Narrow {
        AdcR(int size) {
            super(Alu.ADC, false, size);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long y = c.r[b] << shift >> shift;
            long result = (c.r[a] + y + (carry ? 1 : 0)) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | sizeCode;
        }
    }

    private static final class AdcI extends Narrow {
        AdcI(int size) {
            super(Alu.ADC, true, size);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long y = imm;
            long result = (c.r[a] + y + (carry ? 1 : 0)) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.ADC1 : Flags.ADD) | sizeCode;
        }
    }

    private static final class SbbR extends Narrow {
        SbbR(int size) {
            super(Alu.SBB, false, size);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.r[d] = c.r[d] & ~mask | (x - y - (carry ? 1 : 0)) & mask;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | sizeCode;
        }
    }

    private static final class SbbI extends Narrow {
        SbbI(int size) {
            super(Alu.SBB, true, size);
        }

        @Override
        public void exec(Cpu c) {
            boolean carry = Flags.cf(c);
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.r[d] = c.r[d] & ~mask | (x - y - (carry ? 1 : 0)) & mask;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = (carry ? Flags.SBB1 : Flags.SUB) | sizeCode;
        }
    }

    private static final class AndR extends Narrow {
        AndR(int size) {
            super(Alu.AND, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] & c.r[b]) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class AndI extends Narrow {
        AndI(int size) {
            super(Alu.AND, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] & imm) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class SubR extends Narrow {
        SubR(int size) {
            super(Alu.SUB, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = c.r[b] << shift >> shift;
            c.r[d] = c.r[d] & ~mask | (x - y) & mask;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | sizeCode;
        }
    }

    private static final class SubI extends Narrow {
        SubI(int size) {
            super(Alu.SUB, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long x = c.r[a] << shift >> shift;
            long y = imm;
            c.r[d] = c.r[d] & ~mask | (x - y) & mask;
            c.ccDst = x;
            c.ccSrc = y;
            c.ccOp = Flags.SUB | sizeCode;
        }
    }

    private static final class XorR extends Narrow {
        XorR(int size) {
            super(Alu.XOR, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] ^ c.r[b]) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class XorI extends Narrow {
        XorI(int size) {
            super(Alu.XOR, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] ^ imm) << shift >> shift;
            c.r[d] = c.r[d] & ~mask | result & mask;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class CmpR extends Narrow {
        CmpR(int size) {
            super(Alu.CMP, false, size);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = c.r[a] << shift >> shift;
            c.ccSrc = c.r[b] << shift >> shift;
            c.ccOp = Flags.SUB | sizeCode;
        }
    }

    private static final class CmpI extends Narrow {
        CmpI(int size) {
            super(Alu.CMP, true, size);
        }

        @Override
        public void exec(Cpu c) {
            c.ccDst = c.r[a] << shift >> shift;
            c.ccSrc = imm;
            c.ccOp = Flags.SUB | sizeCode;
        }
    }

    private static final class TestR extends Narrow {
        TestR(int size) {
            super(Alu.TEST, false, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] & c.r[b]) << shift >> shift;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }

    private static final class TestI extends Narrow {
        TestI(int size) {
            super(Alu.TEST, true, size);
        }

        @Override
        public void exec(Cpu c) {
            long result = (c.r[a] & imm) << shift >> shift;
            c.ccDst = result;
            c.ccOp = Flags.LOGIC | sizeCode;
        }
    }
}
