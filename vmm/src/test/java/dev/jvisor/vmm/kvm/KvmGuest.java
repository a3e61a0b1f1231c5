package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Assumptions;

/** A partition of 1 MiB RAM (and a ROM page at 0x200000) whose VP 0 runs a few bytes of machine code at 0x1000; records its intercepts. */
final class KvmGuest implements AutoCloseable {
    static final int START = 0x1000;
    static final long ROM = 0x200000;

    final List<String> intercepts = new ArrayList<>();
    final Map<Integer, Long> msrs = new HashMap<>();
    final FakeInterrupts interrupts = new FakeInterrupts();
    final GpaRegion ram;
    final GpaRegion rom;
    final GpaSpace gpa;
    final BackendPartition partition;
    final BackendVp vp;
    IntUnaryOperator portIn = port -> 0;
    long mmioIn;

    private final MappedMemory memory = MappedMemory.anonymous("ram", 4 << 20);
    private final KvmBackend backend;

    final InterceptHandler handler = new InterceptHandler() {
        @Override
        public int portRead(int vp, int port, int size) {
            intercepts.add("in " + Integer.toHexString(port) + "/" + size);
            return portIn.applyAsInt(port);
        }

        @Override
        public void portWrite(int vp, int port, int size, int value) {
            intercepts.add("out " + Integer.toHexString(port) + "/" + size + "=" + Integer.toHexString(value));
        }

        @Override
        public long mmioRead(int vp, long at, int size) {
            intercepts.add("read " + Long.toHexString(at) + "/" + size);
            return mmioIn;
        }

        @Override
        public void mmioWrite(int vp, long at, int size, long value) {
            intercepts.add("write " + Long.toHexString(at) + "/" + size + "=" + Long.toHexString(value));
        }

        @Override
        public boolean msrRead(int vp, int index, MsrValue value) {
            intercepts.add("rdmsr " + Integer.toHexString(index));
            Long v = msrs.get(index);
            value.value = v == null ? 0 : v;
            return v != null;
        }

        @Override
        public boolean msrWrite(int vp, int index, long value) {
            intercepts.add("wrmsr " + Integer.toHexString(index) + "=" + Long.toHexString(value));
            return msrs.replace(index, value) != null;
        }

        @Override
        public void endOfInterrupt(int vector) {
            intercepts.add("eoi " + vector);
        }
    };

    KvmGuest(BackendConfig.Irqchip irqchip, String code) {
        assumeKvm();
        backend = KvmBackend.open();
        gpa = new GpaSpace(memory.segment());
        ram = gpa.mapRam(0, 1 << 20);
        rom = gpa.mapRom(ROM, 0x1000);
        gpa.write(START, HexFormat.of().parseHex(code.replace(" ", "")));
        partition = backend.createPartition(gpa, new BackendConfig(1, irqchip, null, () -> 0));
        vp = partition.createVp(0, interrupts);
        vp.setState(realMode());
    }

    static void assumeKvm() {
        Assumptions.assumeTrue(Files.isWritable(Path.of(Kvm.DEVICE)), "/dev/kvm is missing or forbidden");
    }

    /** {@return real mode, all segments flat at 0, stack at 0x8000, about to execute the code} */
    static VpState realMode() {
        VpState s = new VpState();
        s.seg[VpState.CS] = new SegmentState(0, 0, 0xFFFF, 0x9B);
        s.rip = START;
        s.gpr[4] = 0x8000;
        s.gpr[2] = 0;
        return s;
    }

    VpExit run() {
        return vp.run(handler);
    }

    VpState state() {
        VpState s = new VpState();
        vp.getState(s);
        return s;
    }

    @Override
    public void close() {
        vp.close();
        partition.close();
        backend.close();
        memory.close();
    }

    /** Interrupts by hand: a queue of vectors, no priorities. */
    static final class FakeInterrupts implements VpInterrupts {
        final ConcurrentLinkedQueue<Integer> vectors = new ConcurrentLinkedQueue<>();
        volatile boolean nmi;
        volatile int cr8;

        @Override
        public int pendingVector() {
            Integer v = vectors.peek();
            return v == null ? -1 : v;
        }

        @Override
        public int acknowledge() {
            Integer v = vectors.poll();
            return v == null ? -1 : v;
        }

        @Override
        public boolean takeNmi() {
            boolean was = nmi;
            nmi = false;
            return was;
        }

        @Override
        public boolean nmiPending() {
            return nmi;
        }

        @Override
        public int cr8() {
            return cr8;
        }

        @Override
        public void setCr8(int value) {
            cr8 = value;
        }
    }
}
