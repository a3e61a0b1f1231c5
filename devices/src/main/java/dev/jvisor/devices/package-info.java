package dev.jvisor.devices;
