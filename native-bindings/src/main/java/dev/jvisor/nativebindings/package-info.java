package dev.jvisor.nativebindings;
