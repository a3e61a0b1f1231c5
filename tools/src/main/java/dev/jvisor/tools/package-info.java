package dev.jvisor.tools;
