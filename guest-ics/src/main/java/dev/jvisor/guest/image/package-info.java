/**
 * The builder of Linux guests: the distribution's own kernel and busybox packages become a kernel file and an initramfs.
 *
 * <pre>
 *   DebianPackages ──.deb──► DebArchive ──vmlinuz──────────────────────────► DefaultImage, CheckInit
 *     (apt-get download)         ├──*.ko──► KernelModules ─┐                  (cached by package version)
 *                                └──busybox────────────────┴► Initramfs ──► CpioWriter
 * </pre>
 *
 * <p>{@link dev.jvisor.guest.image.DefaultImage} is the guest with a shell, {@link dev.jvisor.guest.image.CheckInit} one
 * that prints checksums and powers off. Their init scripts are resources beside the classes. Whatever goes wrong is an
 * {@link dev.jvisor.guest.image.ImageException} with one line for people. Start reading at {@code ImageBuilder}.
 */
package dev.jvisor.guest.image;
