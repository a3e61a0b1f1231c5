package dev.jvisor.tools.machine;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.kvm.KvmProbe;
import dev.jvisor.vmm.kvm.KvmReport;
import dev.jvisor.vmm.time.SystemClock;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.io.PrintStream;

/** Picks the engine that {@code --backend} asks for. */
public final class BackendChoice {
    /** What {@code --backend} may be. */
    public enum Name {
        /** Measure, then choose. */
        AUTO,
        /** {@code /dev/kvm}. */
        KVM,
        /** The CPU written in Java. */
        SOFTWARE
    }

    private BackendChoice() { }

    /**
     * Opens an engine.
     *
     * @param err where the choice and its reason are told, in one line, when it was left to us
     * @throws UserMistake when KVM was asked for and cannot be had
     */
    public static Backend open(Name name, PrintStream err) {
        return switch (name) {
            case SOFTWARE -> software();
            case KVM -> openKvm();
            case AUTO -> choose(err);
        };
    }

    private static Backend openKvm() {
        try {
            return KvmBackend.open();
        } catch (ErrnoException | UnsupportedOperationException e) {
            throw new UserMistake("--backend kvm: " + why(e));
        }
    }

    private static Backend choose(PrintStream err) {
        KvmReport report = KvmProbe.run(new SystemClock());
        if (report.supervisorNative()) {
            err.println("jvisor: backend kvm: it runs supervisor code natively (" + report.label() + ")");
            return KvmBackend.open();
        }
        err.println("jvisor: backend software: " + (report.usable()
                ? "KVM is there but does not run supervisor code natively (" + report.label() + ")" : report.unavailable()));
        return software();
    }

    private static String why(RuntimeException e) {
        if (e instanceof ErrnoException errno) {
            return switch (errno.errnoName()) {
                case "ENOENT", "ENODEV" -> "/dev/kvm is missing; load kvm_intel or kvm_amd, or use --backend software";
                case "EACCES", "EPERM" -> "no permission on /dev/kvm; join the group that owns it (usually kvm), or use --backend software";
                default -> "/dev/kvm cannot be used: " + e.getMessage() + "; use --backend software";
            };
        }
        return "/dev/kvm cannot be used: " + e.getMessage() + "; use --backend software";
    }

    private static Backend software() {
        return new SoftwareBackend();
    }
}
