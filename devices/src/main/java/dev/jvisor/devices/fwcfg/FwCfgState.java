package dev.jvisor.devices.fwcfg;

/**
 * What a {@link FwCfg} remembers. Its items are the configuration's, not state.
 *
 * @param key selected item
 * @param offset next byte of it
 * @param dmaHigh high half of the DMA address, as a number
 */
public record FwCfgState(int key, long offset, int dmaHigh) { }
