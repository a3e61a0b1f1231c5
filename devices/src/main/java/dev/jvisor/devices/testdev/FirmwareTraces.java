package dev.jvisor.devices.testdev;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortDevice;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * What the firmware of a PC leaves behind, for images in real mode that count on it though no firmware has run: an interrupt vector table whose
 * handlers return, interrupt controllers that deliver from 08h and 70h, and a timer that ticks 18.2 times a second.
 */
public final class FirmwareTraces {
    private static final int VECTORS = 256;
    private static final int MASTER_VECTOR = 0x08, SLAVE_VECTOR = 0x70, LINES = 8;
    private static final long BIOS = 0xF0000;
    private static final int SEGMENT = 0xF000;

    // Handlers: where, and what. The dummy's offset is the one that PC firmware has used from the beginning.
    private static final int RETURN = 0xFF53, TIMER = 0xFEA5, MASTER = 0xFE80, SLAVE = 0xFE90;
    /** IRET. */
    private static final String RETURN_CODE = "cf";
    /** PUSH AX · MOV AL, 20h · OUT 20h, AL · POP AX · IRET. */
    private static final String MASTER_CODE = "50 b020 e620 58 cf";
    /** The same, with OUT A0h, AL before. */
    private static final String SLAVE_CODE = "50 b020 e6a0 e620 58 cf";
    /** PUSH AX · PUSH DS · MOV AX, 40h · MOV DS, AX · ADD [6Ch], 1 · ADC [6Eh], 0 · MOV AL, 20h · OUT 20h, AL · POP DS · POP AX · IRET. */
    private static final String TIMER_CODE = "50 1e b84000 8ed8 83066c0001 83166e0000 b020 e620 1f 58 cf";

    private FirmwareTraces() { }

    /** Leaves the vector table and its handlers. */
    public static void leave(GpaSpace gpa) {
        ByteBuffer table = ByteBuffer.allocate(VECTORS * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int v = 0; v < VECTORS; v++) {
            int offset = v == MASTER_VECTOR ? TIMER : v > MASTER_VECTOR && v < MASTER_VECTOR + LINES ? MASTER
                    : v >= SLAVE_VECTOR && v < SLAVE_VECTOR + LINES ? SLAVE : RETURN;
            table.putInt(SEGMENT << 16 | offset);
        }
        gpa.write(0, table.array());
        code(gpa, RETURN, RETURN_CODE);
        code(gpa, MASTER, MASTER_CODE);
        code(gpa, SLAVE, SLAVE_CODE);
        code(gpa, TIMER, TIMER_CODE);
    }

    /**
     * Leaves interrupt controllers and timer running.
     *
     * @param pic the interrupt controllers, at ports 20h and A0h
     * @param pit the timer, at port 40h
     */
    public static void leave(PortDevice pic, PortDevice pit) {
        // ICW1 to ICW4, then all lines masked but timer and cascade.
        write(pic, 0x20, 0x11, 0x21, MASTER_VECTOR, 0x21, 0x04, 0x21, 0x01, 0x21, 0xFA);
        write(pic, 0xA0, 0x11, 0xA1, SLAVE_VECTOR, 0xA1, 0x02, 0xA1, 0x01, 0xA1, 0xFF);
        // Counter 0, both bytes, mode 2, count 65536.
        write(pit, 0x43, 0x34, 0x40, 0, 0x40, 0);
    }

    private static void code(GpaSpace gpa, int offset, String hex) {
        gpa.write(BIOS + offset, HexFormat.of().parseHex(hex.replace(" ", "")));
    }

    /** @param portsAndValues in turn */
    private static void write(PortDevice device, int... portsAndValues) {
        for (int i = 0; i < portsAndValues.length; i += 2) {
            device.portWrite(0, portsAndValues[i], 1, portsAndValues[i + 1]);
        }
    }
}
