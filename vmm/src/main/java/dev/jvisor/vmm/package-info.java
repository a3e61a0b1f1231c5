package dev.jvisor.vmm;
