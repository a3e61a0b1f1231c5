package dev.jvisor.vmbus.storage;

import dev.jvisor.devices.scsi.ScsiUnitState;
import java.util.List;
import java.util.Map;

/**
 * What a storage VSP remembers between two SRBs. SRBs on their way are not in it: they are
 * waited for before it is saved.
 *
 * @param phase how far the start has come, by name of {@code StorVsp.Phase}
 * @param version protocol version agreed on; 0 before
 * @param subChannels how many channels the guest has asked for beside the first
 * @param units what each unit remembers, by LUN
 * @param answers those for which the guest has left no room yet, in order
 */
public record StorVspState(String phase, int version, int subChannels, Map<Integer, ScsiUnitState> units, List<Answer> answers) {
    /** Copies the collections. */
    public StorVspState {
        units = Map.copyOf(units);
        answers = List.copyOf(answers);
    }

    /**
     * An answer that waits.
     *
     * @param subChannel 0 for the first channel
     * @param transactionId whose answer it is
     * @param packet its bytes
     */
    public record Answer(int subChannel, long transactionId, byte[] packet) { }
}
