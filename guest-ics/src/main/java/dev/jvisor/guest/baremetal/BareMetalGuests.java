package dev.jvisor.guest.baremetal;

import java.util.List;
import java.util.Optional;

/** The bare-metal guests by name, with the parameters that tests and people mostly want. */
public final class BareMetalGuests {
    private static final int STORM = 1000;
    private static final int ITERATIONS = 1_000_000;
    private static final int ROUNDS = 20;

    private BareMetalGuests() {
    }

    /**
     * {@return all guests}
     *
     * @param processors how many the partition has, 1 to 16
     */
    public static List<GuestProgram> all(int processors) {
        return List.of(HelloGuest.program(), HelloGuest.realModeProgram(),
                ExitStormGuest.program(STORM, STORM, ExitStormGuest.DEFAULT_MMIO_ADDRESS, false),
                TimerIpiGuest.program(processors), UserComputeGuest.program(ITERATIONS, false),
                SupervisorMixGuest.program(ROUNDS));
    }

    /**
     * {@return the guest of a name: hello, hello-real, exit-storm, timer-ipi, user-compute, supervisor-mix}
     *
     * @param name       the name
     * @param processors how many the partition has, 1 to 16
     */
    public static Optional<GuestProgram> find(String name, int processors) {
        return all(processors).stream().filter(guest -> guest.name().equals(name)).findFirst();
    }
}
