package dev.jvisor.guest.disk;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import dev.jvisor.guest.vsc.ChannelRings;
import dev.jvisor.guest.vsc.Failure;
import dev.jvisor.guest.vsc.GuestMemoryMap;
import dev.jvisor.guest.vsc.StorVsc;
import dev.jvisor.guest.vsc.VmbusClient;
import dev.jvisor.vmbus.protocol.DeviceClass;

/** The way over VMBus: a packet for each slot is ready in the image, and only its address changes. */
final class SyntheticTransport extends DiskTransport {
    private static final GuestMemoryMap MAP = new GuestMemoryMap(DiskGuest.SHARED, 65);

    private final Assembler a;
    private final DiskWorkload w;
    private final VmbusClient client;
    private final ChannelRings rings;
    private final StorVsc vsc;
    private final byte[][] transfers;
    private final Label transferPackets;
    private final Label flushPackets;
    private final int flushBytes;

    SyntheticTransport(BootPrologue boot, Supervisor supervisor, Failure failure, DiskWorkload workload) {
        a = boot.assembler();
        w = workload;
        client = new VmbusClient(boot, supervisor, failure, MAP, DeviceClass.SCSI);
        rings = new ChannelRings(a, supervisor, client, MAP);
        vsc = new StorVsc(a, rings, failure, MAP);
        transferPackets = a.label("transferPackets");
        flushPackets = a.label("flushPackets");
        flushBytes = StorVsc.plainPacket(StorVsc.SYNCHRONIZE_CACHE_10, 1).length;
        transfers = new byte[w.depth()][];
        for (int slot = 0; slot < transfers.length; slot++) {
            transfers[slot] = StorVsc.transferPacket(w.operation() == Operation.READ ? StorVsc.READ_16 : StorVsc.WRITE_16,
                    DiskGuest.BUFFERS + (long) slot * DiskGuest.bufferBytes(w), w.blockBytes(), w.sectorBytes(), slot + 1);
        }
    }

    @Override
    void prepare() {
        client.enableSynic();
    }

    @Override
    void connect() {
        client.connect();
        rings.start();
        vsc.start();
    }

    @Override
    void transfer() {
        a.imul(RSI, RSI, transfers[0].length);
        a.lea(RDI, mem(transferPackets));
        a.add(RSI, RDI);
        a.bswap(RDX);
        a.mov(mem(RSI).disp(StorVsc.transferAddress(w.blockBytes())), RDX);
        a.mov(ECX, transfers[0].length / 8);
        rings.write();
    }

    @Override
    void flush() {
        a.imul(RSI, RSI, flushBytes);
        a.lea(RDI, mem(flushPackets));
        a.add(RSI, RDI);
        a.mov(ECX, flushBytes / 8);
        rings.write();
    }

    @Override
    void publish() {
        rings.publish();
    }

    @Override
    void poll(Label none) {
        vsc.takeCompletion(none);
        a.dec(EAX);
    }

    @Override
    void sleep() {
        rings.sleepUntilPacket();
    }

    @Override
    void emit() {
        client.emit();
        rings.emit();
        vsc.emit();
        a.align(8);
        a.bind(transferPackets);
        for (byte[] packet : transfers) {
            a.bytes(packet);
        }
        a.bind(flushPackets);
        for (int slot = 0; slot < w.depth(); slot++) {
            a.bytes(StorVsc.plainPacket(StorVsc.SYNCHRONIZE_CACHE_10, slot + 1));
        }
    }
}
