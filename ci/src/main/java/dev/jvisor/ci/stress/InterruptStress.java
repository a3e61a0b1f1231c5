package dev.jvisor.ci.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.apic.SoftwareInterruptController;
import dev.jvisor.vmm.time.VirtualClock;
import java.util.concurrent.atomic.AtomicBoolean;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Interrupts that devices raise while the VP takes others: none is lost, none comes twice, and none waits without the VP being told. */
public final class InterruptStress {
    private static final long MSI = 0xFEE0_0000L;
    private static final int LOW = 0x41, HIGH = 0x42;
    private static final long SPURIOUS = 0xF0, EOI = 0xB0;

    private InterruptStress() { }

    /** A controller with one local APIC, switched on, and a VP that is told. */
    private abstract static class OneApic {
        final SoftwareInterruptController controller = new SoftwareInterruptController(1, new VirtualClock(), 1_000_000_000);
        final LocalApic apic = controller.localApic(0);
        /** What an engine has as a bit of its pending work. */
        final AtomicBoolean told = new AtomicBoolean();

        OneApic() {
            apic.mmioWrite(SPURIOUS, 4, 0x1FF);
            apic.connect(() -> told.set(true), () -> { });
        }

        /** Takes an interrupt when told of one, as an engine does between two blocks. {@return the vector, -1 for none} */
        final int service() {
            return told.getAndSet(false) ? apic.acknowledge() : -1;
        }

        final void end() {
            apic.mmioWrite(EOI, 4, 0);
        }
    }

    /** Two interrupts at once both come. */
    @JCStressTest
    @State
    @Outcome(id = HIGH + ", " + LOW, expect = ACCEPTABLE, desc = "both, by their priority")
    @Outcome(expect = FORBIDDEN, desc = "one is lost")
    public static class TwoVectors extends OneApic {
        /** One device. */
        @Actor
        public void low() {
            controller.signalMsi(MSI, LOW);
        }

        /** Another. */
        @Actor
        public void high() {
            controller.signalMsi(MSI, HIGH);
        }

        /** The VP. */
        @Arbiter
        public void take(II_Result r) {
            r.r1 = service();
            end();
            r.r2 = service();
        }
    }

    /** An interrupt that comes while the VP looks is taken, or the VP is told to look again. */
    @JCStressTest
    @State
    @Outcome(id = {LOW + ", -1", "-1, " + LOW}, expect = ACCEPTABLE, desc = "once")
    @Outcome(id = "-1, -1", expect = FORBIDDEN, desc = "it waits, and the VP does not know")
    @Outcome(expect = FORBIDDEN, desc = "twice")
    public static class Told extends OneApic {
        /** The device. */
        @Actor
        public void raise() {
            controller.signalMsi(MSI, LOW);
        }

        /** The VP, told before of something else. */
        @Actor
        public void look(II_Result r) {
            told.set(true);
            r.r1 = service();
            if (r.r1 >= 0) {
                end();
            }
        }

        /** The VP, later. */
        @Arbiter
        public void lookAgain(II_Result r) {
            r.r2 = service();
        }
    }

    /** An interrupt that comes once more before its end is not lost, and not taken before that. */
    @JCStressTest
    @State
    @Outcome(id = LOW + ", " + LOW, expect = ACCEPTABLE, desc = "again after its end")
    @Outcome(expect = FORBIDDEN, desc = "lost")
    public static class OnceMore extends OneApic {
        private int first;

        /** Raises it for the first time. */
        public OnceMore() {
            controller.signalMsi(MSI, LOW);
            first = service();
        }

        /** The device. */
        @Actor
        public void raise() {
            controller.signalMsi(MSI, LOW);
        }

        /** The VP's handler. */
        @Actor
        public void handle(II_Result r) {
            r.r1 = first;
            end();
        }

        /** The VP, later. */
        @Arbiter
        public void lookAgain(II_Result r) {
            r.r2 = service();
        }
    }

    /** A level that goes up while the VP ends the interrupt of the last one leads to another one. */
    @JCStressTest
    @State
    @Outcome(id = LOW + ", " + LOW, expect = ACCEPTABLE, desc = "again after its end")
    @Outcome(expect = FORBIDDEN, desc = "lost")
    public static class Level extends OneApic {
        private static final int PIN = 16;
        private static final long SELECT = 0x00, WINDOW = 0x10;
        private static final int LEVEL_TRIGGERED = 1 << 15;
        private int first;

        /** Raises it for the first time; the device is served, its line is down. */
        public Level() {
            controller.ioApic().mmioWrite(0, SELECT, 4, 0x10 + 2 * PIN);
            controller.ioApic().mmioWrite(0, WINDOW, 4, LEVEL_TRIGGERED | LOW);
            controller.setLine(PIN, true);
            first = service();
            controller.setLine(PIN, false);
        }

        /** The device. */
        @Actor
        public void raise() {
            controller.setLine(PIN, true);
        }

        /** The VP's handler. */
        @Actor
        public void handle(II_Result r) {
            r.r1 = first;
            end();
        }

        /** The VP, later. */
        @Arbiter
        public void lookAgain(II_Result r) {
            r.r2 = service();
        }
    }
}
