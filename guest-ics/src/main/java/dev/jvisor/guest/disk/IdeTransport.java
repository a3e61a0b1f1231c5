package dev.jvisor.guest.disk;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import dev.jvisor.guest.vsc.Failure;
import dev.jvisor.guest.vsc.StorVsc;

/**
 * The way over emulated IDE: drive 0 of the primary channel of a PIIX, by bus-master DMA or by programmed I/O in blocks of 16 sectors, with
 * an interrupt for each command or block, and no port touched that need not be. One operation at a time: ATA of that age has no queue.
 * Source: ATA-6 chapters 8 and 9, Programming Interface for Bus Master IDE Controller 1.0, Intel 82371SB.
 */
final class IdeTransport extends DiskTransport {
    private static final int VECTOR = 0x50;
    private static final int LINE = 14;
    private static final int PCI_ADDRESS = 0xCF8;
    private static final int PCI_DATA = 0xCFC;
    private static final int PIIX3_IDE = 0x7010_8086;
    private static final int PCI_COMMAND = 0x04;
    private static final int PCI_IO_AND_MASTER = 5;
    private static final int PCI_BAR4 = 0x20;
    private static final int PCI_DEVICES = 32;

    private static final int DATA = 0x1F0;
    private static final int COUNT = 0x1F2;
    private static final int LBA_LOW = 0x1F3;
    private static final int DEVICE = 0x1F6;
    private static final int STATUS = 0x1F7;
    private static final int COMMAND = 0x1F7;
    private static final int CONTROL = 0x3F6;
    private static final int BSY = 0x80;
    private static final int DF = 0x20;
    private static final int DRQ = 0x08;
    private static final int ERR = 0x01;
    private static final int DEVICE_LBA = 0x40;

    private static final int SET_MULTIPLE = 0xC6;
    private static final int FLUSH_CACHE = 0xE7;
    private static final int READ_DMA = 0xC8, READ_DMA_EXT = 0x25, WRITE_DMA = 0xCA, WRITE_DMA_EXT = 0x35;
    private static final int READ_MULTIPLE = 0xC4, READ_MULTIPLE_EXT = 0x29, WRITE_MULTIPLE = 0xC5, WRITE_MULTIPLE_EXT = 0x39;
    private static final int MULTIPLE = 16;
    private static final int SECTOR = 512;
    /** Longest transfer, in sectors, of the commands with 28 bits of address. */
    private static final int SHORT_SECTORS = 256;
    private static final long SHORT_AREA = (1L << 28) * SECTOR;

    private static final int BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4;
    private static final int BM_START = 1;
    private static final int BM_TO_MEMORY = 8;
    private static final int BM_INTERRUPT = 4;
    private static final int BM_ERROR = 2;
    private static final int PRD_BYTES = 0x10000;
    private static final long PRD_END = 1L << 31;

    private final Assembler a;
    private final Supervisor supervisor;
    private final Failure failure;
    private final DiskWorkload w;
    private final boolean dma;
    private final boolean read;
    private final boolean extended;
    private final int sectors;
    private final Label busMaster;
    private final Label table;
    private final Label awake;
    private final Label flushing;
    private final Label left;
    private final Label position;

    IdeTransport(BootPrologue boot, Supervisor supervisor, Failure failure, DiskWorkload workload, boolean dma) {
        if (workload.depth() != 1 || workload.sectorBytes() != SECTOR) {
            throw new IllegalArgumentException("IDE has one transfer at a time, of 512-byte sectors: depth=" + workload.depth()
                    + ", sectorBytes=" + workload.sectorBytes());
        }
        a = boot.assembler();
        this.supervisor = supervisor;
        this.failure = failure;
        this.dma = dma;
        w = workload;
        read = w.operation() == Operation.READ;
        sectors = w.blockBytes() / SECTOR;
        extended = sectors > SHORT_SECTORS || w.areaBytes() > SHORT_AREA;
        busMaster = a.label("busMaster");
        table = a.label("descriptors");
        awake = a.label("ideAwake");
        flushing = a.label("ideFlushing");
        left = a.label("ideLeft");
        position = a.label("idePosition");
    }

    @Override
    void prepare() {
        supervisor.route(LINE, VECTOR);
    }

    @Override
    void connect() {
        findController();
        write(CONTROL, 0);
        write(DEVICE, DEVICE_LBA);
        if (dma) {
            a.mov(EDX, mem(busMaster));
            a.add(EDX, BM_TABLE);
            a.lea(RAX, mem(table));
            a.out(DX, EAX);
        } else {
            write(COUNT, MULTIPLE);
            write(COMMAND, SET_MULTIPLE);
            Label busy = a.bind("setMultiple");
            supervisor.sleep();
            a.mov(EDX, STATUS);
            a.in(AL, DX);
            a.test(AL, BSY);
            a.j(Cond.NE, busy);
            a.test(AL, ERR);
            failure.unless(Cond.E, "SET MULTIPLE MODE refused", StorVsc.IO_ERROR);
        }
    }

    /** Looks for the function on bus 0, and lets it master the bus. */
    private void findController() {
        Label next = a.label("nextDevice");
        Label found = a.label("found");
        a.mov(EBX, 0x8000_0100L);
        a.mov(ECX, PCI_DEVICES);
        a.bind(next);
        pciSelect(0);
        a.in(EAX, DX);
        a.cmp(EAX, PIIX3_IDE);
        a.j(Cond.E, found);
        a.add(EBX, 1 << 11);
        a.dec(ECX);
        a.j(Cond.NE, next);
        failure.now("no IDE controller", 12);
        a.bind(found);
        pciSelect(PCI_BAR4);
        a.in(EAX, DX);
        a.and(EAX, 0xFFF0);
        a.mov(mem(busMaster), EAX);
        pciSelect(PCI_COMMAND);
        a.mov(EAX, PCI_IO_AND_MASTER);
        a.out(DX, EAX);
    }

    private void pciSelect(int register) {
        a.lea(EAX, mem(RBX).disp(register));
        a.mov(EDX, PCI_ADDRESS);
        a.out(DX, EAX);
        a.mov(EDX, PCI_DATA);
    }

    private void write(int port, int value) {
        a.mov(EDX, port);
        a.mov(AL, value);
        a.out(DX, AL);
    }

    private void write(int port, Gpr value) {
        a.mov(EDX, port);
        if (value != AL) {
            a.mov(AL, value);
        }
        a.out(DX, AL);
    }

    @Override
    void transfer() {
        a.mov(RBX, RDX);
        if (extended) {
            write(COUNT, sectors >>> 8);
            for (int i = 0; i < 3; i++) {
                a.mov(RAX, RBX);
                a.shr(RAX, 24 + 8 * i);
                write(LBA_LOW + i, AL);
            }
        } else {
            a.mov(EAX, EBX);
            a.shr(EAX, 24);
            a.or(AL, DEVICE_LBA);
            write(DEVICE, AL);
        }
        write(COUNT, sectors & 0xFF);
        for (int i = 0; i < 3; i++) {
            a.mov(EAX, EBX);
            if (i > 0) {
                a.shr(EAX, 8 * i);
            }
            write(LBA_LOW + i, AL);
        }
        write(COMMAND, command());
        if (dma) {
            busMasterOut(BM_COMMAND, BM_START | (read ? BM_TO_MEMORY : 0));
        } else {
            a.mov(mem(left).qword(), sectors);
            a.mov(mem(position).qword(), DiskGuest.BUFFERS);
            if (!read) {
                Label busy = a.bind("writeBusy");
                a.mov(EDX, CONTROL);
                a.in(AL, DX);
                a.test(AL, DRQ);
                a.j(Cond.E, busy);
                block();
            }
        }
    }

    private int command() {
        if (dma) {
            return read ? extended ? READ_DMA_EXT : READ_DMA : extended ? WRITE_DMA_EXT : WRITE_DMA;
        }
        return read ? extended ? READ_MULTIPLE_EXT : READ_MULTIPLE : extended ? WRITE_MULTIPLE_EXT : WRITE_MULTIPLE;
    }

    private void busMasterOut(int register, int value) {
        a.mov(EDX, mem(busMaster));
        if (register != 0) {
            a.add(EDX, register);
        }
        a.mov(AL, value);
        a.out(DX, AL);
    }

    /** Moves the next block through the data port. */
    private void block() {
        int size = Math.min(MULTIPLE, sectors);
        a.mov(EDX, DATA);
        a.mov(ECX, size * SECTOR / 2);
        if (read) {
            a.mov(RDI, mem(position));
            a.rep().ins(2);
            a.mov(mem(position), RDI);
        } else {
            a.mov(RSI, mem(position));
            a.rep().outs(2);
            a.mov(mem(position), RSI);
        }
        a.sub(mem(left).qword(), size);
    }

    @Override
    void flush() {
        a.mov(mem(flushing).dword(), 1);
        write(COMMAND, FLUSH_CACHE);
    }

    @Override
    void publish() {
        // Every operation is shown by its own command.
    }

    @Override
    void poll(Label none) {
        Label done = a.label("ideDone");
        // Only an interrupt is worth a look at a port.
        a.cmp(mem(awake).dword(), 0);
        a.j(Cond.E, none);
        a.mov(mem(awake).dword(), 0);
        a.mov(EDX, STATUS);
        if (dma) {
            Label flushed = a.label("ideFlushed");
            a.cmp(mem(flushing).dword(), 0);
            a.j(Cond.NE, flushed);
            a.mov(EDX, mem(busMaster));
            a.add(EDX, BM_STATUS);
            a.in(AL, DX);
            a.test(AL, BM_INTERRUPT);
            a.j(Cond.E, none);
            a.test(AL, BM_ERROR);
            failure.unless(Cond.E, "DMA error", StorVsc.IO_ERROR);
            busMasterOut(BM_COMMAND, 0);
            busMasterOut(BM_STATUS, BM_INTERRUPT | BM_ERROR);
            a.mov(EDX, STATUS);
            a.bind(flushed);
        }
        a.in(AL, DX);
        a.test(AL, BSY);
        a.j(Cond.NE, none);
        a.test(AL, ERR | DF);
        failure.unless(Cond.E, "I/O error", StorVsc.IO_ERROR);
        if (!dma) {
            a.cmp(mem(flushing).dword(), 0);
            a.j(Cond.NE, done);
            if (read) {
                block();
                a.cmp(mem(left).qword(), 0);
                a.j(Cond.NE, none);
            } else {
                a.cmp(mem(left).qword(), 0);
                a.j(Cond.E, done);
                block();
                a.jmp(none);
            }
        }
        a.bind(done);
        a.xor(EAX, EAX);
        a.mov(mem(flushing), EAX);
    }

    @Override
    void sleep() {
        supervisor.sleep();
        a.mov(mem(awake).dword(), 1);
    }

    @Override
    void emit() {
        a.align(8);
        for (Label variable : new Label[] {busMaster, awake, flushing, left, position}) {
            a.bind(variable);
            a.dq(0);
        }
        // A table may not cross 64 KiB; its entries are at most 64 KiB each, which a size of 0 means.
        a.align(256);
        a.bind(table);
        for (long at = 0; at < w.blockBytes(); at += PRD_BYTES) {
            long size = Math.min(PRD_BYTES, w.blockBytes() - at);
            a.dd(DiskGuest.BUFFERS + at, size & 0xFFFF | (at + size == w.blockBytes() ? PRD_END : 0));
        }
    }
}
