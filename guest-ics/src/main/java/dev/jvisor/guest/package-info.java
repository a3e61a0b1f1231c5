package dev.jvisor.guest;
