/**
 * A backend for tests of what stands around a processor: {@link dev.jvisor.vmm.dummy.DummyBackend}, whose
 * {@link dev.jvisor.vmm.dummy.DummyVp} executes nothing until a test says otherwise. In the test jar, for the modules above.
 */
package dev.jvisor.vmm.dummy;
