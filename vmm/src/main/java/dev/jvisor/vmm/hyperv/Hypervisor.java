package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.time.Clock;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The hypervisor interface of one partition. Made by {@link #attach} before the partition starts. Methods may be called by any thread
 * unless they say otherwise.
 */
public final class Hypervisor {
    /** Synthetic interrupt sources of each VP. */
    public static final int SINTS = VpSynic.SINTS;

    private static final int CONNECTION_BITS = 24;
    private static final int POST_MESSAGE_HEADER = 16;
    private static final int HYPERVISOR_MESSAGE = 1 << 31;

    private final Partition partition;
    private final ConnectionTable<MessagePort> messagePorts = new ConnectionTable<>();
    private final ConnectionTable<EventPort> eventPorts = new ConnectionTable<>();
    private final List<Runnable> spaceListeners = new CopyOnWriteArrayList<>();
    private final List<Runnable> resetHooks = new CopyOnWriteArrayList<>();
    private final VpSynic[] synics;
    private final Hypercalls hypercalls;
    private final SyntheticMsrs msrs;
    /** What messages of each VP are handed over in. */
    private final MemorySegment[] payloads;

    private Hypervisor(Partition partition, HypervisorConfig config) {
        this.partition = partition;
        int processors = partition.config().processors();
        long privileges = HypervisorLeaves.privileges(partition.cpuid(), config, partition.irqchip() == Irqchip.USER);
        ReferenceTime time = new ReferenceTime(partition);
        synics = new VpSynic[processors];
        payloads = new MemorySegment[processors];
        hypercalls = new Hypercalls(partition, privileges, config.hypercallPort());
        for (int i = 0; i < processors; i++) {
            synics[i] = new VpSynic(i, partition.interrupts(), partition.gpa(), time, partition.timers(), config.messageQueue(),
                    this::spaceAgain);
            payloads[i] = hypercalls.call(i).input.asSlice(POST_MESSAGE_HEADER, VpSynic.MAX_PAYLOAD).asReadOnly();
        }
        msrs = new SyntheticMsrs(partition, privileges, time, synics, hypercalls, Hypercalls.page(config.hypercallPort()));
        serve();
        partition.setCpuid(HypervisorLeaves.apply(partition.cpuid(), privileges, processors));
        partition.msrs().register(SyntheticMsrs.FIRST, SyntheticMsrs.LAST, msrs);
        partition.ports().register(config.hypercallPort(), Hypercalls.PORTS, 4, hypercalls);
        partition.onReset(this::reset);
        partition.onInit(this::initialize);
    }

    private void serve() {
        hypercalls.serve(HypercallCode.POST_MESSAGE,
                Hypercall.Form.simple(POST_MESSAGE_HEADER + VpSynic.MAX_PAYLOAD, false, this::postedByGuest));
        hypercalls.serve(HypercallCode.SIGNAL_EVENT, Hypercall.Form.simple(8, true, this::signalledByGuest));
        hypercalls.serve(HypercallCode.NOTIFY_LONG_SPIN_WAIT, Hypercall.Form.simple(8, true, call -> {
            Thread.yield();
            return HvStatus.SUCCESS;
        }));
        hypercalls.serve(HypercallCode.SEND_SYNTHETIC_CLUSTER_IPI, Hypercall.Form.simple(16, true, this::sendIpi));
        hypercalls.serve(HypercallCode.SEND_SYNTHETIC_CLUSTER_IPI_EX, new Hypercall.Form(24, 8, 0, false, this::sendIpiEx));
    }

    /** Input: u32 connection @0, u32 reserved @4, u32 type @8, u32 size @12, payload @16. */
    private int postedByGuest(Hypercall call) {
        int connection = call.u32(0);
        int type = call.u32(8);
        int size = call.u32(12);
        if (connection >>> CONNECTION_BITS != 0 || size < 0 || size > VpSynic.MAX_PAYLOAD || type == 0 || (type & HYPERVISOR_MESSAGE) != 0) {
            return HvStatus.INVALID_PARAMETER;
        }
        MessagePort port = messagePorts.find(connection);
        return port == null ? HvStatus.INVALID_CONNECTION_ID : port.post(call.vp, type, payloads[call.vp], size);
    }

    /** Input: u32 connection @0, u16 flag @4, u16 reserved @6. */
    private int signalledByGuest(Hypercall call) {
        int connection = call.u32(0);
        int flag = call.u16(4);
        if (connection >>> CONNECTION_BITS != 0 || call.u16(6) != 0 || flag >= VpSynic.FLAGS) {
            return HvStatus.INVALID_PARAMETER;
        }
        EventPort port = eventPorts.find(connection);
        if (port == null) {
            return HvStatus.INVALID_CONNECTION_ID;
        }
        port.signal(flag);
        return HvStatus.SUCCESS;
    }

    /** Input: u32 vector @0, u8 target VTL @4, u64 mask of VPs @8. */
    private int sendIpi(Hypercall call) {
        return sendIpi(call.u32(0), call.u32(4), call.u64(8));
    }

    /** Input: u32 vector @0, u8 target VTL @4, u64 format @8 (0 sparse, 1 all), u64 valid banks @16, bank @24. There are at most 64 VPs. */
    private int sendIpiEx(Hypercall call) {
        long format = call.u64(8);
        long banks = call.u64(16);
        if (format == 1) {
            return sendIpi(call.u32(0), call.u32(4), -1L);
        }
        if (format != 0 || call.variableBytes != Long.bitCount(banks) * 8 || (banks & ~1L) != 0) {
            return HvStatus.INVALID_PARAMETER;
        }
        return sendIpi(call.u32(0), call.u32(4), banks == 0 ? 0 : call.u64(24));
    }

    private int sendIpi(int vector, int vtl, long mask) {
        if (vector < 16 || vector > 255 || vtl != 0) {
            return HvStatus.INVALID_PARAMETER;
        }
        for (int vp = 0; vp < synics.length; vp++) {
            if ((mask >>> vp & 1) != 0) {
                partition.interrupts().signalMsi(0xFEE0_0000L | (long) vp << 12, vector);
            }
        }
        return HvStatus.SUCCESS;
    }

    private void spaceAgain() {
        spaceListeners.forEach(Runnable::run);
    }

    /** A VP has taken an INIT. */
    void initialize(int vp) {
        msrs.initialize(vp);
    }

    private void reset() {
        msrs.reset();
        resetHooks.forEach(Runnable::run);
    }

    /**
     * Gives a partition the interface: CPUID leaves, MSRs, hypercalls.
     *
     * @param partition not started yet
     * @param config what to offer
     */
    public static Hypervisor attach(Partition partition, HypervisorConfig config) {
        return new Hypervisor(partition, config);
    }

    /** Puts a port behind a connection that the guest posts messages to; one that was there before is replaced. */
    public void connectMessages(int connectionId, MessagePort port) {
        messagePorts.put(checkConnection(connectionId), port);
    }

    /** Takes a connection for messages away: posts to it fail with {@link HvStatus#INVALID_CONNECTION_ID}. */
    public void disconnectMessages(int connectionId) {
        messagePorts.put(checkConnection(connectionId), null);
    }

    /** Puts a port behind a connection that the guest signals; one that was there before is replaced. */
    public void connectEvents(int connectionId, EventPort port) {
        eventPorts.put(checkConnection(connectionId), port);
    }

    /** Takes a connection for events away: signals fail with {@link HvStatus#INVALID_CONNECTION_ID}. */
    public void disconnectEvents(int connectionId) {
        eventPorts.put(checkConnection(connectionId), null);
    }

    /**
     * Sends the guest a message. It waits, in order, until the guest has emptied the slot and enabled what it takes to receive.
     *
     * @param vp index of the receiving virtual processor
     * @param sint synthetic interrupt source, 0 to 15
     * @param messageType not 0
     * @param sender the sender's port id, for the guest to see
     * @param payload copied
     * @param size bytes of payload, 0 to 240
     * @return false when the queue is full; {@link #onMessageSpace} tells when it no longer is
     */
    public boolean postMessage(int vp, int sint, int messageType, long sender, MemorySegment payload, int size) {
        if (messageType == 0 || size < 0 || size > VpSynic.MAX_PAYLOAD) {
            throw new IllegalArgumentException("not a message: messageType=" + messageType + ", size=" + size);
        }
        return synics[vp].post(sint, messageType, sender, payload, size);
    }

    /**
     * Adds a listener for room in a queue that has refused a message. Called on the VP's thread once the queue is empty; must be quick, and
     * may post.
     */
    public void onMessageSpace(Runnable listener) {
        spaceListeners.add(listener);
    }

    /**
     * Sets an event flag of a virtual processor and, if it was clear, raises the interrupt. Dropped when the guest has not enabled event
     * flags there.
     *
     * @param vp index of the receiving virtual processor
     * @param sint synthetic interrupt source, 0 to 15
     * @param flag 0 to 2047
     */
    public void signalEvent(int vp, int sint, int flag) {
        if (flag < 0 || flag >= VpSynic.FLAGS) {
            throw new IllegalArgumentException("not an event flag: flag=" + flag);
        }
        synics[vp].signal(sint, flag);
    }

    /** Raises a synthetic interrupt source with neither message nor event flag; nothing happens while the guest has it masked. */
    public void raiseSint(int vp, int sint) {
        synics[vp].raiseSint(sint);
    }

    /** Adds something to do when the guest resets, after the interface's own state is reset; every VP stands still. */
    public void onReset(Runnable hook) {
        resetHooks.add(hook);
    }

    /** Sets who is told when the guest reports its crash; null for nobody. */
    public void onCrash(CrashListener listener) {
        msrs.crashListener(listener);
    }

    /** {@return the partition's memory} */
    public GpaSpace gpa() {
        return partition.gpa();
    }

    /** {@return the partition's clock} */
    public Clock clock() {
        return partition.timers();
    }

    /** {@return how many virtual processors there are} */
    public int processors() {
        return partition.config().processors();
    }

    /** {@return what the interface remembers}. Every VP stands still. */
    public HypervisorState save() {
        return msrs.save();
    }

    /**
     * Replaces what the interface remembers; the partition's time goes on from where it was saved. Every VP stands still, with memory and
     * the VPs' own state restored before.
     *
     * @throws IllegalArgumentException when the state is of another version or for another number of processors
     */
    public void restore(HypervisorState state) {
        if (state.version() != HypervisorState.VERSION || state.processors().size() != synics.length) {
            throw new IllegalArgumentException("state does not fit: version=" + state.version() + ", processors=" + state.processors().size());
        }
        msrs.restore(state);
    }

    private static int checkConnection(int id) {
        if (id < 0 || id >>> CONNECTION_BITS != 0) {
            throw new IllegalArgumentException("not a connection id: id=" + id);
        }
        return id;
    }
}
