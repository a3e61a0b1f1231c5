package dev.jvisor.devices.disk;

import java.io.IOException;

/** An image file breaks the rules of its format, or needs what we do not know. The message is one line that names the file and the field. */
public final class DiskFormatException extends IOException {
    private static final long serialVersionUID = 1;

    /** @param message one line */
    public DiskFormatException(String message) {
        super(message);
    }

    static DiskFormatException of(String file, String what) {
        return new DiskFormatException(file + ": " + what);
    }
}
