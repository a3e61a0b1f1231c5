package dev.jvisor.tools.machine;

import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.motherboard.Motherboard;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.server.Offer;
import dev.jvisor.vmbus.server.VmbusServer;
import dev.jvisor.vmbus.storage.StorVsp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The disks of a machine, open, and the controllers they are on. */
final class Storage implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Storage.class);
    /** Any fixed one: guests name the controller by it. */
    private static final UUID SCSI_INSTANCE = UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0001");
    private static final int VPS_PER_SUB_CHANNEL = 4;

    private final List<VirtualDisk> disks = new ArrayList<>();
    private final ScsiTarget target = new ScsiTarget();
    private final List<VirtualDisk> ide = new ArrayList<>();
    private int luns;

    private Storage() { }

    /**
     * Opens disks; the first of each bus is LUN 0, or drive 0 of the primary channel.
     *
     * @throws dev.jvisor.tools.options.UserMistake when one cannot be had; then none is open
     */
    static Storage open(List<DiskConfig> configs) {
        Storage s = new Storage();
        try {
            for (DiskConfig c : configs) {
                VirtualDisk d = c.open();
                s.disks.add(d);
                switch (c.bus()) {
                    case SCSI -> s.target.attach(s.luns++, new ScsiDisk(d));
                    case IDE -> s.ide.add(d);
                }
            }
            return s;
        } catch (RuntimeException | Error e) {
            s.close();
            throw e;
        }
    }

    /** Puts the IDE controller on the board, if there is a disk on it. */
    void attach(Motherboard board) {
        if (!ide.isEmpty()) {
            board.addIde(controller -> ide.forEach(d -> controller.attachDisk(controller.freeDrive(), d)));
        }
    }

    /** Offers the synthetic controller, if there is a disk on it. */
    void offer(VmbusServer bus, int processors) {
        if (luns > 0) {
            StorVsp vsp = new StorVsp(target, (processors - 1 + VPS_PER_SUB_CHANNEL - 1) / VPS_PER_SUB_CHANNEL);
            bus.offer(Offer.of("scsi0", DeviceClass.SCSI, SCSI_INSTANCE), vsp.device());
        }
    }

    /** Closes the disks, what is written is durable then. The bus has been closed before. */
    @Override
    public void close() {
        for (VirtualDisk d : disks) {
            try {
                d.close();
            } catch (IOException e) {
                LOG.error("a disk did not close well: {}", e.getMessage());
            }
        }
    }
}
