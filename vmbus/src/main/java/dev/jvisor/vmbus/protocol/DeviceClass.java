package dev.jvisor.vmbus.protocol;

import java.util.UUID;

/** The classes of synthetic devices that guests know, by type GUID (Linux {@code HV_*_GUID}). */
public enum DeviceClass {
    /** SCSI controller. */
    SCSI("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"),
    /** One IDE disk, on the fast path. */
    IDE("32412632-86cb-44a2-9b5c-50d1417354f5"),
    /** Fibre Channel. */
    FIBRE_CHANNEL("2f9bcc4a-0069-4af3-b76b-6fd0be528cda"),
    /** Network adapter. */
    NETWORK("f8615163-df3e-46c5-913f-f2d2f965ed0e"),
    /** RDMA. */
    NETWORK_DIRECT("8c2eaf3d-32a7-4b09-ab99-bd1f1c86b501"),
    /** PCI Express pass-through. */
    PCI("44c4f61d-4444-4400-9d52-802e27ede19f"),
    /** Screen. */
    VIDEO("da0a7802-e377-4aac-8e77-0558eb1073f8"),
    /** Keyboard. */
    KEYBOARD("f912ad6d-2b17-48ea-bd65-f927a61c7684"),
    /** Mouse. */
    MOUSE("cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a"),
    /** Key-value exchange. */
    KEY_VALUE("a9a0f4e7-5a45-4d96-b827-8a841e8c03e6"),
    /** Time synchronization. */
    TIME_SYNC("9527e630-d0ae-497b-adce-e80ab0175caf"),
    /** Heartbeat. */
    HEARTBEAT("57164f39-9115-4e78-ab55-382f3bd5422d"),
    /** Shutdown. */
    SHUTDOWN("0e0b6031-5213-4934-818b-38d90ced39db"),
    /** Volume snapshots. */
    BACKUP("35fa2e29-ea23-4236-96ae-3a6ebacba440"),
    /** File copy from the host. */
    FILE_COPY("34d14be3-dee4-41c8-9ae7-6b174977c192"),
    /** Dynamic memory. */
    DYNAMIC_MEMORY("525074dc-8985-46e2-8057-a307dc18a502");

    private final UUID guid;

    DeviceClass(String guid) {
        this.guid = UUID.fromString(guid);
    }

    /** {@return the type GUID of its offers} */
    public UUID guid() {
        return guid;
    }

    /** {@return the class of a type GUID, or null when guests know none} */
    public static DeviceClass of(UUID guid) {
        for (DeviceClass c : values()) {
            if (c.guid.equals(guid)) {
                return c;
            }
        }
        return null;
    }
}
