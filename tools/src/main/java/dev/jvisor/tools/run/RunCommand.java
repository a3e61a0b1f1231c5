package dev.jvisor.tools.run;

import dev.jvisor.tools.console.EscapeActions;
import dev.jvisor.tools.console.ScreenFile;
import dev.jvisor.tools.console.SerialEnd;
import dev.jvisor.tools.gdb.GdbServer;
import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.machine.DefaultGuest;
import dev.jvisor.tools.machine.DiskConfig;
import dev.jvisor.tools.machine.EngineChanges;
import dev.jvisor.tools.machine.FirmwareSpec;
import dev.jvisor.tools.machine.Machine;
import dev.jvisor.tools.machine.MachineConfig;
import dev.jvisor.tools.options.ByteSize;
import dev.jvisor.tools.options.CpuLevelName;
import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.tools.options.Switch;
import dev.jvisor.tools.options.TimeSpan;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.loader.KernelImage;
import dev.jvisor.vmm.loader.LoaderException;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.partition.VirtualProcessor;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code jvisor run}: makes a partition from the options, runs it in the foreground, and says how it ended. */
@Command(name = "run", description = "Runs a partition in the foreground; without --kernel, the default Linux guest.",
    mixinStandardHelpOptions = true, sortOptions = false)
public final class RunCommand implements Callable<Integer> {
    private static final int MAX_PROCESSORS = 64;
    private static final long MIN_MEMORY = 1 << 20;
    private static final int PAGE = 4096;

    @Option(names = "--backend", paramLabel = "auto|kvm|software", defaultValue = "auto",
        description = "the engine; auto: KVM if it runs supervisor code natively, else the software CPU")
    private BackendChoice.Name backendName;

    @Option(names = "--supervisor", paramLabel = "auto|kvm|software", defaultValue = "auto",
        description = "on KVM, who executes supervisor code; auto: KVM if it does so natively, else the software CPU")
    private BackendChoice.Supervisor supervisor;

    @Option(names = "--change-engine", paramLabel = "DURATION", converter = TimeSpan.class,
        description = "go over to the other engine, KVM or software, again and again after that long, for example 50ms")
    private Duration changeEngine;

    @Option(names = "--processors", paramLabel = "N", defaultValue = "1", description = "virtual processors")
    private int processors;

    @Option(names = "--cpu", paramLabel = "x86-64-v1|x86-64-v2|x86-64-v3|max", defaultValue = "max", converter = CpuLevelName.class,
        description = "how much of the instruction set the guest is offered: a level of the x86-64 psABI, or all")
    private CpuLevel cpu;

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "512M", converter = ByteSize.Converter.class,
        description = "RAM, for example 512M or 2G (default 512M)")
    private ByteSize memory;

    @Option(names = "--kernel", paramLabel = "FILE",
        description = "a Linux bzImage, an ELF with a PVH note, a multiboot image, or a flat binary")
    private Path kernel;

    @Option(names = "--firmware", paramLabel = "seabios|ovmf|FILE",
        description = "start firmware instead of a kernel: what Debian's package of that name has, or this file; it finds disks on IDE")
    private String firmwareName;

    @Option(names = "--firmware-vars", paramLabel = "FILE",
        description = "keep UEFI variables in this file, made from the firmware's template if it is new (default: a private copy, forgotten)")
    private Path firmwareVars;

    @Option(names = "--firmware-log", paramLabel = "FILE", description = "write there what firmware tells of its work, if it does: SeaBIOS does")
    private Path firmwareLog;

    @Option(names = "--flat", paramLabel = "MODE@ADDRESS", converter = FlatEntry.Converter.class,
        description = "the kernel is a flat binary: put it at that address and enter it in that mode (real16, protected32, long64), "
            + "for example real16@0x7C00")
    private FlatEntry flat;

    @Option(names = "--no-unpack", description = "let a compressed Linux kernel unpack itself: slower, but with KASLR")
    private boolean noUnpack;

    @Option(names = "--initrd", paramLabel = "FILE", description = "initial file system, or first multiboot module")
    private Path initrd;

    @Option(names = "--append", paramLabel = "STRING", description = "kernel command line")
    private String append;

    @Option(names = "--cdrom", paramLabel = "FILE", description = "a disc image in a DVD drive on emulated IDE, as often as there are drives")
    private List<Path> cdroms = List.of();

    @Option(names = "--boot", paramLabel = "disk|cdrom", defaultValue = "disk", description = "what firmware tries first")
    private DiskConfig.Media boot;

    @Option(names = "--disk", paramLabel = "FILE[,bus=scsi|ide][,media=disk|cdrom][,readonly][,format=raw|vhd|vhdx]",
        converter = DiskConfig.Converter.class,
        description = "a disk image on synthetic SCSI or emulated IDE, as often as there are disks; the format is found out unless told")
    private List<DiskConfig> disks = List.of();

    @Option(names = "--serial", paramLabel = "stdio|file:PATH|none", defaultValue = "stdio", description = "far end of the first serial port")
    private String serial;

    @Option(names = "--screen", paramLabel = "FILE", description = "show there what is on the VGA text screen, while the guest runs")
    private Path screenFile;

    @Option(names = "--timeout", paramLabel = "DURATION", converter = TimeSpan.class,
        description = "end with code 4 after that long, for example 300s or 5m")
    private Duration timeout;

    @Option(names = "--debug-exit", description = "let the guest end with a code of its own through port 0xF4")
    private boolean debugExit;

    @Option(names = "--test-devices",
        description = "what public test images expect: QEMU's pc-testdev, hyperv-testdev and fw_cfg, synthetic timers, and the kernel's file "
            + "name before --append on a multiboot command line")
    private boolean testDevices;

    @Option(names = "--deterministic",
        description = "two runs are alike, instruction by instruction: on the software CPU, all processors on one host thread, time by "
            + "instructions; without Hyper-V interface, disks and input")
    private boolean deterministic;

    @Option(names = "--no-restart", description = "end when the guest resets, instead of starting it again")
    private boolean noRestart;

    @Option(names = "--hyperv", paramLabel = "on|off", defaultValue = "on", hidden = true,
        description = "whether the guest sees the Hyper-V interface")
    private Switch hyperv;

    @Option(names = "--trace", paramLabel = "KIND", split = ",", description = "show intercepts: ${COMPLETION-CANDIDATES}")
    private List<TraceKind> trace = List.of();

    @Option(names = "--trace-file", paramLabel = "FILE", description = "where --trace writes, instead of stderr")
    private Path traceFile;

    @Option(names = "--gdb", paramLabel = "PORT", description = "wait, stopped, for GDB on this port of the loopback address; 0 for any")
    private Integer gdb;

    /** Made by the command line. */
    public RunCommand() { }

    @Override
    public Integer call() throws IOException, InterruptedException {
        check();
        AtomicReference<Machine> running = new AtomicReference<>();
        try (BackendChoice engine = BackendChoice.open(backendName, supervisor);
            EngineChanges changes = new EngineChanges(engine, supervisor)) {
            if (changeEngine != null) {
                changes.prepare();
            }
            // What can be wrong with the options has been said when we come to what takes long, or tells of itself.
            MachineConfig config = guest();
            return run(engine, config, running, changes);
        }
    }

    private int run(BackendChoice engine, MachineConfig config, AtomicReference<Machine> running, EngineChanges changes)
            throws IOException, InterruptedException {
        try (SerialEnd line = deterministic ? SerialEnd.openForOutput(serial) : SerialEnd.open(serial, new Keys(running, changes));
            Machine machine = Machine.create(engine.backend(), config, line.backend());
            ScreenFile _ = screenFile == null ? null : ScreenFile.open(screenFile, machine.motherboard().screen()::dump)) {
            running.set(machine);
            if (!engine.reason().isEmpty()) {
                say(line, engine.reason());
            }
            if (line.interactive()) {
                System.err.print("jvisor: Ctrl-A x leaves, Ctrl-A h helps\r\n");
            }
            return run(machine.partition(), line, changes);
        }
    }

    private void check() {
        if (processors < 1 || processors > MAX_PROCESSORS) {
            throw new UserMistake("--processors: " + processors + " is not between 1 and " + MAX_PROCESSORS);
        }
        if (memory.bytes() < MIN_MEMORY || memory.bytes() % PAGE != 0) {
            throw new UserMistake("--memory: " + memory + " is too little or no multiple of 4K; give at least 1M");
        }
        if (gdb != null && (gdb < 0 || gdb > 0xFFFF)) {
            throw new UserMistake("--gdb: " + gdb + " is not a TCP port; give one from 1 to 65535, or 0 for any");
        }
        if (changeEngine != null && gdb != null) {
            throw new UserMistake("--change-engine: not together with --gdb; leave one out");
        }
        if (deterministic) {
            checkDeterministic();
        }
        checkBoot();
        boolean scsi = disks.stream().anyMatch(d -> d.placed(firmwareName != null).bus() == DiskConfig.Bus.SCSI);
        if (scsi && hyperv == Switch.OFF) {
            throw new UserMistake("--disk: disks on synthetic SCSI need --hyperv on; use that, or bus=ide");
        }
        if (traceFile != null && trace.isEmpty()) {
            throw new UserMistake("--trace-file: needs --trace to say what to write");
        }
    }

    private void checkBoot() {
        if (kernel == null && flat != null) {
            throw new UserMistake("--flat: needs a --kernel to go with it");
        }
        if (kernel == null && initrd != null) {
            throw new UserMistake("--initrd: needs a --kernel to go with it");
        }
        if (firmwareName != null && kernel != null) {
            throw new UserMistake("--firmware: boots from disks and cannot be given a --kernel; leave one of them out");
        }
        if (firmwareName != null && append != null) {
            throw new UserMistake("--append: is for a --kernel, and there is firmware; leave it out");
        }
        if (firmwareName == null && (firmwareVars != null || firmwareLog != null)) {
            throw new UserMistake((firmwareVars != null ? "--firmware-vars" : "--firmware-log") + ": needs a --firmware to go with it");
        }
        needFile("--kernel", kernel);
        needFile("--initrd", initrd);
        disks.forEach(d -> needFile("--disk", d.file()));
        cdroms.forEach(f -> needFile("--cdrom", f));
    }

    private void checkDeterministic() {
        if (backendName == BackendChoice.Name.KVM || changeEngine != null) {
            throw new UserMistake("--deterministic: only the software CPU counts instructions; leave out "
                    + (changeEngine == null ? "--backend kvm" : "--change-engine"));
        }
        if (!disks.isEmpty() || !cdroms.isEmpty()) {
            throw new UserMistake("--deterministic: not together with " + (disks.isEmpty() ? "--cdrom" : "--disk")
                    + ", whose requests end when the host ends them; give an --initrd");
        }
        if (gdb != null) {
            throw new UserMistake("--deterministic: not together with --gdb, which stops the guest when a person does; leave one out");
        }
        backendName = BackendChoice.Name.SOFTWARE;
    }

    private static void needFile(String option, Path file) {
        if (file == null) {
            return;
        }
        if (!Files.exists(file)) {
            throw new UserMistake(option + ": " + file + " does not exist; name a file that does");
        }
        if (Files.isDirectory(file)) {
            throw new UserMistake(option + ": " + file + " is a directory; name a file");
        }
        if (!Files.isReadable(file)) {
            throw new UserMistake(option + ": " + file + " may not be read; change its permissions or name another");
        }
    }

    private MachineConfig guest() {
        MachineConfig c = MachineConfig.of(d -> {
            d.memoryBytes = memory.bytes();
            d.processors = processors;
            d.initrd = initrd;
            d.commandLine = append == null ? "" : append;
            d.unpack = !noUnpack;
            d.debugExit = debugExit;
            d.restart = !noRestart;
            d.hyperv = hyperv == Switch.ON;
            d.testDevices = testDevices;
            d.disks = disks();
            d.cpu = cpu;
            d.deterministic = deterministic;
        });
        if (firmwareName != null) {
            Path image = FirmwareSpec.find(firmwareName);
            needFile("--firmware", image);
            return c.with(d -> d.firmware = new FirmwareSpec(image, firmwareVars, !serial.equals("none"), firmwareLog));
        }
        if (kernel == null) {
            return DefaultGuest.configure(c, append, System.err);
        }
        try {
            KernelImage image = flat == null ? KernelImage.open(kernel) : FlatLoader.open(kernel, flat.address(), flat.mode());
            return c.with(d -> d.kernel = image);
        } catch (LoaderException e) {
            throw new UserMistake("--kernel: " + e.getMessage()
                    + (e.subject() == LoaderException.Subject.FORMAT ? "; a flat binary needs --flat MODE@ADDRESS" : ""));
        }
    }

    /** {@return what there is to boot from, most wanted first} */
    private List<DiskConfig> disks() {
        Stream<DiskConfig> discs = cdroms.stream().map(DiskConfig::cdrom);
        return (boot == DiskConfig.Media.CDROM ? Stream.concat(discs, disks.stream()) : Stream.concat(disks.stream(), discs)).toList();
    }

    /**
     * What the escape key does.
     *
     * @param running empty as long as there is no machine
     */
    private record Keys(AtomicReference<Machine> running, EngineChanges changes) implements EscapeActions {
        @Override
        public void quit() {
            Machine m = running.get();
            if (m != null) {
                m.partition().requestStop(StopReason.KILLED);
            }
        }

        @Override
        public void changeEngine() {
            Machine m = running.get();
            if (m == null) {
                return;
            }
            try {
                System.err.print("\r\njvisor: the guest runs on " + changes.change(m.partition()) + " now\r\n");
            } catch (UserMistake | IllegalStateException | UnsupportedOperationException e) {
                System.err.print("\r\njvisor: the engine stays: " + e.getMessage() + "\r\n");
            }
        }

        @Override
        public String screen() {
            Machine m = running.get();
            return m == null ? "" : m.motherboard().screen().dump();
        }
    }

    private int run(Partition partition, SerialEnd line, EngineChanges changes) throws IOException, InterruptedException {
        try (PrintStream traceOut = traceFile == null ? null : openTrace(); TraceLog log = trace.isEmpty() ? null
            : new TraceLog(EnumSet.copyOf(trace), traceOut == null ? System.err : traceOut)) {
            partition.trace(log);
            if (gdb != null) {
                return debug(partition, line);
            }
            partition.start();
            if (changeEngine != null) {
                changes.every(changeEngine, partition);
            }
            return finish(partition, line);
        }
    }

    private PrintStream openTrace() {
        try {
            return new PrintStream(Files.newOutputStream(traceFile), false, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UserMistake("--trace-file: cannot write " + traceFile + "; name a file in a directory that you may write to");
        }
    }

    private int debug(Partition partition, SerialEnd line) throws InterruptedException {
        PartitionTarget target = new PartitionTarget(partition, this::exitCode);
        target.startStopped();
        try (GdbServer server = new GdbServer(target, gdb)) {
            say(line, "waiting for GDB: target remote :" + server.port());
            int code = finish(partition, line);
            if (partition.stopReason() != null) {
                target.ended(partition.stopReason());
            }
            return code;
        } catch (IOException e) {
            throw new UserMistake("--gdb: port " + gdb + " cannot be used (" + e.getMessage() + "); give another, or 0 for any");
        }
    }

    private int finish(Partition partition, SerialEnd line) throws InterruptedException {
        StopReason reason = partition.awaitStop(timeout);
        if (reason == null) {
            partition.pause();
            StringBuilder where = new StringBuilder("the guest ran past --timeout " + timeout.toString().substring(2).toLowerCase(java.util.Locale.ROOT));
            for (VirtualProcessor vp : partition.processors()) {
                where.append("\nvp-").append(vp.index()).append(vp.waiting() ? " (waiting)" : "").append(":\n").append(vp.explain().stripTrailing());
            }
            say(line, where.toString());
            return ExitCode.TIMEOUT;
        }
        String text = reason.text().isBlank() ? "" : ": " + reason.text().stripTrailing();
        switch (reason.kind()) {
            case POWER_OFF, DEBUG_EXIT, KILLED -> { }
            case RESET -> say(line, "the guest reset itself" + text);
            case TRIPLE_FAULT -> say(line, "the guest crashed: triple fault" + text);
            case HALTED_FOREVER -> say(line, "the guest crashed: halted for ever, with interrupts off" + text);
            case GUEST_CRASH -> say(line, "the guest reports its crash:\n" + reason.text().stripTrailing());
            case INTERNAL_ERROR -> say(line, "host fault" + text);
        }
        return exitCode(reason);
    }

    private int exitCode(StopReason reason) {
        return switch (reason.kind()) {
            case POWER_OFF, RESET, KILLED -> ExitCode.OK;
            case DEBUG_EXIT -> (reason.code() << 1 | 1) & 0xFF;
            case TRIPLE_FAULT, HALTED_FOREVER, GUEST_CRASH -> ExitCode.CRASHED;
            case INTERNAL_ERROR -> ExitCode.HOST_FAULT;
        };
    }

    /** Lines for the person, after what the guest has written so far. */
    private static void say(SerialEnd line, String text) {
        String out = "jvisor: " + text + "\n";
        System.err.print(line.interactive() ? out.replace("\n", "\r\n") : out);
        System.err.flush();
    }

}
