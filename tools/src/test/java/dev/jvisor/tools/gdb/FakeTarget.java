package dev.jvisor.tools.gdb;

import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** Two VPs over 64 KiB of memory at 0x1000; "execution" is whatever the test says. */
final class FakeTarget implements DebugTarget {
    final VpState[] states = {new VpState(), new VpState()};
    final byte[] memory = new byte[0x10000];
    final BlockingQueue<String> calls = new LinkedBlockingQueue<>();
    final List<Set<Long>> breakpoints = new ArrayList<>();
    List<Watchpoint> watchpoints = List.of();
    boolean canWatch = true;
    Consumer<Stop> listener = s -> { };

    @Override
    public int processors() {
        return states.length;
    }

    @Override
    public VpState state(int vp) {
        return states[vp];
    }

    @Override
    public void setState(int vp, VpState state) {
        states[vp] = state;
    }

    @Override
    public byte[] read(int vp, long gva, int length) {
        if (gva < 0x1000 || gva >= 0x1000 + memory.length) {
            return new byte[0];
        }
        int at = (int) gva - 0x1000;
        return Arrays.copyOfRange(memory, at, Math.min(memory.length, at + length));
    }

    @Override
    public boolean write(int vp, long gva, byte[] bytes) {
        if (gva < 0x1000 || gva + bytes.length > 0x1000 + memory.length) {
            return false;
        }
        System.arraycopy(bytes, 0, memory, (int) gva - 0x1000, bytes.length);
        return true;
    }

    @Override
    public boolean watch(List<Watchpoint> all) {
        watchpoints = all;
        return canWatch;
    }

    @Override
    public void resume(Set<Long> at) {
        breakpoints.add(at);
        calls.add("resume");
        if (!watchpoints.isEmpty()) {
            // What is watched is used at once.
            Watchpoint w = watchpoints.getFirst();
            memory[(int) w.linear() - 0x1000]++;
            listener.accept(new Stop(1, Reason.TRAP, 0, w));
        }
    }

    @Override
    public void step(int vp) {
        calls.add("step " + vp);
        states[vp].rip++;
        listener.accept(new Stop(vp, Reason.TRAP, 0));
    }

    @Override
    public void interrupt() {
        calls.add("interrupt");
        listener.accept(new Stop(1, Reason.INTERRUPT, 0));
    }

    @Override
    public void onStop(Consumer<Stop> to) {
        listener = to;
    }

    @Override
    public void kill() {
        calls.add("kill");
    }

    @Override
    public String explain(int vp) {
        return "registers of VP " + vp;
    }
}
