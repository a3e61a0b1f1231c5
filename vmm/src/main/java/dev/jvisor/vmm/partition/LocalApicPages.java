package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.apic.SoftwareInterruptController;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Where the registers of our local APICs are: their MSRs, and a page for each base address that some VP has in IA32_APIC_BASE. On the page of
 * another VP's base there is nothing. A base at which there is RAM or another device cannot be had: the registers are nowhere then.
 */
final class LocalApicPages implements MsrDevice {
    private final SoftwareInterruptController chips;
    private final int processors;
    private final GpaSpace gpa;
    /** Guarded by this. */
    private final Map<Long, GpaRegion> pages = new HashMap<>();

    private LocalApicPages(SoftwareInterruptController chips, int processors, GpaSpace gpa) {
        this.chips = chips;
        this.processors = processors;
        this.gpa = gpa;
    }

    /** Puts them into a partition's GPA space and among its MSRs. */
    static void install(SoftwareInterruptController chips, int processors, GpaSpace gpa, MsrSpace msrs) {
        LocalApicPages pages = new LocalApicPages(chips, processors, gpa);
        msrs.register(LocalApic.MSR_APIC_BASE, LocalApic.MSR_APIC_BASE, pages);
        msrs.register(LocalApic.MSR_TSC_DEADLINE, LocalApic.MSR_TSC_DEADLINE, pages);
        msrs.register(LocalApic.MSR_X2APIC_FIRST, LocalApic.MSR_X2APIC_LAST, pages);
        for (int vp = 0; vp < processors; vp++) {
            chips.localApic(vp).onMove(pages::update);
        }
        pages.update();
    }

    private long base(int vp) {
        return chips.localApic(vp).apicBase() & -GpaSpace.PAGE_SIZE;
    }

    private synchronized void update() {
        Set<Long> wanted = new HashSet<>();
        for (int vp = 0; vp < processors; vp++) {
            wanted.add(base(vp));
        }
        pages.entrySet().removeIf(page -> {
            boolean gone = !wanted.contains(page.getKey());
            if (gone) {
                gpa.unmap(page.getValue());
            }
            return gone;
        });
        for (long base : wanted) {
            if (!pages.containsKey(base) && gpa.find(base) == null) {
                pages.put(base, gpa.mapMmio(base, GpaSpace.PAGE_SIZE, new Page(base)));
            }
        }
    }

    @Override
    public boolean msrRead(int vp, int index, MsrValue value) {
        return chips.localApic(vp).msrRead(index, value);
    }

    @Override
    public boolean msrWrite(int vp, int index, long value) {
        return chips.localApic(vp).msrWrite(index, value);
    }

    /** The registers as they are seen at one address. */
    private final class Page implements MmioDevice {
        private final long base;

        Page(long base) {
            this.base = base;
        }

        @Override
        public long mmioRead(int vp, long offset, int size) {
            return base(vp) == base ? chips.localApic(vp).mmioRead(offset, size) : -1;
        }

        @Override
        public void mmioWrite(int vp, long offset, int size, long value) {
            if (base(vp) == base) {
                chips.localApic(vp).mmioWrite(offset, size, value);
            }
        }
    }
}
