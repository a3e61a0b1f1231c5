/**
 * The guest side of jvisor. {@code asm} is an x86-64 assembler, {@code baremetal} the guests written with it for tests
 * and benchmarks, {@code image} the builder of Linux guests from the distribution's packages. Nothing here runs on the
 * host's side of a partition: guests leave this module as bytes and files.
 */
package dev.jvisor.guest;
