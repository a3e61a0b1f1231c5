package dev.jvisor.devices.pic;

import static dev.jvisor.devices.pic.PicRegisters.*;

/** One 8259A. Not synchronized: {@link Pic} is. Lines are numbered 0 to 7. */
final class Pic8259 {
    private final boolean master;
    private final int elcrWritable;

    private int irr;
    private int isr;
    private int imr;
    private int levels;
    private int elcr;
    private int vectorBase;
    /** The line with the highest priority; rotation moves it. */
    private int first;
    /** Which initialization word is expected at A0 = 1: 2, 3, 4; 0 for OCW1. */
    private int expectedIcw;
    private boolean needsIcw4;
    private boolean single;
    private boolean levelMode;
    private boolean autoEoi;
    private boolean rotateOnAutoEoi;
    private boolean fullyNested;
    private boolean specialMask;
    private boolean readIsr;
    private boolean poll;

    Pic8259(boolean master, int elcrWritable) {
        this.master = master;
        this.elcrWritable = elcrWritable;
    }

    /** Power-on. Levels of the lines stay: they belong to the devices. */
    void reset() {
        int held = levels;
        restore(PicState.Chip.POWER_ON);
        levels = held;
    }

    private int levelTriggered() {
        return levelMode ? 0xFF : elcr;
    }

    void setLine(int line, boolean level) {
        int bit = 1 << line;
        if ((levelTriggered() & bit) != 0) {
            irr = level ? irr | bit : irr & ~bit;
        } else if (level && (levels & bit) == 0) {
            // The latch keeps a request whose line falls before the acknowledge; chips in PC chip sets do, and pulses rely on it.
            irr |= bit;
        }
        levels = level ? levels | bit : levels & ~bit;
    }

    /** {@return rank of the most urgent line in {@code lines}, 0 the highest; 8 for none} */
    private int rank(int lines) {
        if (lines == 0) {
            return 8;
        }
        int rotated = (lines >>> first | lines << 8 - first) & 0xFF;
        return Integer.numberOfTrailingZeros(rotated);
    }

    /** {@return the line the chip asks service for, or -1} */
    int pending() {
        int request = rank(irr & ~imr);
        int serving = isr;
        if (specialMask) {
            serving &= ~imr;
        }
        if (fullyNested && master) {
            serving &= ~(1 << CASCADE_LINE);
        }
        return request < rank(serving) ? request + first & 7 : -1;
    }

    /** Moves a line to service, as the acknowledge cycle does. */
    void accept(int line) {
        int bit = 1 << line;
        if (!autoEoi) {
            isr |= bit;
        } else if (rotateOnAutoEoi) {
            first = line + 1 & 7;
        }
        if ((levelTriggered() & bit) == 0) {
            irr &= ~bit;
        }
    }

    int vector(int line) {
        return vectorBase | line;
    }

    int readCommand() {
        if (poll) {
            return pollRead();
        }
        return readIsr ? isr : irr;
    }

    int readData() {
        return poll ? pollRead() : imr;
    }

    private int pollRead() {
        poll = false;
        int line = pending();
        if (line < 0) {
            return 0;
        }
        accept(line);
        return 0x80 | line;
    }

    void writeCommand(int value) {
        if ((value & ICW1) != 0) {
            initialize(value);
        } else if ((value & OCW3) != 0) {
            writeOcw3(value);
        } else {
            writeOcw2(value);
        }
    }

    private void initialize(int icw1) {
        levelMode = (icw1 & ICW1_LTIM) != 0;
        single = (icw1 & ICW1_SNGL) != 0;
        needsIcw4 = (icw1 & ICW1_IC4) != 0;
        irr = levels & levelTriggered();
        isr = 0;
        imr = 0;
        first = 0;
        autoEoi = false;
        rotateOnAutoEoi = false;
        fullyNested = false;
        specialMask = false;
        readIsr = false;
        poll = false;
        expectedIcw = 2;
    }

    private void writeOcw3(int value) {
        if ((value & OCW3_ESMM) != 0) {
            specialMask = (value & OCW3_SMM) != 0;
        }
        if ((value & OCW3_POLL) != 0) {
            poll = true;
        } else if ((value & OCW3_RR) != 0) {
            readIsr = (value & OCW3_RIS) != 0;
        }
    }

    private void writeOcw2(int value) {
        int line = value & 7;
        switch (value >>> 5) {
            case 0 -> rotateOnAutoEoi = false;
            case 4 -> rotateOnAutoEoi = true;
            case 1, 5 -> {
                int rank = rank(specialMask ? isr & ~imr : isr);
                if (rank < 8) {
                    int served = rank + first & 7;
                    isr &= ~(1 << served);
                    if (value >>> 5 == 5) {
                        first = served + 1 & 7;
                    }
                }
            }
            case 3 -> isr &= ~(1 << line);
            case 6 -> first = line + 1 & 7;
            case 7 -> {
                isr &= ~(1 << line);
                first = line + 1 & 7;
            }
            default -> { } // 2: no operation
        }
    }

    void writeData(int value) {
        switch (expectedIcw) {
            case 2 -> {
                vectorBase = value & 0xF8;
                expectedIcw = !single ? 3 : needsIcw4 ? 4 : 0;
            }
            case 3 -> expectedIcw = needsIcw4 ? 4 : 0; // the cascade is wired, whatever ICW3 says
            case 4 -> {
                fullyNested = (value & ICW4_SFNM) != 0;
                autoEoi = (value & ICW4_AEOI) != 0;
                expectedIcw = 0;
            }
            default -> imr = value & 0xFF;
        }
    }

    int readElcr() {
        return elcr;
    }

    void writeElcr(int value) {
        elcr = value & elcrWritable;
        irr = irr & ~elcr | levels & elcr;
    }

    PicState.Chip save() {
        return new PicState.Chip(irr, isr, imr, levels, elcr, vectorBase, first, expectedIcw, needsIcw4, single, levelMode, autoEoi,
                rotateOnAutoEoi, fullyNested, specialMask, readIsr, poll);
    }

    void restore(PicState.Chip s) {
        irr = s.irr();
        isr = s.isr();
        imr = s.imr();
        levels = s.levels();
        elcr = s.elcr();
        vectorBase = s.vectorBase();
        first = s.first();
        expectedIcw = s.expectedIcw();
        needsIcw4 = s.needsIcw4();
        single = s.single();
        levelMode = s.levelMode();
        autoEoi = s.autoEoi();
        rotateOnAutoEoi = s.rotateOnAutoEoi();
        fullyNested = s.fullyNested();
        specialMask = s.specialMask();
        readIsr = s.readIsr();
        poll = s.poll();
    }
}
