package dev.jvisor.tools.options;

/** Values of an option that is {@code on} or {@code off}. */
public enum Switch {
    /** Yes. */
    ON,
    /** No. */
    OFF
}
