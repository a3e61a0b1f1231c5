package dev.jvisor.devices.pci;

/**
 * Who a PCI function is.
 *
 * @param vendor vendor id
 * @param device device id
 * @param classCode base class, subclass and programming interface, 24 bits
 * @param revision revision id
 * @param subsystemVendor subsystem vendor id, 0 for none
 * @param subsystem subsystem id
 * @param interruptPin 1 to 4 for INTA# to INTD#, 0 for none
 */
public record PciIdentity(int vendor, int device, int classCode, int revision, int subsystemVendor, int subsystem, int interruptPin) {
    /** Checks the pin. */
    public PciIdentity {
        if (interruptPin < 0 || interruptPin > 4) {
            throw new IllegalArgumentException("pin must be 0 to 4: interruptPin=" + interruptPin);
        }
    }
}
