package dev.jvisor.tools.gdb;

import dev.jvisor.tools.gdb.DebugTarget.Reason;
import dev.jvisor.tools.gdb.DebugTarget.Stop;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.VpState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves one partition to GDB, one debugger at a time, on the loopback address only (the protocol has no passwords). The partition is
 * stopped when the first debugger comes; when a debugger goes it runs on. Threads: one accepts and talks, one more reads the socket of a
 * connection so that an interrupt is heard while the guest runs.
 */
public final class GdbServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GdbServer.class);

    /** What the talking thread waits for: a packet, a stop (of no connection), or the end of a connection (both null). */
    private record Event(GdbConnection from, String packet, Stop stop) { }

    private final DebugTarget target;
    private final ServerSocket listener;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Set<Long> breakpoints = new HashSet<>();
    private final Set<Watchpoint> watchpoints = new LinkedHashSet<>();
    private final Thread thread;
    private volatile Socket current;
    private GdbConnection gdb;
    private boolean running;
    private boolean ended;
    private Stop last = new Stop(0, Reason.TRAP, 0);
    private int selected;

    /**
     * Begins to listen.
     *
     * @param target a partition that is stopped and stays so until a debugger lets it go
     * @param port TCP port on the loopback address; 0 for any free one
     * @throws IOException when the port cannot be had
     */
    public GdbServer(DebugTarget target, int port) throws IOException {
        this.target = target;
        listener = new ServerSocket();
        listener.setReuseAddress(true);
        try {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1);
        } catch (IOException e) {
            listener.close();
            throw e;
        }
        target.onStop(stop -> events.add(new Event(null, null, stop)));
        thread = Thread.ofPlatform().daemon().name("gdb").unstarted(this::serve);
        thread.start();
    }

    /** {@return the port it listens on} */
    public int port() {
        return listener.getLocalPort();
    }

    @Override
    public void close() {
        try {
            listener.close();
            Socket s = current;
            if (s != null) {
                // What has been said of the end shall arrive.
                thread.join(500);
                s.close();
            }
        } catch (IOException e) {
            LOG.debug("closing the debugger's socket", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve() {
        while (!listener.isClosed()) {
            try (Socket socket = listener.accept()) {
                socket.setTcpNoDelay(true);
                current = socket;
                gdb = new GdbConnection(socket.getInputStream(), socket.getOutputStream());
                interrupt();
                GdbConnection from = gdb;
                Thread.ofPlatform().daemon().name("gdb-reader").start(() -> read(from));
                talk();
            } catch (IOException e) {
                if (!listener.isClosed()) {
                    LOG.debug("debugger's connection", e);
                }
            } catch (InterruptedException e) {
                return;
            } finally {
                current = null;
            }
        }
    }

    private void read(GdbConnection from) {
        try {
            String packet;
            while ((packet = from.read()) != null) {
                events.add(new Event(from, packet, null));
            }
        } catch (IOException e) {
            LOG.debug("debugger's connection", e);
        }
        events.add(new Event(from, null, null));
    }

    /** Stops the partition if it runs, and waits until it stands: what is asked of it next is about one moment. */
    private void interrupt() throws InterruptedException {
        if (running && !ended) {
            target.interrupt();
        }
        while (running) {
            Event e = events.take();
            if (e.stop != null) {
                stopped(e.stop);
            }
        }
    }

    private void stopped(Stop stop) {
        running = false;
        last = stop;
        selected = stop.vp();
        ended |= stop.reason() == Reason.ENDED;
    }

    private void talk() throws IOException, InterruptedException {
        while (true) {
            Event e = events.take();
            if (e.stop != null) {
                boolean expected = running;
                stopped(e.stop);
                if (expected) {
                    gdb.write(stopReply());
                }
            } else if (e.from != gdb) {
                LOG.debug("a debugger that has gone: {}", e.packet);
            } else if (e.packet == null) {
                detach();
                return;
            } else if (e.packet.equals(GdbConnection.INTERRUPT)) {
                if (running) {
                    target.interrupt();
                }
            } else if (!answer(e.packet)) {
                return;
            }
        }
    }

    /** Lets the partition run on without a breakpoint, even when it runs already. */
    private void detach() throws InterruptedException {
        breakpoints.clear();
        interrupt();
        if (!ended) {
            if (!watchpoints.isEmpty()) {
                watchpoints.clear();
                target.watch(List.of());
            }
            running = true;
            target.resume(Set.of());
        }
    }

    /** {@return false when the conversation is over} */
    private boolean answer(String packet) throws IOException, InterruptedException {
        if (ended && packet.charAt(0) != '?' && packet.charAt(0) != 'q') {
            gdb.write("E01");
            return true;
        }
        if (packet.equals("k")) {
            target.kill();
            return false;
        }
        if (packet.equals("D") || packet.startsWith("D;")) {
            gdb.write("OK");
            detach();
            return false;
        }
        if (packet.startsWith("vKill")) {
            gdb.write("OK");
            target.kill();
            return false;
        }
        if (packet.equals("QStartNoAckMode")) {
            gdb.write("OK");
            gdb.noAcknowledgements();
            return true;
        }
        String reply;
        try {
            reply = packet.isEmpty() ? "" : reply(packet);
        } catch (RuntimeException bad) {
            // What came was not the protocol: a debugger's mistake must not end a partition.
            LOG.debug("packet {}", packet, bad);
            reply = "E01";
        }
        if (reply != null) {
            gdb.write(reply);
        }
        return true;
    }

    /** {@return the answer; null when it comes later, with the next stop} */
    private String reply(String p) {
        return switch (p.charAt(0)) {
            case '?' -> stopReply();
            case 'g' -> GdbRegisters.readAll(target.state(selected));
            case 'G' -> change(s -> GdbRegisters.writeAll(s, p.substring(1)));
            case 'p' -> {
                int index = Integer.parseInt(p, 1, p.length(), 16);
                yield index < GdbRegisters.count() ? GdbRegisters.read(target.state(selected), index) : "E01";
            }
            case 'P' -> {
                int eq = p.indexOf('=');
                int index = Integer.parseInt(p, 1, eq, 16);
                VpState s = target.state(selected);
                if (index >= GdbRegisters.count() || !GdbRegisters.write(s, index, p.substring(eq + 1))) {
                    yield "E01";
                }
                target.setState(selected, s);
                yield "OK";
            }
            case 'm' -> {
                int comma = p.indexOf(',');
                int length = Math.min(Integer.parseInt(p, comma + 1, p.length(), 16), GdbConnection.PACKET_SIZE / 2 - 16);
                byte[] b = target.read(selected, Long.parseUnsignedLong(p, 1, comma, 16), length);
                yield b.length == 0 && length > 0 ? "E14" : HexFormat.of().formatHex(b);
            }
            case 'M', 'X' -> write(p);
            case 'c' -> resume();
            case 's' -> step(selected);
            case 'Z', 'z' -> breakpoint(p);
            case 'H' -> {
                int vp = thread(p.substring(2));
                if (vp >= target.processors()) {
                    yield "E01";
                }
                // c only says whom a later "s" is for; the same VP serves both.
                if (vp >= 0) {
                    selected = vp;
                }
                yield "OK";
            }
            case 'T' -> thread(p.substring(1)) < target.processors() ? "OK" : "E01";
            case 'v' -> resumeKind(p);
            case 'q' -> query(p);
            default -> "";
        };
    }

    private String change(java.util.function.Consumer<VpState> how) {
        VpState s = target.state(selected);
        how.accept(s);
        target.setState(selected, s);
        return "OK";
    }

    private String write(String p) {
        int comma = p.indexOf(',');
        int colon = p.indexOf(':');
        long at = Long.parseUnsignedLong(p, 1, comma, 16);
        int length = Integer.parseInt(p, comma + 1, colon, 16);
        String data = p.substring(colon + 1);
        byte[] bytes = p.charAt(0) == 'M' ? HexFormat.of().parseHex(data) : data.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length != length) {
            return "E01";
        }
        return target.write(selected, at, bytes) ? "OK" : "E14";
    }

    private String breakpoint(String p) {
        int comma = p.indexOf(',', 3);
        long at = Long.parseUnsignedLong(p, 3, comma, 16);
        if (p.charAt(1) >= '2') {
            return watchpoint(p.charAt(0) == 'Z', p.charAt(1) - '2', at, Long.parseLong(p, comma + 1, p.length(), 16));
        }
        if (p.charAt(0) == 'Z') {
            breakpoints.add(at);
        } else {
            breakpoints.remove(at);
        }
        return "OK";
    }

    /** {@return the answer: empty where the engine has none, so that GDB steps and compares} */
    private String watchpoint(boolean on, int kind, long at, long length) {
        if (kind >= Watchpoint.Kind.values().length) {
            return "";
        }
        Watchpoint w = new Watchpoint(at, length, Watchpoint.Kind.values()[kind]);
        boolean changes = on ? watchpoints.add(w) : watchpoints.remove(w);
        if (changes && !target.watch(List.copyOf(watchpoints))) {
            watchpoints.clear();
            return "";
        }
        return "OK";
    }

    private String resume() {
        running = true;
        target.resume(Set.copyOf(breakpoints));
        return null;
    }

    private String step(int vp) {
        running = true;
        target.step(vp);
        return null;
    }

    private String resumeKind(String p) {
        if (p.equals("vCont?")) {
            return "vCont;c;C;s;S";
        }
        if (!p.startsWith("vCont;")) {
            return "";
        }
        // The first action that steps decides: the others of "vCont;s:1;c" stay where they are for one instruction.
        for (String action : p.substring(6).split(";")) {
            if (action.charAt(0) == 's' || action.charAt(0) == 'S') {
                int colon = action.indexOf(':');
                int vp = colon < 0 ? selected : thread(action.substring(colon + 1));
                return step(vp < 0 ? selected : vp);
            }
        }
        return resume();
    }

    private String query(String p) {
        if (p.startsWith("qSupported")) {
            return "PacketSize=" + Integer.toHexString(GdbConnection.PACKET_SIZE)
                    + ";qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak-;hwbreak-";
        }
        if (p.startsWith("qXfer:features:read:target.xml:")) {
            String[] range = p.substring(p.lastIndexOf(':') + 1).split(",");
            String xml = GdbRegisters.targetXml();
            int from = Integer.parseInt(range[0], 16);
            int to = Math.min(xml.length(), from + Integer.parseInt(range[1], 16));
            return from >= xml.length() ? "l" : (to == xml.length() ? "l" : "m") + xml.substring(from, to);
        }
        if (p.equals("qfThreadInfo")) {
            StringBuilder s = new StringBuilder("m");
            for (int vp = 0; vp < target.processors(); vp++) {
                s.append(vp == 0 ? "" : ",").append(Integer.toHexString(vp + 1));
            }
            return s.toString();
        }
        if (p.equals("qsThreadInfo")) {
            return "l";
        }
        if (p.equals("qC")) {
            return "QC" + Integer.toHexString(selected + 1);
        }
        if (p.startsWith("qThreadExtraInfo,")) {
            int vp = thread(p.substring(p.indexOf(',') + 1));
            return hex("VP " + vp + " (" + target.state(vp).activity + ")");
        }
        if (p.startsWith("qAttached")) {
            return "1";
        }
        if (p.startsWith("qRcmd,")) {
            return hex(target.explain(selected) + "\n");
        }
        return "";
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    /** {@return the VP of a thread id; -1 for "all" and "any"} */
    private static int thread(String id) {
        return id.equals("-1") || id.equals("0") ? -1 : Integer.parseInt(id, 16) - 1;
    }

    private static String hit(Watchpoint w) {
        if (w == null) {
            return "";
        }
        String kind = switch (w.kind()) {
            case WRITE -> "watch";
            case READ -> "rwatch";
            case ACCESS -> "awatch";
        };
        return kind + ":" + Long.toHexString(w.linear()) + ";";
    }

    private String stopReply() {
        return switch (last.reason()) {
            case ENDED -> "W" + String.format("%02x", last.exitCode() & 0xFF);
            case INTERRUPT -> "T02thread:" + Integer.toHexString(last.vp() + 1) + ";";
            case TRAP -> "T05thread:" + Integer.toHexString(last.vp() + 1) + ";" + hit(last.hit());
        };
    }
}
