/**
 * What continuous integration runs and no user does. {@link dev.jvisor.ci.TestSummary} ends {@code ci/test}; the tests of this module hold
 * the house's rules and run whole guests; benchmarks are JMH classes, one question each.
 */
package dev.jvisor.ci;
