package dev.jvisor.devices.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortSpace;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class IsaBridgeTest {
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final IsaBridge bridge = new IsaBridge(interrupts);
    private final PciBus bus = new PciBus(new GpaSpace(Arena.ofAuto().allocate(4096, 4096)), new PortSpace(), interrupts, () -> { });
    private final PciFunction[] cards = new PciFunction[6];

    IsaBridgeTest() {
        bus.add(1, 0, bridge);
        bus.connect(bridge);
        for (int d = 2; d < cards.length; d++) {
            cards[d] = new PciFunction(new PciIdentity(0x1234, 0x5678, 0x020000, 1, 0, 0, 1));
            bus.add(d, 0, cards[d]);
        }
    }

    private void route(int line, int isa) {
        bus.portWrite(0, 0xCF8, 4, 0x80000860);
        bus.portWrite(0, 0xCFC + line, 1, isa);
    }

    @Test
    void pinsReachTheIsaLineThatFirmwareChose() {
        cards[2].setInterrupt(true); // device 2, INTA#: PIRQB
        assertTrue(interrupts.level(PciBus.gsi(2, 1)), "the I/O APIC has its own wire");
        for (int isa = 0; isa < 16; isa++) {
            assertFalse(interrupts.level(isa), "not routed after reset: " + isa);
        }
        route(1, 10);
        assertTrue(interrupts.level(10));
        route(1, 11);
        assertFalse(interrupts.level(10));
        assertTrue(interrupts.level(11));
        cards[2].setInterrupt(false);
        assertFalse(interrupts.level(11));
    }

    @Test
    void linesThatShareAnInterruptAreOred() {
        for (int line = 0; line < 4; line++) {
            route(line, 11);
        }
        cards[2].setInterrupt(true);
        cards[3].setInterrupt(true);
        assertEquals(1, interrupts.rises(11));
        cards[2].setInterrupt(false);
        assertTrue(interrupts.level(11));
        cards[3].setInterrupt(false);
        assertFalse(interrupts.level(11));
    }

    @Test
    void linesThatNoCardMayHaveStayTheirs() {
        cards[2].setInterrupt(true);
        for (int isa : new int[] {0, 1, 2, 8, 13}) {
            route(1, isa);
            assertFalse(interrupts.level(isa), "isa=" + isa);
        }
        route(1, 0x85);
        assertFalse(interrupts.level(5), "bit 7 is off");
    }

    @Test
    void resetForgetsTheRoutes() {
        route(1, 10);
        cards[2].setInterrupt(true);
        bus.reset();
        assertFalse(interrupts.level(10));
        bus.portWrite(0, 0xCF8, 4, 0x80000860);
        assertEquals(0x80808080, bus.portRead(0, 0xCFC, 4));
    }

    @Test
    void routesMoveWithTheState() {
        route(1, 10);
        cards[2].setInterrupt(true);
        PciFunctionState state = bridge.saveFunction();
        route(1, 11);
        bridge.restoreFunction(state);
        assertTrue(interrupts.level(10));
        assertFalse(interrupts.level(11));
    }
}
