package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.fwcfg.FwCfgState;
import dev.jvisor.devices.i8042.I8042State;
import dev.jvisor.devices.ide.IdeState;
import dev.jvisor.devices.legacy.CoprocessorErrorState;
import dev.jvisor.devices.pci.PciBusState;
import dev.jvisor.devices.pci.PciFunctionState;
import dev.jvisor.devices.pic.PicState;
import dev.jvisor.devices.pit.PitState;
import dev.jvisor.devices.pm.PmState;
import dev.jvisor.devices.rtc.RtcState;
import dev.jvisor.devices.serial.ComPort;
import dev.jvisor.devices.serial.SerialState;
import dev.jvisor.devices.testdev.PcTestState;
import dev.jvisor.devices.vga.VgaState;
import java.util.Map;

/**
 * What the devices of a board remember; null for a device that the board does not carry.
 *
 * @param version of this record's meaning, {@link #VERSION}
 */
public record MotherboardState(int version, PicState pic, PitState pit, RtcState rtc, Map<ComPort, SerialState> serial, I8042State i8042,
                               PciBusState pci, PmState pm, VgaState vga, IdeState ide, PcTestState testDevice, FwCfgState fwCfg,
                               PciFunctionState isa, FirmwareState firmware,
                               CoprocessorErrorState coprocessorError) {
    /** The version that is written. */
    public static final int VERSION = 5;
}
