/** Linux system interface of jvisor: generated layouts and typed wrappers; the only module with native access. */
module dev.jvisor.nativebindings {
    exports dev.jvisor.nativebindings;
}
