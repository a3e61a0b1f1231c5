package dev.jvisor.ci;
