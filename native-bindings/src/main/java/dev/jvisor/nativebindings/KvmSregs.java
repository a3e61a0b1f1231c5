package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.jvisor.nativebindings.gen.kvm_dtable;
import dev.jvisor.nativebindings.gen.kvm_segment;
import dev.jvisor.nativebindings.gen.kvm_sregs;
import java.lang.foreign.MemorySegment;

/**
 * View of {@code struct kvm_sregs}: segment, descriptor-table and control registers. Segments by x86 encoding number (ES 0, CS 1,
 * SS 2, DS 3, FS 4, GS 5), then {@link #TR} and {@link #LDTR}.
 */
public final class KvmSregs {
    /** The task register's number. */
    public static final int TR = 6;
    /** The local descriptor table register's number. */
    public static final int LDTR = 7;

    private static final long[] SEGMENT = {
        kvm_sregs.es$offset(), kvm_sregs.cs$offset(), kvm_sregs.ss$offset(), kvm_sregs.ds$offset(),
        kvm_sregs.fs$offset(), kvm_sregs.gs$offset(), kvm_sregs.tr$offset(), kvm_sregs.ldt$offset(),
    };
    private static final long BASE = kvm_segment.base$offset();
    private static final long LIMIT = kvm_segment.limit$offset();
    private static final long SELECTOR = kvm_segment.selector$offset();
    private static final long GDT = kvm_sregs.gdt$offset();
    private static final long IDT = kvm_sregs.idt$offset();
    private static final long TABLE_BASE = kvm_dtable.base$offset();
    private static final long TABLE_LIMIT = kvm_dtable.limit$offset();
    private static final long CR0 = kvm_sregs.cr0$offset();
    private static final long CR2 = kvm_sregs.cr2$offset();
    private static final long CR3 = kvm_sregs.cr3$offset();
    private static final long CR4 = kvm_sregs.cr4$offset();
    private static final long CR8 = kvm_sregs.cr8$offset();
    private static final long EFER = kvm_sregs.efer$offset();
    private static final long APIC_BASE = kvm_sregs.apic_base$offset();
    private static final long INTERRUPTS = kvm_sregs.interrupt_bitmap$offset();

    final MemorySegment segment;

    KvmSregs(MemorySegment segment) {
        this.segment = segment;
    }

    /** Takes over all of another view's registers. */
    public void copy(KvmSregs from) {
        MemorySegment.copy(from.segment, 0, segment, 0, kvm_sregs.layout().byteSize());
    }

    /** {@return the segment's base} */
    public long base(int number) {
        return segment.get(JAVA_LONG, SEGMENT[number] + BASE);
    }

    /** {@return the segment's limit in bytes, unsigned} */
    public int limit(int number) {
        return segment.get(JAVA_INT, SEGMENT[number] + LIMIT);
    }

    /** {@return the segment's selector} */
    public int selector(int number) {
        return segment.get(JAVA_SHORT, SEGMENT[number] + SELECTOR) & 0xffff;
    }

    /**
     * {@return the segment's attributes in VT-x's form of access rights (SDM vol. 3, 26.4.1): bits 3-0 type, 4 S, 6-5 DPL, 7 P,
     * 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable}
     */
    public int accessRights(int number) {
        long at = SEGMENT[number];
        return field(at, kvm_segment.type$offset()) & 0xf
                | field(at, kvm_segment.s$offset()) << 4
                | field(at, kvm_segment.dpl$offset()) << 5
                | field(at, kvm_segment.present$offset()) << 7
                | field(at, kvm_segment.avl$offset()) << 12
                | field(at, kvm_segment.l$offset()) << 13
                | field(at, kvm_segment.db$offset()) << 14
                | field(at, kvm_segment.g$offset()) << 15
                | field(at, kvm_segment.unusable$offset()) << 16;
    }

    /** Sets a segment; {@code accessRights} as {@link #accessRights}. */
    public void segment(int number, int selector, long base, int limit, int accessRights) {
        long at = SEGMENT[number];
        segment.set(JAVA_SHORT, at + SELECTOR, (short) selector);
        segment.set(JAVA_LONG, at + BASE, base);
        segment.set(JAVA_INT, at + LIMIT, limit);
        field(at, kvm_segment.type$offset(), accessRights & 0xf);
        field(at, kvm_segment.s$offset(), accessRights >> 4 & 1);
        field(at, kvm_segment.dpl$offset(), accessRights >> 5 & 3);
        field(at, kvm_segment.present$offset(), accessRights >> 7 & 1);
        field(at, kvm_segment.avl$offset(), accessRights >> 12 & 1);
        field(at, kvm_segment.l$offset(), accessRights >> 13 & 1);
        field(at, kvm_segment.db$offset(), accessRights >> 14 & 1);
        field(at, kvm_segment.g$offset(), accessRights >> 15 & 1);
        field(at, kvm_segment.unusable$offset(), accessRights >> 16 & 1);
    }

    private int field(long at, long offset) {
        return segment.get(JAVA_BYTE, at + offset);
    }

    private void field(long at, long offset, int value) {
        segment.set(JAVA_BYTE, at + offset, (byte) value);
    }

    /** {@return GDTR's base} */
    public long gdtBase() {
        return segment.get(JAVA_LONG, GDT + TABLE_BASE);
    }

    /** {@return GDTR's limit} */
    public int gdtLimit() {
        return segment.get(JAVA_SHORT, GDT + TABLE_LIMIT) & 0xffff;
    }

    /** Sets GDTR. */
    public void gdt(long base, int limit) {
        segment.set(JAVA_LONG, GDT + TABLE_BASE, base);
        segment.set(JAVA_SHORT, GDT + TABLE_LIMIT, (short) limit);
    }

    /** {@return IDTR's base} */
    public long idtBase() {
        return segment.get(JAVA_LONG, IDT + TABLE_BASE);
    }

    /** {@return IDTR's limit} */
    public int idtLimit() {
        return segment.get(JAVA_SHORT, IDT + TABLE_LIMIT) & 0xffff;
    }

    /** Sets IDTR. */
    public void idt(long base, int limit) {
        segment.set(JAVA_LONG, IDT + TABLE_BASE, base);
        segment.set(JAVA_SHORT, IDT + TABLE_LIMIT, (short) limit);
    }

    /** {@return CR0} */
    public long cr0() {
        return segment.get(JAVA_LONG, CR0);
    }

    /** Sets CR0. */
    public void cr0(long value) {
        segment.set(JAVA_LONG, CR0, value);
    }

    /** {@return CR2} */
    public long cr2() {
        return segment.get(JAVA_LONG, CR2);
    }

    /** Sets CR2. */
    public void cr2(long value) {
        segment.set(JAVA_LONG, CR2, value);
    }

    /** {@return CR3} */
    public long cr3() {
        return segment.get(JAVA_LONG, CR3);
    }

    /** Sets CR3. */
    public void cr3(long value) {
        segment.set(JAVA_LONG, CR3, value);
    }

    /** {@return CR4} */
    public long cr4() {
        return segment.get(JAVA_LONG, CR4);
    }

    /** Sets CR4. */
    public void cr4(long value) {
        segment.set(JAVA_LONG, CR4, value);
    }

    /** {@return CR8} */
    public long cr8() {
        return segment.get(JAVA_LONG, CR8);
    }

    /** Sets CR8. */
    public void cr8(long value) {
        segment.set(JAVA_LONG, CR8, value);
    }

    /** {@return EFER} */
    public long efer() {
        return segment.get(JAVA_LONG, EFER);
    }

    /** Sets EFER. */
    public void efer(long value) {
        segment.set(JAVA_LONG, EFER, value);
    }

    /** {@return IA32_APIC_BASE} */
    public long apicBase() {
        return segment.get(JAVA_LONG, APIC_BASE);
    }

    /** Sets IA32_APIC_BASE. */
    public void apicBase(long value) {
        segment.set(JAVA_LONG, APIC_BASE, value);
    }

    /** {@return the external interrupt that is waiting to be taken by the guest, -1 when there is none} */
    public int pendingInterrupt() {
        for (int i = 0; i < 4; i++) {
            long word = segment.get(JAVA_LONG, INTERRUPTS + 8L * i);
            if (word != 0) {
                return 64 * i + Long.numberOfTrailingZeros(word);
            }
        }
        return -1;
    }

    /** Sets the external interrupt that the guest takes next, -1 for none. */
    public void pendingInterrupt(int vector) {
        for (int i = 0; i < 4; i++) {
            segment.set(JAVA_LONG, INTERRUPTS + 8L * i, vector >= 0 && vector >> 6 == i ? 1L << (vector & 63) : 0);
        }
    }
}
