package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.protocol.DeviceClass;
import dev.jvisor.vmbus.protocol.MessageLayout;
import java.util.UUID;

/**
 * A channel as it is offered to the guest. Type, instance and sub-channel index together name it; guests name devices by the instance, so
 * that it should stay the same over the life of a partition.
 *
 * @param name for people and thread names, for example {@code scsi0}
 * @param type class of the device
 * @param instance which of its class
 * @param flags {@code OfferLayout.FLAG_*}
 * @param mmioMegabytes MMIO space the device wants, MiB
 * @param subChannelIndex 0 for the primary channel, else 1 to 65535
 * @param userDefined what the class defines, at most 120 bytes
 */
public record Offer(String name, UUID type, UUID instance, int flags, int mmioMegabytes, int subChannelIndex, byte[] userDefined) {
    /** Checks the ranges. */
    public Offer {
        if (mmioMegabytes < 0 || mmioMegabytes > 0xFFFF || subChannelIndex < 0 || subChannelIndex > 0xFFFF || flags < 0 || flags > 0xFFFF
                || userDefined.length > MessageLayout.USER_DATA_SIZE) {
            throw new IllegalArgumentException("no such offer: flags=" + flags + ", mmioMegabytes=" + mmioMegabytes + ", subChannelIndex="
                    + subChannelIndex + ", userDefined=" + userDefined.length);
        }
        userDefined = userDefined.clone();
    }

    /** {@return the offer of a device with one channel so far and nothing special} */
    public static Offer of(String name, DeviceClass type, UUID instance) {
        return new Offer(name, type.guid(), instance, 0, 0, 0, new byte[0]);
    }

    /** {@return this with flags and bytes of the class} */
    public Offer with(int newFlags, byte[] newUserDefined) {
        return new Offer(name, type, instance, newFlags, mmioMegabytes, subChannelIndex, newUserDefined);
    }

    /** {@return the offer of a sub-channel of this} */
    public Offer subChannel(int index) {
        return new Offer(name + "." + index, type, instance, flags, 0, index, userDefined);
    }

    /** {@return what the class defines; a copy} */
    @Override
    public byte[] userDefined() {
        return userDefined.clone();
    }

    boolean sameDevice(Offer other) {
        return type.equals(other.type) && instance.equals(other.instance);
    }

    boolean sameChannel(Offer other) {
        return sameDevice(other) && subChannelIndex == other.subChannelIndex;
    }
}
