package dev.jvisor.devices.vga;

import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.time.Clock;
import java.util.Arrays;

/**
 * The VGA registers at 3C0h to 3DFh, in the state a BIOS leaves for text mode 3. They remember; only the CRT controller's start address has
 * an effect, on {@link TextScreen#dump()}. Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem".
 *
 * <p>Thread-safe.
 */
public final class VgaPorts implements PortDevice {
    /** First port. */
    public static final int BASE = 0x3C0;
    /** Number of ports. */
    public static final int PORTS = 0x20;

    private static final int ATTRIBUTE = 0x3C0;
    private static final int ATTRIBUTE_READ = 0x3C1;
    private static final int MISC_WRITE = 0x3C2;
    private static final int SEQUENCER = 0x3C4;
    private static final int PALETTE_MASK = 0x3C6;
    private static final int PALETTE_READ = 0x3C7;
    private static final int PALETTE_WRITE = 0x3C8;
    private static final int PALETTE_DATA = 0x3C9;
    private static final int FEATURE_READ = 0x3CA;
    private static final int MISC_READ = 0x3CC;
    private static final int GRAPHICS = 0x3CE;
    private static final int CRT = 0x3D4;
    private static final int STATUS_1 = 0x3DA;

    private static final int DISPLAY_OFF = 0x01;
    private static final int VERTICAL_RETRACE = 0x08;
    private static final int CRT_START_HIGH = 0x0C;
    private static final int CRT_START_LOW = 0x0D;
    private static final int CRT_PROTECT_INDEX = 0x11;
    private static final int CRT_PROTECT = 0x80;

    /** Where the groups begin in the register file, 32 places each; miscellaneous output, feature control and palette mask follow. */
    private static final int ATTRIBUTES = 0;
    private static final int SEQUENCERS = 32;
    private static final int GRAPHICSES = 64;
    private static final int CRTS = 96;
    private static final int MISC = 128;
    private static final int FEATURE = 129;
    private static final int MASK = 130;
    static final int REGISTERS = 131;
    static final int INDEXES = 6;
    static final int PALETTE = 768;

    private static final int I_ATTRIBUTE = 0;
    private static final int I_SEQUENCER = 1;
    private static final int I_GRAPHICS = 2;
    private static final int I_CRT = 3;
    private static final int I_PALETTE_READ = 4;
    private static final int I_PALETTE_WRITE = 5;

    /** 70 Hz. */
    private static final long FRAME_NS = 14_285_714;
    private static final long LINE_NS = 31_778;
    private static final long VERTICAL_NS = 49 * LINE_NS;
    private static final long HORIZONTAL_NS = 6_356;

    private static final int[] TEXT_CRT = {
        0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96,
        0xB9, 0xA3, 0xFF,
    };
    private static final int[] TEXT_SEQUENCER = {0x03, 0x00, 0x03, 0x00, 0x02};
    private static final int[] TEXT_GRAPHICS = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x00, 0xFF};
    private static final int[] TEXT_ATTRIBUTES = {
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00,
    };

    private final Clock clock;
    private final TextScreen screen;

    private final byte[] registers = new byte[REGISTERS];
    private final int[] indexes = new int[INDEXES];
    private final byte[] palette = new byte[PALETTE];
    private boolean attributeData;
    private int paletteStep;

    /**
     * Makes the registers of an adapter.
     *
     * @param clock times the retrace
     * @param screen its text memory
     */
    public VgaPorts(Clock clock, TextScreen screen) {
        this.clock = clock;
        this.screen = screen;
        powerOn();
    }

    /** Power-on reset and what a BIOS would do: text mode 3, blank. */
    public synchronized void reset() {
        powerOn();
        screen.clear();
    }

    private void powerOn() {
        Arrays.fill(registers, (byte) 0);
        Arrays.fill(indexes, 0);
        fill(CRTS, TEXT_CRT);
        fill(SEQUENCERS, TEXT_SEQUENCER);
        fill(GRAPHICSES, TEXT_GRAPHICS);
        fill(ATTRIBUTES, TEXT_ATTRIBUTES);
        registers[MISC] = 0x67;
        registers[MASK] = (byte) 0xFF;
        indexes[I_ATTRIBUTE] = 0x20; // display on
        attributeData = false;
        paletteStep = 0;
        for (int i = 0; i < PALETTE; i++) {
            int colour = i / 3 & 0x3F;
            int bit = 2 - i % 3; // red, green, blue are bits 2, 1, 0, at two thirds; bits 5, 4, 3 add a third
            palette[i] = (byte) ((colour >> bit & 1) * 0x2A + (colour >> bit + 3 & 1) * 0x15);
        }
    }

    private void fill(int at, int[] values) {
        for (int i = 0; i < values.length; i++) {
            registers[at + i] = (byte) values[i];
        }
    }

    private int indexed(int group, int index) {
        return registers[group + (indexes[index] & 31)] & 0xFF;
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        return switch (port) {
            case ATTRIBUTE -> indexes[I_ATTRIBUTE];
            case ATTRIBUTE_READ -> indexed(ATTRIBUTES, I_ATTRIBUTE);
            case MISC_WRITE -> 0x10; // input status 0: the switch sense that a colour display gives
            case SEQUENCER -> indexes[I_SEQUENCER];
            case SEQUENCER + 1 -> indexed(SEQUENCERS, I_SEQUENCER);
            case PALETTE_MASK -> registers[MASK] & 0xFF;
            case PALETTE_READ -> 0x03;
            case PALETTE_WRITE -> indexes[I_PALETTE_WRITE];
            case PALETTE_DATA -> {
                int value = palette[indexes[I_PALETTE_READ] * 3 + paletteStep];
                stepPalette(I_PALETTE_READ);
                yield value;
            }
            case FEATURE_READ -> registers[FEATURE] & 0xFF;
            case MISC_READ -> registers[MISC] & 0xFF;
            case GRAPHICS -> indexes[I_GRAPHICS];
            case GRAPHICS + 1 -> indexed(GRAPHICSES, I_GRAPHICS);
            case CRT -> indexes[I_CRT];
            case CRT + 1 -> indexed(CRTS, I_CRT);
            case STATUS_1 -> {
                attributeData = false;
                yield status();
            }
            default -> 0xFF;
        };
    }

    private int status() {
        long inFrame = clock.nowNs() % FRAME_NS;
        if (inFrame >= FRAME_NS - VERTICAL_NS) {
            return VERTICAL_RETRACE | DISPLAY_OFF;
        }
        return inFrame % LINE_NS >= LINE_NS - HORIZONTAL_NS ? DISPLAY_OFF : 0;
    }

    private void stepPalette(int index) {
        if (++paletteStep == 3) {
            paletteStep = 0;
            indexes[index] = indexes[index] + 1 & 0xFF;
        }
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        int v = value & 0xFF;
        switch (port) {
            case ATTRIBUTE -> {
                if (attributeData) {
                    registers[ATTRIBUTES + (indexes[I_ATTRIBUTE] & 31)] = (byte) v;
                } else {
                    indexes[I_ATTRIBUTE] = v & 0x3F;
                }
                attributeData = !attributeData;
            }
            case MISC_WRITE -> registers[MISC] = (byte) v;
            case SEQUENCER -> indexes[I_SEQUENCER] = v & 7;
            case SEQUENCER + 1 -> registers[SEQUENCERS + indexes[I_SEQUENCER]] = (byte) v;
            case PALETTE_MASK -> registers[MASK] = (byte) v;
            case PALETTE_READ -> {
                indexes[I_PALETTE_READ] = v;
                paletteStep = 0;
            }
            case PALETTE_WRITE -> {
                indexes[I_PALETTE_WRITE] = v;
                paletteStep = 0;
            }
            case PALETTE_DATA -> {
                palette[indexes[I_PALETTE_WRITE] * 3 + paletteStep] = (byte) (v & 0x3F);
                stepPalette(I_PALETTE_WRITE);
            }
            case GRAPHICS -> indexes[I_GRAPHICS] = v & 15;
            case GRAPHICS + 1 -> registers[GRAPHICSES + indexes[I_GRAPHICS]] = (byte) v;
            case CRT -> indexes[I_CRT] = v & 31;
            case CRT + 1 -> writeCrt(indexes[I_CRT], v);
            case STATUS_1 -> registers[FEATURE] = (byte) v;
            default -> { }
        }
    }

    private void writeCrt(int index, int value) {
        if (index < 8 && (registers[CRTS + CRT_PROTECT_INDEX] & CRT_PROTECT) != 0) {
            return;
        }
        registers[CRTS + index] = (byte) value;
        showStart();
    }

    private void showStart() {
        screen.start((registers[CRTS + CRT_START_HIGH] & 0xFF) << 8 | registers[CRTS + CRT_START_LOW] & 0xFF);
    }

    /** {@return what the adapter remembers, its memory included} */
    public synchronized VgaState save() {
        return new VgaState(screen.copy(), registers, indexes, attributeData, palette, paletteStep);
    }

    /** Replaces what the adapter remembers. */
    public synchronized void restore(VgaState s) {
        screen.replace(s.memory());
        System.arraycopy(s.registers(), 0, registers, 0, REGISTERS);
        for (int i = 0; i < INDEXES; i++) {
            indexes[i] = s.indexes()[i] & (i >= I_PALETTE_READ ? 0xFF : i == I_ATTRIBUTE ? 0x3F : i == I_SEQUENCER ? 7 : i == I_GRAPHICS ? 15 : 31);
        }
        System.arraycopy(s.palette(), 0, palette, 0, PALETTE);
        attributeData = s.attributeData();
        paletteStep = Math.floorMod(s.paletteStep(), 3);
        showStart();
    }
}
