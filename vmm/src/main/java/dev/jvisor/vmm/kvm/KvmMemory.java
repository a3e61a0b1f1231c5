package dev.jvisor.vmm.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.KvmVm;
import dev.jvisor.vmm.memory.GpaListener;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Mirrors a GPA space in memory slots: RAM and ROM are slots (ROM read-only, so that writes leave the guest), MMIO and holes are none.
 * While the space's dirty log is on, the kernel logs what VPs write; what devices write is logged by the space itself.
 */
final class KvmMemory implements GpaListener {
    private final KvmVm vm;
    private final GpaSpace gpa;
    private final Map<GpaRegion, Integer> slots = new HashMap<>();
    private final BitSet slotsUsed = new BitSet();
    private boolean logging;

    KvmMemory(KvmVm vm, GpaSpace gpa) {
        this.vm = vm;
        this.gpa = gpa;
    }

    @Override
    public synchronized void mapped(GpaRegion region) {
        if (region.hostOffset() < 0) {
            return;
        }
        int slot = slotsUsed.nextClearBit(0);
        vm.setMemoryRegion(slot, flags(region), region.gpa(), memory(region));
        slotsUsed.set(slot);
        slots.put(region, slot);
    }

    @Override
    public synchronized void unmapped(GpaRegion region) {
        Integer slot = slots.remove(region);
        if (slot != null) {
            vm.setMemoryRegion(slot, 0, region.gpa(), MemorySegment.NULL);
            slotsUsed.clear(slot);
        }
    }

    @Override
    public synchronized void dirtyLogReset() {
        if (logging != gpa.dirtyLog()) {
            logging = gpa.dirtyLog();
            slots.forEach((region, slot) -> vm.setMemoryRegion(slot, flags(region), region.gpa(), memory(region)));
        }
    }

    @Override
    public synchronized void dirtyLogWanted(GpaRegion region) {
        Integer slot = slots.get(region);
        if (!logging || slot == null || region.kind() != GpaRegion.Kind.RAM) {
            return;
        }
        long pages = region.size() / GpaSpace.PAGE_SIZE;
        int first = (int) (region.hostOffset() / GpaSpace.PAGE_SIZE);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bitmap = arena.allocate((pages + 63) / 64 * 8, 8);
            vm.getDirtyLog(slot, bitmap);
            for (long at = 0; at < bitmap.byteSize(); at += 8) {
                for (long word = bitmap.get(JAVA_LONG, at); word != 0; word &= word - 1) {
                    gpa.clearFlag(first + (int) at * 8 + Long.numberOfTrailingZeros(word), GpaSpace.PAGE_CLEAN);
                }
            }
        }
    }

    /**
     * Takes every slot away and puts it back, so that the kernel forgets translations it made from page tables which the host has
     * overwritten since (reset, restore): KVM with software page tables does not see such writes.
     */
    synchronized void renew() {
        // The kernel's log goes with the slots.
        slots.keySet().forEach(this::dirtyLogWanted);
        slots.forEach((region, slot) -> {
            vm.setMemoryRegion(slot, 0, region.gpa(), MemorySegment.NULL);
            vm.setMemoryRegion(slot, flags(region), region.gpa(), memory(region));
        });
    }

    private int flags(GpaRegion region) {
        return region.kind() == GpaRegion.Kind.ROM ? KvmVm.MEM_READONLY : logging ? KvmVm.MEM_LOG_DIRTY_PAGES : 0;
    }

    private MemorySegment memory(GpaRegion region) {
        return gpa.host().asSlice(region.hostOffset(), region.size());
    }
}
