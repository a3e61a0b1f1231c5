package dev.jvisor.tools.machine;

import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.ide.IdeController;
import dev.jvisor.devices.motherboard.Motherboard;
import dev.jvisor.devices.scsi.ScsiDisk;
import dev.jvisor.devices.scsi.ScsiDvd;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.server.Offer;
import dev.jvisor.vmbus.server.VmbusServer;
import dev.jvisor.vmbus.storage.StorVsp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The disks of a machine, open, and the controllers they are on. */
final class Storage implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Storage.class);
    /** Any fixed one: guests name the controller by it. */
    private static final UUID SCSI_INSTANCE = UUID.fromString("2f2b8c61-6a0e-4d1b-9d52-9c1f6d7a0001");
    private static final int VPS_PER_SUB_CHANNEL = 4;
    private static final int[] DISKS_FIRST = {0, 1, 2, 3}, DVDS_FIRST = {2, 3, 1, 0};

    private final List<VirtualDisk> disks = new ArrayList<>();
    private final ScsiTarget target = new ScsiTarget();
    private final Map<Integer, IdeUnit> ide = new TreeMap<>();
    private final List<String> bootOrder = new ArrayList<>();
    private int luns;

    /** What is on an IDE drive. */
    private record IdeUnit(VirtualDisk disk, DiskConfig.Media media) { }

    private Storage() { }

    /**
     * Opens disks; the first of each bus is LUN 0, or drive 0 of the primary channel. DVD drives on IDE begin at the secondary channel, where
     * there is room.
     *
     * @param firmware whether the machine has firmware
     * @throws UserMistake when one cannot be had or does not fit; then none is open
     */
    static Storage open(List<DiskConfig> configs, boolean firmware) {
        Storage s = new Storage();
        try {
            for (DiskConfig any : configs) {
                DiskConfig c = any.placed(firmware);
                VirtualDisk d = c.open();
                s.disks.add(d);
                switch (c.bus()) {
                    case SCSI -> s.addScsi(c, d);
                    case IDE -> s.addIde(c, d);
                }
            }
            return s;
        } catch (RuntimeException | Error e) {
            s.close();
            throw e;
        }
    }

    private void addScsi(DiskConfig c, VirtualDisk d) {
        if (luns == ScsiTarget.MAX_LUNS) {
            throw new UserMistake("--disk: more disks than fit on the SCSI controller; give at most " + ScsiTarget.MAX_LUNS);
        }
        int lun = luns++;
        if (c.media() == DiskConfig.Media.DISK) {
            target.attach(lun, new ScsiDisk(d));
        } else {
            ScsiDvd dvd = new ScsiDvd("jvisor-scsi-dvd-" + lun);
            dvd.insert(d);
            target.attach(lun, dvd);
        }
    }

    private void addIde(DiskConfig c, VirtualDisk d) {
        for (int drive : c.media() == DiskConfig.Media.DISK ? DISKS_FIRST : DVDS_FIRST) {
            if (ide.putIfAbsent(drive, new IdeUnit(d, c.media())) == null) {
                bootOrder.add(IdeController.firmwarePath(drive));
                return;
            }
        }
        throw new UserMistake("--disk: more disks than fit on the IDE controller; give at most " + IdeController.DRIVES
                + ", or put some on bus=scsi");
    }

    /** {@return what firmware can boot from, in the order of the options, by the names that it uses} */
    List<String> bootOrder() {
        return bootOrder;
    }

    /** Puts the IDE controller on the board, if there is a disk on it. */
    void attach(Motherboard board) {
        if (!ide.isEmpty()) {
            board.addIde(controller -> ide.forEach((drive, unit) -> {
                if (unit.media == DiskConfig.Media.DISK) {
                    controller.attachDisk(drive, unit.disk);
                } else {
                    ScsiDvd dvd = new ScsiDvd("jvisor-dvd-" + drive);
                    dvd.insert(unit.disk);
                    controller.attachDvd(drive, dvd);
                }
            }));
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
