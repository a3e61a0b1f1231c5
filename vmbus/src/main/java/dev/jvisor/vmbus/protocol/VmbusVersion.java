package dev.jvisor.vmbus.protocol;

/** The versions of the control protocol that our server speaks (Linux {@code VERSION_*}); later constants are later versions. */
public enum VmbusVersion {
    /** Windows 10 and Server 2016: sockets over VMBus. */
    V4_0(4, 0),
    /** Channels can be moved to another VP ({@link ChannelMessage#MODIFY_CHANNEL}). */
    V4_1(4, 1),
    /** The guest names its message SINT, the host names the connection for further messages. */
    V5_0(5, 0),
    /** No change that a guest of ours sees. */
    V5_1(5, 1),
    /** No change that a guest of ours sees. */
    V5_2(5, 2),
    /** {@link ChannelMessage#MODIFY_CHANNEL} is answered. */
    V5_3(5, 3);

    private static final VmbusVersion[] ALL = values();
    private final int code;

    VmbusVersion(int major, int minor) {
        this.code = major << 16 | minor;
    }

    /** {@return the number in {@link ChannelMessage#INITIATE_CONTACT}: major &lt;&lt; 16 | minor} */
    public int code() {
        return code;
    }

    /** {@return whether this version has what {@code other} brought} */
    public boolean atLeast(VmbusVersion other) {
        return compareTo(other) >= 0;
    }

    /** {@return the version with that code, or null when we do not speak it} */
    public static VmbusVersion of(int code) {
        for (VmbusVersion v : ALL) {
            if (v.code == code) {
                return v;
            }
        }
        return null;
    }

    /** {@return as Linux prints it, for example 5.3} */
    @Override
    public String toString() {
        return (code >>> 16) + "." + (code & 0xFFFF);
    }
}
