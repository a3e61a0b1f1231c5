package dev.jvisor.devices.vga;

/**
 * What the adapter remembers.
 *
 * @param memory the text memory
 * @param registers the register file, groups one after another as {@link VgaPorts} lays them out
 * @param indexes selected registers: attribute, sequencer, graphics, CRT, palette read, palette write
 * @param attributeData the next write to 3C0h is data
 * @param palette the palette
 * @param paletteStep which colour of a palette entry is next
 */
public record VgaState(byte[] memory, byte[] registers, int[] indexes, boolean attributeData, byte[] palette, int paletteStep) {
    /** Copies the arrays. */
    public VgaState {
        if (memory.length != TextScreen.SIZE || registers.length != VgaPorts.REGISTERS || indexes.length != VgaPorts.INDEXES
                || palette.length != VgaPorts.PALETTE) {
            throw new IllegalArgumentException("not the state of this adapter: memory=" + memory.length + ", registers=" + registers.length);
        }
        memory = memory.clone();
        registers = registers.clone();
        indexes = indexes.clone();
        palette = palette.clone();
    }
}
