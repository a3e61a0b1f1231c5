package dev.jvisor.vmm.backend;

/** The part of an engine that runs the user code of a partition's VPs, see {@link UserVp}. */
public interface UserPartition extends AutoCloseable {
    /**
     * Makes what runs the user code of one VP.
     *
     * @param index the VP's, from 0
     */
    UserVp createUserVp(int index);

    /** Frees everything; no VP may be running. */
    @Override
    void close();
}
