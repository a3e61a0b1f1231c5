package dev.jvisor.tools.info;

import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.vmm.kvm.KvmProbe;
import dev.jvisor.vmm.kvm.KvmReport;
import dev.jvisor.vmm.time.SystemClock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code jvisor info}: the backends, what KVM says it can do, and what a probe guest found it does. */
@Command(name = "info", description = "Shows what this host offers: backends, KVM capabilities, whether supervisor code runs natively.",
    mixinStandardHelpOptions = true)
public final class InfoCommand implements Callable<Integer> {
    private static final int WIDTH = 118;
    private static final int INDENT = 24;

    /** Made by the command line. */
    public InfoCommand() { }

    @Override
    public Integer call() {
        KvmReport kvm = KvmProbe.run(new SystemClock());
        line("host", System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                + Runtime.getRuntime().availableProcessors() + " processors");
        line("java", Runtime.version().toString());
        line("label", kvm.label());
        try (BackendChoice software = BackendChoice.open(BackendChoice.Name.SOFTWARE)) {
            line("backend software", software.backend().describe());
        }
        if (kvm.usable()) {
            try (BackendChoice b = BackendChoice.open(BackendChoice.Name.KVM)) {
                line("backend kvm", b.backend().describe());
            }
        } else {
            line("backend kvm", "no: " + kvm.unavailable());
        }
        line("backend auto", kvm.supervisorNative() ? "kvm, which runs supervisor code natively"
                : kvm.usable() ? "software, since KVM does not run supervisor code natively" : "software");
        for (KvmReport.Attribute a : kvm.attributes()) {
            line(a.name(), a.value());
        }
        return ExitCode.OK;
    }

    /** Prints a name and its value, long ones over several lines. */
    private static void line(String name, String value) {
        StringBuilder s = new StringBuilder(String.format("%-" + (INDENT - 1) + "s", name));
        int column = INDENT - 1;
        for (String word : value.split(" ")) {
            if (column + 1 + word.length() > WIDTH) {
                s.append('\n').append(" ".repeat(INDENT - 1));
                column = INDENT - 1;
            }
            s.append(' ').append(word);
            column += 1 + word.length();
        }
        System.out.println(s);
    }
}
