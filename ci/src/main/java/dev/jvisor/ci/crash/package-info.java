/**
 * What a {@code kill -9} leaves of a disk. {@link dev.jvisor.ci.crash.CrashSuite} has a process write to an image, kills it at a random
 * moment, opens the image and compares all of it with what {@link dev.jvisor.ci.crash.DiskModel} says that it may hold; then the same image
 * goes on.
 *
 * <pre>
 *  CrashSuite --starts, kills--> CrashLoad's process: CrashWriter, or jvisor run with CrashGuest
 *      |                              |   lines: what was begun, what is done, what is promised
 *      |  verifies                    v
 *  CrashImage  &lt;--------------- DiskModel
 * </pre>
 *
 * <p>Each sector tells by itself where it belongs and which write it is of ({@link dev.jvisor.guest.disk.SectorPattern}). A promise is
 * reported after it was made, so the model never believes too much.
 */
package dev.jvisor.ci.crash;
