package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.GsiRoute;
import dev.jvisor.nativebindings.KvmVm;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.InterruptController;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel's interrupt controllers: PIC, I/O APIC and PIT with {@link Irqchip#BACKEND}, only the local APICs with
 * {@link Irqchip#SPLIT}. Thread-safe.
 */
final class KvmInterruptController implements InterruptController {
    /** Pins of the I/O APIC, in the kernel or with a split irqchip. */
    static final int PINS = 24;
    private static final Logger LOG = LoggerFactory.getLogger(KvmInterruptController.class);

    private final KvmVm vm;
    private final Irqchip mode;
    private final GsiRoute[] pinRoutes = new GsiRoute[PINS];
    private final Arena arena = Arena.ofAuto();
    /** The chips as they were made, for {@link #reset}. */
    private final MemorySegment[] chipsAtReset = new MemorySegment[3];
    private MemorySegment pitAtReset;
    private final List<KvmVp> vps = new CopyOnWriteArrayList<>();

    KvmInterruptController(KvmVm vm, Irqchip mode) {
        this.vm = vm;
        this.mode = mode;
        if (mode == Irqchip.BACKEND) {
            vm.createIrqchip();
            vm.createPit2(true);
            vm.setPitReinject(true);
            vm.setGsiRouting(isaRoutes());
            for (int i = 0; i < chipsAtReset.length; i++) {
                chipsAtReset[i] = arena.allocate(KvmVm.IRQCHIP_STATE_SIZE, 8);
                vm.getIrqchip(i, chipsAtReset[i]);
            }
            pitAtReset = arena.allocate(KvmVm.PIT_STATE_SIZE, 8);
            vm.getPit2(pitAtReset);
        } else {
            vm.enableSplitIrqchip(PINS);
        }
    }

    // The PC's wiring: lines 0-15 go to both chips, the timer's to pin 2 of the I/O APIC, line 2 is the PIC's cascade.
    private static List<GsiRoute> isaRoutes() {
        List<GsiRoute> routes = new ArrayList<>();
        for (int gsi = 0; gsi < PINS; gsi++) {
            if (gsi < 8 && gsi != 2) {
                routes.add(new GsiRoute.Pin(gsi, KvmVm.PIC_MASTER, gsi));
            } else if (gsi >= 8 && gsi < 16) {
                routes.add(new GsiRoute.Pin(gsi, KvmVm.PIC_SLAVE, gsi - 8));
            }
            if (gsi != 2) {
                routes.add(new GsiRoute.Pin(gsi, KvmVm.IOAPIC, gsi == 0 ? 2 : gsi));
            }
        }
        return routes;
    }

    @Override
    public void setLine(int gsi, boolean level) {
        if (mode != Irqchip.BACKEND) {
            throw new IllegalStateException("the I/O APIC is not the backend's: gsi=" + gsi);
        }
        vm.irqLine(gsi, level);
    }

    @Override
    public void signalMsi(long address, int data) {
        try {
            vm.signalMsi(address, data);
        } catch (ErrnoException e) {
            // Address and data may be the guest's own; the kernel refuses what no APIC would take.
            LOG.debug("MSI refused: address=0x{}, data=0x{}", Long.toHexString(address), Integer.toHexString(data), e);
        }
    }

    @Override
    public synchronized void routePin(int pin, long address, int data, boolean masked) {
        if (mode != Irqchip.SPLIT || pin < 0 || pin >= PINS) {
            return;
        }
        GsiRoute route = masked ? null : new GsiRoute.Msi(pin, address, data);
        if (!Objects.equals(route, pinRoutes[pin])) {
            pinRoutes[pin] = route;
            List<GsiRoute> routes = new ArrayList<>();
            for (GsiRoute r : pinRoutes) {
                if (r != null) {
                    routes.add(r);
                }
            }
            vm.setGsiRouting(routes);
        }
    }

    /** Joins a VP in, whose local APIC is reset with the rest. */
    void connect(KvmVp vp) {
        vps.add(vp);
    }

    @Override
    public void reset() {
        vps.forEach(KvmVp::resetLapic);
        if (mode == Irqchip.BACKEND) {
            for (int i = 0; i < chipsAtReset.length; i++) {
                vm.setIrqchip(i, chipsAtReset[i]);
            }
            vm.setPit2(pitAtReset);
        }
    }
}
