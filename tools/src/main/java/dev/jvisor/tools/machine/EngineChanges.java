package dev.jvisor.tools.machine;

import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.partition.Partition;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has a running partition go over from its engine to the other, KVM or the software CPU, and back. Thread-safe. */
public final class EngineChanges implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EngineChanges.class);

    private final BackendChoice first;
    private final BackendChoice.Supervisor supervisor;
    private BackendChoice second;
    private boolean away;
    private long changes;
    private Thread timer;

    /**
     * Makes the switch.
     *
     * @param first the engine that partitions begin with; stays the caller's to close, after this
     * @param supervisor who executes supervisor code on KVM
     */
    public EngineChanges(BackendChoice first, BackendChoice.Supervisor supervisor) {
        this.first = first;
        this.supervisor = supervisor;
    }

    /**
     * Opens the other engine, so that it is known to be there.
     *
     * @throws UserMistake when it cannot be had
     */
    public synchronized void prepare() {
        if (second == null) {
            second = BackendChoice.open(first.backend().name().equals("software") ? BackendChoice.Name.KVM : BackendChoice.Name.SOFTWARE, supervisor);
        }
    }

    /** Changes the engine now. Not on a VP thread. {@return the name of the new one} */
    public synchronized String change(Partition partition) {
        prepare();
        BackendChoice to = away ? first : second;
        partition.changeEngine(to.backend());
        away = !away;
        changes++;
        return to.backend().name();
    }

    /** Changes the engine again and again, until the partition ends. */
    public synchronized void every(Duration interval, Partition partition) {
        prepare();
        timer = Thread.ofPlatform().daemon().name("engine-changes").start(() -> {
            try {
                while (true) {
                    Thread.sleep(interval);
                    change(partition);
                }
            } catch (InterruptedException | IllegalStateException e) {
                LOG.debug("no more changes of the engine: {}", e.getMessage());
            }
        });
    }

    /** Closes the other engine. The partitions are closed. */
    @Override
    public void close() {
        Thread t;
        synchronized (this) {
            t = timer;
        }
        if (t != null) {
            t.interrupt();
            boolean interrupted = false;
            while (t.isAlive()) {
                try {
                    t.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        synchronized (this) {
            if (second != null) {
                LOG.info("the engine was changed {} times", changes);
                second.close();
            }
        }
    }
}
