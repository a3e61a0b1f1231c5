package dev.jvisor.tools.machine;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.hybrid.AssistedBackend;
import dev.jvisor.vmm.hybrid.HybridBackend;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.kvm.KvmProbe;
import dev.jvisor.vmm.kvm.KvmReport;
import dev.jvisor.vmm.time.SystemClock;
import dev.jvisor.vmm.x86.SoftwareBackend;

/**
 * The engine that {@code --backend} asks for, and why it is this one.
 *
 * @param backend the engine, open
 * @param reason one line for people when the choice was left to us; else empty
 */
public record BackendChoice(Backend backend, String reason) implements AutoCloseable {
    /** What {@code --backend} may be. */
    public enum Name {
        /** Measure, then choose. */
        AUTO,
        /** {@code /dev/kvm}. */
        KVM,
        /** The CPU written in Java. */
        SOFTWARE
    }

    /** What {@code --supervisor} may be: who executes supervisor code on KVM. */
    public enum Supervisor {
        /** KVM if it runs it natively, else the software CPU. */
        AUTO,
        /** KVM; the software CPU helps out with what it cannot. */
        KVM,
        /** The CPU written in Java. */
        SOFTWARE
    }

    /**
     * Opens an engine.
     *
     * @throws UserMistake when KVM was asked for and cannot be had
     */
    public static BackendChoice open(Name name) {
        return open(name, Supervisor.AUTO);
    }

    /**
     * Opens an engine.
     *
     * @param supervisor who executes supervisor code on KVM
     * @throws UserMistake when KVM was asked for and cannot be had
     */
    public static BackendChoice open(Name name, Supervisor supervisor) {
        return switch (name) {
            case SOFTWARE -> new BackendChoice(new SoftwareBackend(), "");
            case KVM -> new BackendChoice(openKvm(supervisor), "");
            case AUTO -> choose();
        };
    }

    private static Backend openKvm(Supervisor supervisor) {
        try {
            KvmBackend kvm = KvmBackend.open();
            return supervisor == Supervisor.KVM || supervisor == Supervisor.AUTO && KvmProbe.supervisorNative() ? new AssistedBackend(kvm)
                    : new HybridBackend(kvm);
        } catch (ErrnoException | UnsupportedOperationException e) {
            throw new UserMistake("--backend kvm: " + why(e));
        }
    }

    private static BackendChoice choose() {
        KvmReport report = KvmProbe.run(new SystemClock());
        if (report.supervisorNative()) {
            return new BackendChoice(openKvm(Supervisor.KVM), "backend kvm: it runs supervisor code natively (" + report.label() + ")");
        }
        return new BackendChoice(new SoftwareBackend(), "backend software: " + (report.usable()
                ? "KVM is there but does not run supervisor code natively (" + report.label() + ")" : report.unavailable()));
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

    /** Tells the reason on stderr, if there is one. */
    public void announce() {
        if (!reason.isEmpty()) {
            System.err.println("jvisor: " + reason);
        }
    }

    @Override
    public void close() {
        backend.close();
    }
}
