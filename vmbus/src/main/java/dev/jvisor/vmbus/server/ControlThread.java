package dev.jvisor.vmbus.server;

import java.util.ArrayDeque;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that all control messages and host commands of one bus run on, one after the other. What the guest queues is bounded; what the
 * host queues is not.
 */
final class ControlThread {
    private static final Logger LOG = LoggerFactory.getLogger(ControlThread.class);
    /** Most messages of the guest that wait. */
    static final int MAX_GUEST_TASKS = 256;

    private record Task(Runnable work, boolean guest) {
    }

    private final Thread thread = Thread.ofPlatform().daemon().name("vmbus-control").unstarted(this::run);
    private final ArrayDeque<Task> tasks = new ArrayDeque<>();
    private int guestTasks;
    private final Consumer<Throwable> failed;
    private boolean closing;

    /** Makes the thread. @param failed told of what a task threw; the thread goes on */
    ControlThread(Consumer<Throwable> failed) {
        this.failed = failed;
    }

    void start() {
        thread.start();
    }

    /** Queues work for the guest. {@return false when too much waits} */
    boolean guest(Runnable work) {
        return add(work, true);
    }

    /** Queues work for the host. */
    void host(Runnable work) {
        add(work, false);
    }

    private synchronized boolean add(Runnable work, boolean guest) {
        if (closing || guest && guestTasks == MAX_GUEST_TASKS) {
            return closing;
        }
        if (guest) {
            guestTasks++;
        }
        tasks.add(new Task(work, guest));
        notifyAll();
        return true;
    }

    /** Runs work there and waits for it; at once when this is the thread, or it has ended. */
    <T> T call(Callable<T> work) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Runnable task = () -> {
            try {
                result.complete(work.call());
            } catch (Exception | Error e) {
                result.completeExceptionally(e);
            }
        };
        boolean here;
        synchronized (this) {
            here = Thread.currentThread() == thread || closing;
            if (!here) {
                add(task, false);
            }
        }
        if (here) {
            task.run();
        }
        try {
            return result.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException r) {
                throw r;
            }
            throw e;
        }
    }

    void close() {
        synchronized (this) {
            closing = true;
            notifyAll();
        }
        if (Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        while (true) {
            Task t;
            synchronized (this) {
                while (tasks.isEmpty()) {
                    if (closing) {
                        return;
                    }
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        LOG.warn("{}: somebody interrupted it; it goes on", thread.getName());
                    }
                }
                t = tasks.poll();
                if (t.guest) {
                    guestTasks--;
                }
            }
            try {
                t.work.run();
            } catch (RuntimeException | Error e) {
                failed.accept(e);
            }
        }
    }
}
