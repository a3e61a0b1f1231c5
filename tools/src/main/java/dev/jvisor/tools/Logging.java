package dev.jvisor.tools;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Sends what the modules log to stderr, one compact line each: warnings only, or everything worth reading with {@code -v}. */
final class Logging {
    private Logging() { }

    static void configure(boolean verbose) {
        Logger root = Logger.getLogger("");
        for (Handler h : root.getHandlers()) {
            root.removeHandler(h);
        }
        Handler handler = new ConsoleHandler();
        handler.setLevel(Level.ALL);
        handler.setFormatter(new OneLine(verbose));
        root.addHandler(handler);
        root.setLevel(Level.WARNING);
        // Ours alone: libraries at FINE are noise.
        Logger.getLogger("dev.jvisor").setLevel(verbose ? Level.FINE : Level.WARNING);
    }

    private static final class OneLine extends Formatter {
        private final boolean traces;

        OneLine(boolean traces) {
            this.traces = traces;
        }

        @Override
        public String format(LogRecord r) {
            String logger = r.getLoggerName() == null ? "" : r.getLoggerName();
            String unit = logger.substring(logger.lastIndexOf('.') + 1);
            StringBuilder s = new StringBuilder("jvisor: ").append(r.getLevel().getName().toLowerCase(java.util.Locale.ROOT)).append(": ")
                    .append(unit).append(": ").append(formatMessage(r));
            Throwable t = r.getThrown();
            if (t != null && traces) {
                StringWriter w = new StringWriter();
                t.printStackTrace(new PrintWriter(w, true));
                s.append(System.lineSeparator()).append(w);
            } else if (t != null) {
                s.append(": ").append(t);
            }
            return s.append(System.lineSeparator()).toString();
        }
    }
}
