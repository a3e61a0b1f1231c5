package dev.jvisor.tools.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EscapeInputTest {
    @Test
    void theGuestSeesAllButOurKeys() throws IOException {
        List<EscapeKeys.Action> ours = new ArrayList<>();
        var typed = new ByteArrayInputStream("ls\r\u0001hpwd\u0001\u0001\u0001x!".getBytes(StandardCharsets.ISO_8859_1));
        try (EscapeInput in = new EscapeInput(typed, ours::add)) {
            assertEquals("ls\rpwd\u0001!", new String(in.readAllBytes(), StandardCharsets.ISO_8859_1));
        }
        assertEquals(List.of(EscapeKeys.Action.HELP, EscapeKeys.Action.QUIT), ours);
    }
}
