package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaListener;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.system.CpuidModel;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A partition of software VPs; passes on to them what happens to its memory. */
final class SoftwarePartition implements BackendPartition, GpaListener {
    private final GpaSpace gpa;
    private final BackendConfig config;
    private final OpcodeTable opcodes;
    private final long tscHz;
    private volatile CpuidTable cpuid;
    private final List<SoftwareVp> vps = new CopyOnWriteArrayList<>();
    private final Standstill standstill = new Standstill(vps);

    SoftwarePartition(GpaSpace gpa, BackendConfig config, OpcodeTable opcodes, long tscHz) {
        this.gpa = gpa;
        this.tscHz = tscHz;
        this.config = config;
        this.opcodes = opcodes;
        this.cpuid = config.cpuid() != null ? config.cpuid() : CpuidModel.build(config.processors(), tscHz, config.cpu());
        gpa.addListener(this);
    }

    OpcodeTable opcodes() {
        return opcodes;
    }

    @Override
    public BackendConfig.Irqchip irqchip() {
        return BackendConfig.Irqchip.USER;
    }

    @Override
    public InterruptController interruptController() {
        return null;
    }

    @Override
    public long tscHz() {
        return tscHz;
    }

    @Override
    public CpuidTable cpuid() {
        return cpuid;
    }

    @Override
    public void setCpuid(CpuidTable table) {
        cpuid = table;
        vps.forEach(vp -> vp.setCpuid(table));
    }

    @Override
    public BackendVp createVp(int index, VpInterrupts interrupts) {
        Cpu cpu = new Cpu(index, gpa, interrupts, cpuid, config.clock(), tscHz);
        cpu.undisturbed = config.processors() == 1;
        cpu.random = config.random();
        SoftwareVp vp = new SoftwareVp(this, cpu);
        vps.add(vp);
        return vp;
    }

    void closed(SoftwareVp vp) {
        vps.remove(vp);
    }

    /** {@return the VPs there are; safe to iterate} */
    List<SoftwareVp> vps() {
        return vps;
    }

    Standstill standstill() {
        return standstill;
    }

    @Override
    public void mapped(GpaRegion region) {
        vps.forEach(SoftwareVp::memoryChanged);
    }

    @Override
    public void unmapped(GpaRegion region) {
        vps.forEach(SoftwareVp::memoryChanged);
    }

    @Override
    public void codeWritten(int hostPage) {
        vps.forEach(v -> v.codeWritten(hostPage));
    }

    @Override
    public void dirtyLogReset() {
        vps.forEach(SoftwareVp::dirtyLogReset);
    }

    @Override
    public void close() {
        gpa.removeListener(this);
    }
}
