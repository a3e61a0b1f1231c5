package dev.jvisor.vmm.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Writes AML (ACPI 6.5, chapter 20): each method appends one term; those with a body take what fills it. Names are paths of four-letter
 * segments, as in {@code "\\_SB.PCI0"}.
 */
public final class Aml {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** {@return the bytes so far} */
    public byte[] bytes() {
        return out.toByteArray();
    }

    private static byte[] body(Consumer<Aml> fill) {
        Aml inner = new Aml();
        fill.accept(inner);
        return inner.bytes();
    }

    private Aml raw(int... values) {
        for (int v : values) {
            out.write(v);
        }
        return this;
    }

    private Aml raw(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    private Aml little(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> 8 * i));
        }
        return this;
    }

    /** A package length that counts itself, then the content (20.2.4). */
    private Aml sized(byte[] content) {
        if (content.length + 1 < 0x40) {
            raw(content.length + 1);
        } else {
            int bytes = content.length + 2 < 1 << 12 ? 1 : content.length + 3 < 1 << 20 ? 2 : 3;
            int length = content.length + 1 + bytes;
            raw(bytes << 6 | length & 0xF).little(length >> 4, bytes);
        }
        return raw(content);
    }

    private Aml name(String path) {
        String rest = path;
        if (rest.startsWith("\\")) {
            raw('\\');
            rest = rest.substring(1);
        }
        String[] segments = rest.split("\\.");
        if (segments.length == 2) {
            raw(0x2E);
        } else if (segments.length > 2) {
            raw(0x2F, segments.length);
        }
        for (String s : segments) {
            if (s.length() > 4 || s.isEmpty()) {
                throw new IllegalArgumentException("not an ACPI name: " + path);
            }
            raw((s + "____").substring(0, 4).getBytes(StandardCharsets.US_ASCII));
        }
        return this;
    }

    /** A scope that exists already. */
    public Aml scope(String path, Consumer<Aml> fill) {
        return raw(0x10).sized(body(a -> a.name(path).raw(body(fill))));
    }

    /** A device. */
    public Aml device(String path, Consumer<Aml> fill) {
        return raw(0x5B, 0x82).sized(body(a -> a.name(path).raw(body(fill))));
    }

    /** A named object; {@code value} appends one data term. */
    public Aml define(String path, Consumer<Aml> value) {
        return raw(0x08).name(path).raw(body(value));
    }

    /** A method that does nothing, with that many arguments. */
    public Aml emptyMethod(String path, int arguments) {
        return raw(0x14).sized(body(a -> a.name(path).raw(arguments)));
    }

    /** An integer, as short as it goes. */
    public Aml integer(long value) {
        if (value == 0 || value == 1) {
            return raw((int) value);
        }
        if (value >>> 8 == 0) {
            return raw(0x0A).little(value, 1);
        }
        if (value >>> 16 == 0) {
            return raw(0x0B).little(value, 2);
        }
        if (value >>> 32 == 0) {
            return raw(0x0C).little(value, 4);
        }
        return raw(0x0E).little(value, 8);
    }

    /** A text. */
    public Aml string(String text) {
        return raw(0x0D).raw(text.getBytes(StandardCharsets.US_ASCII)).raw(0);
    }

    /** A compressed id of three letters and four hexadecimal digits, as in {@code PNP0501} (ACPI 6.5, 19.3.4). */
    public Aml eisaId(String id) {
        int letters = (id.charAt(0) - '@') << 10 | (id.charAt(1) - '@') << 5 | id.charAt(2) - '@';
        int number = Integer.parseInt(id.substring(3), 16);
        return raw(0x0C).raw(letters >> 8, letters & 0xFF, number >> 8, number & 0xFF);
    }

    /** A package of as many elements as {@code count} says {@code fill} appends. */
    public Aml pack(int count, Consumer<Aml> fill) {
        return raw(0x12).sized(body(a -> a.raw(count).raw(body(fill))));
    }

    /** A resource template: a buffer of descriptors with their end tag (ACPI 6.5, 6.4). */
    public Aml resources(Consumer<Aml> descriptors) {
        byte[] content = body(a -> {
            descriptors.accept(a);
            // End tag; a checksum of 0 counts as right.
            a.raw(0x79, 0);
        });
        return raw(0x11).sized(body(a -> a.integer(content.length).raw(content)));
    }

    /** Descriptor: fixed I/O ports, decoded on 16 lines. */
    public Aml io(int first, int count) {
        return raw(0x47, 1).little(first, 2).little(first, 2).raw(1, count);
    }

    /** Descriptor: an ISA interrupt, edge, active high. */
    public Aml irq(int number) {
        return raw(0x22).little(1 << number, 2);
    }

    /** Descriptor: the bus numbers a bridge hands out. */
    public Aml busNumbers(int first, int last) {
        return raw(0x88).little(13, 2).raw(2, 0x0C, 0).wordRange(first, last);
    }

    /** Descriptor: the ports a bridge hands down. */
    public Aml portWindow(int first, int last) {
        return raw(0x88).little(13, 2).raw(1, 0x0C, 3).wordRange(first, last);
    }

    private Aml wordRange(int first, int last) {
        return little(0, 2).little(first, 2).little(last, 2).little(0, 2).little(last - first + 1, 2);
    }

    /** Descriptor: the memory a bridge hands down, below 4 GiB. */
    public Aml memoryWindow(long first, long last, boolean cacheable) {
        return raw(0x87).little(23, 2).raw(0, 0x0C, cacheable ? 3 : 1)
                .little(0, 4).little(first, 4).little(last, 4).little(0, 4).little(last - first + 1, 4);
    }
}
