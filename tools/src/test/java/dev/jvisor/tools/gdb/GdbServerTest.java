package dev.jvisor.tools.gdb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.tools.gdb.DebugTarget.Reason;
import dev.jvisor.tools.gdb.DebugTarget.Stop;
import dev.jvisor.vmm.backend.Watchpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Speaks the protocol to the server as GDB does, byte by byte. */
@Timeout(60)
class GdbServerTest {
    private final FakeTarget target = new FakeTarget();
    private GdbServer server;
    private Socket socket;

    @BeforeEach
    void connect() throws IOException {
        server = new GdbServer(target, 0);
        socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
    }

    @AfterEach
    void close() throws IOException {
        socket.close();
        server.close();
    }

    private void send(String data) throws IOException {
        int sum = 0;
        for (int i = 0; i < data.length(); i++) {
            sum += data.charAt(i);
        }
        socket.getOutputStream().write(("$" + data + "#" + String.format("%02x", sum & 0xFF)).getBytes(StandardCharsets.ISO_8859_1));
    }

    private String receive() throws IOException {
        int c;
        while ((c = socket.getInputStream().read()) != '$') {
            assertTrue(c == '+' || c == '-', "unexpected byte " + c);
        }
        StringBuilder s = new StringBuilder();
        while ((c = socket.getInputStream().read()) != '#') {
            assertTrue(c >= 0, "stream ended inside a packet");
            s.append((char) (c == '}' ? socket.getInputStream().read() ^ 0x20 : c));
        }
        socket.getInputStream().readNBytes(2);
        return s.toString();
    }

    private String ask(String data) throws IOException {
        send(data);
        return receive();
    }

    @Test
    void saysWhatItCanAndDescribesTheRegisters() throws IOException {
        assertTrue(ask("qSupported:multiprocess+;xmlRegisters=i386").contains("qXfer:features:read+"));
        StringBuilder xml = new StringBuilder();
        String part;
        do {
            part = ask("qXfer:features:read:target.xml:" + Integer.toHexString(xml.length()) + ",400");
            xml.append(part.substring(1));
        } while (part.charAt(0) == 'm');
        assertTrue(xml.toString().endsWith("</target>"), xml.toString());
        assertTrue(xml.toString().contains("<reg name=\"rip\" bitsize=\"64\""));
    }

    @Test
    void isStoppedAtTheStart() throws IOException {
        assertEquals("T05thread:1;", ask("?"));
        assertEquals("m1,2", ask("qfThreadInfo"));
        assertEquals("l", ask("qsThreadInfo"));
    }

    @Test
    void readsAndWritesRegistersInGdbsOrder() throws IOException {
        target.states[0].gpr[3] = 0x1122334455667788L; // RBX is GDB's number 1
        target.states[0].rip = 0xFFFF_FFFF_8100_0000L;
        String all = ask("g");
        assertEquals("8877665544332211", all.substring(16, 32));
        assertEquals("00000081ffffffff", ask("p10"));
        assertEquals("OK", ask("P1=0100000000000000"));
        assertEquals(1, target.states[0].gpr[3]);
        assertEquals("OK", ask("G" + "0200000000000000" + all.substring(16)));
        assertEquals(2, target.states[0].gpr[0]);
        assertEquals("E01", ask("p400"));
        assertEquals("E01", ask("P1=01"));
    }

    @Test
    void floatingPointRegistersFollowTheTopOfTheStack() throws IOException {
        target.states[0].fsw = 7 << 11;
        target.states[0].x87Mantissa[7] = 0x8000000000000000L;
        target.states[0].x87Exponent[7] = 0x3FFF;
        assertEquals("0000000000000080ff3f", ask("p18"));
    }

    @Test
    void readsAndWritesMemory() throws IOException {
        assertEquals("OK", ask("M1010,4:deadbeef"));
        assertEquals("deadbeef", ask("m1010,4"));
        assertEquals("E14", ask("m0,4"));
        assertEquals("E14", ask("Mfffff,2:0000"));
        assertEquals("OK", ask("X1020,3:a}\u0003c")); // 0x23 '#' travels escaped
        assertEquals("612363", ask("m1020,3"));
    }

    @Test
    void runsToABreakpointAndSteps() throws Exception {
        assertEquals("OK", ask("Z0,ffffffff81000000,1"));
        assertEquals("OK", ask("Z0,2000,1"));
        assertEquals("OK", ask("z0,2000,1"));
        send("vCont;c");
        assertEquals("resume", target.calls.take());
        assertEquals(Set.of(0xFFFF_FFFF_8100_0000L), target.breakpoints.getFirst());
        target.listener.accept(new Stop(1, Reason.TRAP, 0));
        assertEquals("T05thread:2;", receive());
        assertEquals("T05thread:2;", ask("vCont;s:2;c"));
        assertEquals("step 1", target.calls.take());
        assertEquals("OK", ask("Hg1"));
        assertEquals("T05thread:1;", ask("s"));
    }

    @Test
    void watchpointsStopWithTheirKindAndAddress() throws Exception {
        String[] names = {"watch", "rwatch", "awatch"};
        for (int kind = 0; kind < 3; kind++) {
            String which = (kind + 2) + ",1100,8";
            assertEquals("OK", ask("Z" + which));
            assertEquals(List.of(new Watchpoint(0x1100, 8, Watchpoint.Kind.values()[kind])), target.watchpoints);
            assertEquals("T05thread:2;" + names[kind] + ":1100;", ask("c"));
            assertEquals("OK", ask("z" + which));
            assertEquals(List.of(), target.watchpoints);
        }
        target.canWatch = false;
        assertEquals("", ask("Z2,1100,8"), "GDB then steps and compares");
        assertEquals("", ask("Z5,1100,8"));
        assertEquals("E01", ask("Z2,1100,0"));
    }

    @Test
    void aDebuggerThatGoesLeavesNoWatchpoints() throws Exception {
        assertEquals("OK", ask("Z2,1100,8"));
        socket.close();
        assertEquals("resume", target.calls.take());
        assertEquals(List.of(), target.watchpoints);
        connect();
    }

    @Test
    void controlCStopsARunningGuest() throws Exception {
        send("c");
        assertEquals("resume", target.calls.take());
        socket.getOutputStream().write(3);
        assertEquals("T02thread:2;", receive());
    }

    @Test
    void tellsHowTheGuestEnded() throws Exception {
        send("c");
        assertEquals("resume", target.calls.take());
        target.listener.accept(new Stop(0, Reason.ENDED, 3));
        assertEquals("W03", receive());
        assertEquals("E01", ask("g"));
    }

    @Test
    void aDebuggerThatGoesLetsTheGuestRunWithoutBreakpoints() throws Exception {
        assertEquals("OK", ask("Z0,2000,1"));
        socket.close();
        assertEquals("resume", target.calls.take());
        assertEquals(Set.of(), target.breakpoints.getFirst());
        socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        assertEquals("interrupt", target.calls.take());
        assertEquals("T02thread:2;", ask("?"));
    }

    @Test
    void aDebuggerThatGoesWhileTheGuestRunsLeavesNoBreakpoints() throws Exception {
        assertEquals("OK", ask("Z0,2000,1"));
        send("c");
        assertEquals("resume", target.calls.take());
        socket.close();
        assertEquals("interrupt", target.calls.take());
        assertEquals("resume", target.calls.take());
        assertEquals(Set.of(), target.breakpoints.get(1));
    }

    @Test
    void aDebuggerThatDetachesDoesNotEndTheConversationOfTheNext() throws Exception {
        assertEquals("OK", ask("D"));
        assertEquals("resume", target.calls.take());
        assertEquals(-1, socket.getInputStream().read());
        socket.close();
        socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        assertEquals("T02thread:2;", ask("?"));
        assertEquals("T02thread:2;", ask("?"));
    }

    @Test
    void nonsenseIsAnsweredWithAnError() throws IOException {
        assertEquals("E01", ask("mzz,4"));
        assertEquals("E01", ask("P"));
        assertEquals("", ask("vMustReplyEmpty"));
        assertEquals("", ask("~"));
        assertEquals("OK", ask("QStartNoAckMode"));
        assertEquals("1", ask("qAttached"));
    }
}
