package dev.jvisor.devices.ide;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The 256 words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE, word by word as ACS-2 7.12 and 7.13 number them. */
final class IdentifyData {
    static final int BYTES = 512;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int WORDS = 256;
    private static final int SERIAL_CHARS = 20;
    private static final int FIRMWARE_CHARS = 8;
    private static final int MODEL_CHARS = 40;
    private static final int CHECKSUM_WORD = 255;
    private static final int CHECKSUM_SIGNATURE = 0xA5;
    /** Word 53: words 54 to 58, 64 to 70 and 88 mean something. */
    private static final int ALL_VALID = 7;
    /** Word 80: ATA/ATAPI-4 to ATA8-ACS. */
    private static final int VERSIONS = 0x1F0;
    private static final int CYCLE_NS = 120;
    /** A word of which bit 14 set and bit 15 clear say that it means something. */
    private static final int MEANT = 0x4000;

    static final int COMMANDS_NOP = 1 << 14;
    static final int COMMANDS_LOOK_AHEAD = 1 << 6;
    static final int COMMANDS_WRITE_CACHE = 1 << 5;
    static final int COMMANDS_POWER = 1 << 3;
    static final int COMMANDS_PACKET = 1 << 4;
    static final int COMMANDS_DEVICE_RESET = 1 << 9;
    static final int COMMANDS2_LBA48 = 1 << 10;
    static final int COMMANDS2_FLUSH = 1 << 12;
    static final int COMMANDS2_FLUSH_EXT = 1 << 13;
    static final int COMMANDS3_FUA = 1 << 6;

    private final int[] words = new int[WORDS];

    IdentifyData set(int word, int value) {
        words[word] = value & 0xFFFF;
        return this;
    }

    IdentifyData set32(int word, long value) {
        return set(word, (int) value).set(word + 1, (int) (value >>> 16));
    }

    IdentifyData set48(int word, long value) {
        return set32(word, value).set(word + 2, (int) (value >>> 32));
    }

    /** Text, padded with spaces; the first character of each pair is the word's upper byte. */
    private void text(int word, int chars, String text) {
        for (int i = 0; i < chars; i++) {
            int c = i < text.length() ? text.charAt(i) & 0x7F : ' ';
            words[word + i / 2] |= (i & 1) == 0 ? c << 8 : c;
        }
    }

    /** What disks and packet drives have in common. @param transferMode as SET FEATURES was told */
    IdentifyData drive(int index, String serial, String model, int transferMode) {
        text(10, SERIAL_CHARS, serial);
        text(23, FIRMWARE_CHARS, "1.0");
        text(27, MODEL_CHARS, model);
        set(53, ALL_VALID);
        set(63, 0x07 | selected(transferMode, 0x20) << 8);
        set(64, 3);
        for (int word = 65; word <= 68; word++) {
            set(word, CYCLE_NS);
        }
        set(80, VERSIONS);
        set(88, 0x3F | selected(transferMode, 0x40) << 8);
        // Reset passed, device number by jumper, and for device 0 its own half; an 80-wire cable.
        return set(93, MEANT | 0x2000 | (index == 0 ? 0x0B : 0x0B00));
    }

    private static int selected(int mode, int kind) {
        return (mode & 0xF8) == kind ? 1 << (mode & 7) : 0;
    }

    IdentifyData commands(int supported, int supported2, int supported3, int enabled) {
        set(82, supported).set(83, MEANT | supported2).set(84, MEANT | supported3);
        return set(85, enabled).set(86, supported2).set(87, MEANT | supported3);
    }

    void write(MemorySegment to) {
        int sum = CHECKSUM_SIGNATURE;
        for (int i = 0; i < CHECKSUM_WORD; i++) {
            sum += words[i] + (words[i] >>> 8);
        }
        set(CHECKSUM_WORD, (-sum & 0xFF) << 8 | CHECKSUM_SIGNATURE);
        for (int i = 0; i < WORDS; i++) {
            to.set(LE16, 2L * i, (short) words[i]);
        }
    }
}
