package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The two memory steps of a read-modify-write without LOCK, at {@code r[TA]}. The load faults as the write would and keeps the place in
 * {@link Cpu#modifyHost}, so that the store needs no translation and cannot fault.
 */
public abstract class Modify extends Uop {
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Bytes: 1, 2, 4 or 8. */
    public final int bytes;
    /** Whether it is the store. */
    public final boolean write;

    private Modify(int bytes, boolean write) {
        this.bytes = bytes;
        this.write = write;
    }

    static Modify load(int bytes) {
        return switch (bytes) {
            case 1 -> new Load8();
            case 2 -> new Load16();
            case 4 -> new Load32();
            default -> new Load64();
        };
    }

    static Modify store(int bytes) {
        return switch (bytes) {
            case 1 -> new Store8();
            case 2 -> new Store16();
            case 4 -> new Store32();
            default -> new Store64();
        };
    }

    private static final class Load8 extends Modify {
        Load8() {
            super(1, false);
        }

        @Override
        public void exec(Cpu c) {
            long va = c.r[Cpu.TA];
            long host = c.hostForWrite(va, 1, this);
            c.modifyHost = host;
            c.r[d] = host >= 0 ? c.ram().get(ValueLayout.JAVA_BYTE, host) & 0xFFL : c.ld8(va, this);
        }
    }

    private static final class Load16 extends Modify {
        Load16() {
            super(2, false);
        }

        @Override
        public void exec(Cpu c) {
            long va = c.r[Cpu.TA];
            long host = c.hostForWrite(va, 2, this);
            c.modifyHost = host;
            c.r[d] = host >= 0 ? c.ram().get(LE16, host) & 0xFFFFL : c.ld16(va, this);
        }
    }

    private static final class Load32 extends Modify {
        Load32() {
            super(4, false);
        }

        @Override
        public void exec(Cpu c) {
            long va = c.r[Cpu.TA];
            long host = c.hostForWrite(va, 4, this);
            c.modifyHost = host;
            c.r[d] = host >= 0 ? c.ram().get(LE32, host) & 0xFFFFFFFFL : c.ld32(va, this);
        }
    }

    private static final class Load64 extends Modify {
        Load64() {
            super(8, false);
        }

        @Override
        public void exec(Cpu c) {
            long va = c.r[Cpu.TA];
            long host = c.hostForWrite(va, 8, this);
            c.modifyHost = host;
            c.r[d] = host >= 0 ? c.ram().get(LE64, host) : c.ld64(va, this);
        }
    }

    private static final class Store8 extends Modify {
        Store8() {
            super(1, true);
        }

        @Override
        public void exec(Cpu c) {
            long host = c.modifyHost;
            if (host >= 0) {
                c.ram().set(ValueLayout.JAVA_BYTE, host, (byte) c.r[d]);
            } else {
                c.st8(c.r[Cpu.TA], c.r[d], this);
            }
        }
    }

    private static final class Store16 extends Modify {
        Store16() {
            super(2, true);
        }

        @Override
        public void exec(Cpu c) {
            long host = c.modifyHost;
            if (host >= 0) {
                c.ram().set(LE16, host, (short) c.r[d]);
            } else {
                c.st16(c.r[Cpu.TA], c.r[d], this);
            }
        }
    }

    private static final class Store32 extends Modify {
        Store32() {
            super(4, true);
        }

        @Override
        public void exec(Cpu c) {
            long host = c.modifyHost;
            if (host >= 0) {
                c.ram().set(LE32, host, (int) c.r[d]);
            } else {
                c.st32(c.r[Cpu.TA], c.r[d], this);
            }
        }
    }

    private static final class Store64 extends Modify {
        Store64() {
            super(8, true);
        }

        @Override
        public void exec(Cpu c) {
            long host = c.modifyHost;
            if (host >= 0) {
                c.ram().set(LE64, host, c.r[d]);
            } else {
                c.st64(c.r[Cpu.TA], c.r[d], this);
            }
        }
    }
}
