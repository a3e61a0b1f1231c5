package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import java.security.MessageDigest;

/** Programs of the host with which tests make images and look into them. */
final class HostTool {
    private static final Duration LIMIT = Duration.ofMinutes(10);

    private HostTool() { }

    /** Runs one to its end, which must be a good one. {@return what it said} */
    static String run(String... command) throws Exception {
        Path out = Files.createTempFile("tool", ".out");
        try {
            Process p = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
            boolean ended = p.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS);
            p.destroyForcibly();
            assertTrue(ended, () -> String.join(" ", command) + " does not end");
            String said = Files.readString(out, StandardCharsets.ISO_8859_1);
            assertEquals(0, p.exitValue(), () -> String.join(" ", command) + "\n" + said);
            return said;
        } finally {
            Files.delete(out);
        }
    }

    /** Runs {@code ./jvisor image}, which must end well. */
    static void image(Object... arguments) throws Exception {
        String[] words = new String[arguments.length + 1];
        words[0] = "image";
        for (int i = 0; i < arguments.length; i++) {
            words[i + 1] = arguments[i].toString();
        }
        Jvisor.Result r = Jvisor.run(LIMIT, null, words);
        assertEquals(0, r.exit(), () -> String.join(" ", words) + "\n" + r);
    }

    /** {@return the hexadecimal MD5 sum, as md5sum says it: cheap for a guest, and nobody forges test files} */
    static String md5(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
    }
}
