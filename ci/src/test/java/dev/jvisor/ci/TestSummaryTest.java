package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestSummaryTest {
    @TempDir
    Path dir;

    @Test
    void countsAndNames() throws IOException {
        Path report = dir.resolve("TEST-a.xml");
        Files.writeString(report, """
            <testsuite name="a.B" tests="4" errors="1" skipped="1" failures="1">
              <testcase name="works" classname="a.B" time="0"/>
              <testcase name="fails" classname="a.B" time="0"><failure message="no">trace</failure></testcase>
              <testcase name="dies" classname="a.B" time="0"><error message="no">trace</error></testcase>
              <testcase name="waits" classname="a.B" time="0"><skipped type="org.opentest4j.TestAbortedException"><![CDATA[org.opentest4j.TestAbortedException: Assumption failed: no /dev/kvm
            	at a.B.waits(B.java:1)]]></skipped></testcase>
              <testcase name="off" classname="a.B" time="0"><skipped message="later"/></testcase>
            </testsuite>
            """);
        TestSummary sum = new TestSummary();
        sum.add(report);
        assertEquals("failed: B.fails\nfailed: B.dies\nskipped: B.off: later\nskipped: B.waits: no /dev/kvm\n1 passed, 2 failed, 2 skipped\n", sum.text());
        assertFalse(sum.good());
    }

    @Test
    void nothingRunIsNotGood() {
        assertFalse(new TestSummary().good());
    }
}
