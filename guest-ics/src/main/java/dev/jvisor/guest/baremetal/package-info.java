/**
 * Bare-metal guests for tests and benchmarks, written with {@link dev.jvisor.guest.asm.Assembler}.
 *
 * <p>Each guest is a class with a method that gives a {@link dev.jvisor.guest.baremetal.GuestProgram}: flat bytes with a
 * load address and an entry point, which can also be wrapped as an ELF file with a PVH note and as a multiboot kernel.
 * {@link dev.jvisor.guest.baremetal.BareMetalGuests} lists them by name.
 *
 * <p>All 32- and 64-bit guests start with {@link dev.jvisor.guest.baremetal.BootPrologue}, which knows the conventions:
 * entry in flat 32-bit protected mode, 16550 at 0x3F8, result to the debug-exit port 0xF4, power-off by port 0x604. They
 * also run where the host interprets supervisor code with an incomplete instruction set (KVM-PVM): at CPL0 no SSE, no
 * POPCNT, no INT n; 64-bit paging only; a Linux-like GDT; a TSS whose limit covers an I/O bitmap.
 *
 * <p>Lines end in CR LF, as a terminal in raw mode wants it. Start reading at {@code HelloGuest}, then {@code BootPrologue}.
 */
package dev.jvisor.guest.baremetal;
