package dev.jvisor.tools.console;

/** What a person at a terminal can ask of jvisor with the escape key. Called on a thread of the serial line. */
public interface EscapeActions {
    /** Leave; the guest ends. */
    void quit();

    /** Go over to the other engine. */
    void changeEngine();

    /** {@return what is on the guest's VGA text screen, lines ended by a line feed} */
    String screen();
}
