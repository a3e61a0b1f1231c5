package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.KvmExit;
import dev.jvisor.nativebindings.KvmRun;
import java.util.HexFormat;

/** Says for people what an exit that ends a partition means; the kernel's numbers are kept in the text. */
final class KvmFailure {
    private static final String[] SUBERRORS = {"", "instruction emulation failed", "exception while an exception was delivered",
        "event delivery failed", "unexpected exit of the hardware"};

    private KvmFailure() {
    }

    /** {@return one line or two about the run page's exit} */
    static String describe(int reason, KvmRun run) {
        return switch (reason) {
            case KvmExit.INTERNAL_ERROR -> internalError(run);
            case KvmExit.FAIL_ENTRY -> "the hardware refused the guest state: hardware_entry_failure_reason=0x"
                    + Long.toHexString(run.failEntryReason());
            case KvmExit.UNKNOWN -> "KVM does not know why the guest stopped: hardware_exit_reason=0x"
                    + Long.toHexString(run.hardwareExitReason());
            case KvmExit.SYSTEM_EVENT -> "system event " + run.systemEventType() + " (1 shutdown, 2 reset, 3 crash)";
            case KvmExit.SHUTDOWN -> "triple fault";
            default -> "unexpected exit " + KvmExit.name(reason);
        };
    }

    private static String internalError(KvmRun run) {
        int suberror = run.internalSuberror();
        StringBuilder s = new StringBuilder("KVM internal error: suberror=").append(suberror);
        if (suberror > 0 && suberror < SUBERRORS.length) {
            s.append(" (").append(SUBERRORS[suberror]).append(')');
        }
        byte[] bytes = run.emulationFailureBytes();
        if (bytes.length > 0) {
            s.append(", instruction bytes ").append(HexFormat.ofDelimiter(" ").formatHex(bytes));
        }
        long[] data = run.internalData();
        if (data.length > 0) {
            s.append(", data");
            for (long d : data) {
                s.append(" 0x").append(Long.toHexString(d));
            }
        }
        return s.toString();
    }
}
