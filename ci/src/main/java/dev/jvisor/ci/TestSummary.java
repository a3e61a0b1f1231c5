package dev.jvisor.ci;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * Adds up what Surefire wrote over all modules and prints the failed and the skipped tests by name, then one line
 * {@code N passed, N failed, N skipped}. Run from source by {@code ci/test}, so it uses nothing but the JDK.
 */
public final class TestSummary {
    private int passed;
    private final List<String> failed = new ArrayList<>();
    private final TreeMap<String, List<String>> skippedByReason = new TreeMap<>();

    /** Makes an empty sum. */
    public TestSummary() { }

    /** @param args the tree's root, and the time in seconds since 1970 when the tests began: older reports are left out */
    public static void main(String[] args) throws IOException {
        TestSummary sum = new TestSummary();
        FileTime began = FileTime.from(Instant.ofEpochSecond(Long.parseLong(args[1])));
        try (Stream<Path> modules = Files.list(Path.of(args[0]))) {
            for (Path reports : modules.map(m -> m.resolve("target/surefire-reports")).filter(Files::isDirectory).sorted().toList()) {
                try (Stream<Path> files = Files.list(reports)) {
                    for (Path f : files.filter(f -> f.getFileName().toString().matches("TEST-.*\\.xml")).sorted().toList()) {
                        if (Files.getLastModifiedTime(f).compareTo(began) >= 0) {
                            sum.add(f);
                        }
                    }
                }
            }
        }
        System.out.print(sum.text());
        System.exit(sum.good() ? 0 : 1);
    }

    /** Adds one of Surefire's files. */
    public void add(Path report) throws IOException {
        Document document;
        try {
            DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
            document = builder.parse(report.toFile());
        } catch (ParserConfigurationException | SAXException e) {
            throw new IOException("cannot read " + report, e);
        }
        NodeList cases = document.getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
            Element c = (Element) cases.item(i);
            String className = c.getAttribute("classname");
            String name = className.substring(className.lastIndexOf('.') + 1) + "." + c.getAttribute("name");
            NodeList skipped = c.getElementsByTagName("skipped");
            if (c.getElementsByTagName("failure").getLength() > 0 || c.getElementsByTagName("error").getLength() > 0) {
                failed.add(name);
            } else if (skipped.getLength() > 0) {
                String reason = reason((Element) skipped.item(0));
                skippedByReason.computeIfAbsent(reason, r -> new ArrayList<>()).add(name);
            } else {
                passed++;
            }
        }
    }

    /** Surefire puts it into the attribute for @Disabled, into the text, as an exception, for an assumption. */
    private static String reason(Element skipped) {
        String given = skipped.getAttribute("message");
        String first = (given.isBlank() ? skipped.getTextContent() : given).strip().lines().findFirst().orElse("");
        String reason = first.replaceFirst("^[\\w.]+Exception: ", "").replaceFirst("^Assumption failed: ", "").strip();
        return reason.isEmpty() ? "no reason given" : reason;
    }

    /** {@return whether tests ran and none failed} */
    public boolean good() {
        return failed.isEmpty() && passed > 0;
    }

    /** {@return the summary, ending in the line with the counts} */
    public String text() {
        StringBuilder s = new StringBuilder();
        failed.forEach(f -> s.append("failed: ").append(f).append('\n'));
        int skipped = 0;
        for (var e : skippedByReason.entrySet()) {
            skipped += e.getValue().size();
            e.getValue().forEach(t -> s.append("skipped: ").append(t).append(": ").append(e.getKey()).append('\n'));
        }
        return s.append(passed).append(" passed, ").append(failed.size()).append(" failed, ").append(skipped).append(" skipped\n").toString();
    }
}
