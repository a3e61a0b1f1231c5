package dev.jvisor.tools.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.jvisor.tools.console.EscapeKeys.Action;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class EscapeKeysTest {
    private static List<Action> type(String keys) {
        EscapeKeys k = new EscapeKeys();
        return keys.chars().mapToObj(k::feed).collect(Collectors.toList());
    }

    @Test
    void everythingElseGoesToTheGuest() {
        assertEquals(List.of(Action.SEND, Action.SEND, Action.SEND), type("x\u0003\u001a"));
    }

    @Test
    void controlAThenXLeaves() {
        assertEquals(List.of(Action.NOTHING, Action.QUIT), type("\u0001x"));
    }

    @Test
    void controlATwiceSendsOne() {
        assertEquals(List.of(Action.NOTHING, Action.SEND, Action.SEND), type("\u0001\u0001x"));
    }

    @Test
    void controlAThenSShowsTheScreen() {
        assertEquals(List.of(Action.NOTHING, Action.SCREEN, Action.SEND), type("\u0001ss"));
    }

    @Test
    void helpAndUnknownKeysStayHere() {
        assertEquals(List.of(Action.NOTHING, Action.HELP, Action.NOTHING, Action.NOTHING, Action.SEND), type("\u0001h\u0001qq"));
    }
}
