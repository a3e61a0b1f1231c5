package dev.jvisor.guest.image;

/** The kernels Debian builds for amd64 that guests here are made of. */
public enum KernelFlavour {
    /** The kernel for virtual machines: few drivers. */
    CLOUD("linux-image-cloud-amd64"),
    /** The kernel for any machine. */
    GENERIC("linux-image-amd64");

    private final String metaPackage;

    KernelFlavour(String metaPackage) {
        this.metaPackage = metaPackage;
    }

    /** {@return the package that always depends on the newest kernel} */
    public String metaPackage() {
        return metaPackage;
    }
}
