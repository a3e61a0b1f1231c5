package dev.jvisor.vmm.kvm;

import static dev.jvisor.vmm.differential.UserSpace.CODE;
import static dev.jvisor.vmm.differential.UserSpace.DATA;
import static dev.jvisor.vmm.differential.UserSpace.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.UserPartition;
import dev.jvisor.vmm.backend.UserVp;
import dev.jvisor.vmm.backend.UserVp.Leave;
import dev.jvisor.vmm.differential.UserSpace;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** User code that KVM runs for a processor of the software CPU. */
@Tag("kvm")
@Timeout(60)
class KvmUserVpTest {
    private MappedMemory memory;
    private KvmBackend kvm;
    private UserPartition partition;
    private UserVp vp;
    private GpaSpace gpa;

    private static final InterceptHandler NO_INTERCEPTS = new InterceptHandler() { };

    @BeforeEach
    void start() throws Exception {
        assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no /dev/kvm that we may use");
        memory = MappedMemory.anonymous("user", SIZE);
        gpa = new GpaSpace(memory.segment());
        gpa.mapRam(0, SIZE);
        // All pages are for user code.
        UserSpace.pageTables(gpa.host(), page -> page | 0x67);
        kvm = KvmBackend.open();
        partition = kvm.createUserPartition(gpa, 1);
        vp = partition.createUserVp(0);
    }

    @AfterEach
    void stop() {
        if (vp != null) {
            vp.close();
            partition.close();
            kvm.close();
            memory.close();
        }
    }

    private VpState user(String code) {
        gpa.write(CODE, HexFormat.of().parseHex(code.replace(" ", "")));
        return UserSpace.state();
    }

    private static void fsBase(VpState s, long base) {
        s.seg[VpState.FS] = new SegmentState(0x2B, base, -1, 0xC0F3);
    }

    private void runToSyscall(VpState s) {
        Leave leave;
        do {
            leave = vp.runUser(s, NO_INTERCEPTS);
        } while (leave == Leave.KICKED);
        assertEquals(Leave.SYSCALL, leave);
    }

    /** What a kick before the first instruction took away showed in Linux guests as a segmentation fault at another process' FS base. */
    @Test
    void aKickBeforeTheFirstInstructionLosesNoSegmentBase() {
        gpa.write(DATA, HexFormat.of().parseHex("1100000000000000"));
        gpa.write(DATA + 0x100, HexFormat.of().parseHex("2200000000000000"));
        // mov rax,fs:[0]; syscall
        VpState s = user("64488b042500000000 0f05");
        fsBase(s, DATA);
        runToSyscall(s);
        assertEquals(0x11, s.gpr[0]);
        s.rip = CODE;
        fsBase(s, DATA + 0x100);
        vp.kick();
        assertEquals(Leave.KICKED, vp.runUser(s, NO_INTERCEPTS));
        assertEquals(CODE, s.rip);
        runToSyscall(s);
        assertEquals(0x22, s.gpr[0]);
        assertEquals(CODE + 9, s.rip, "at the SYSCALL itself");
    }

    @Test
    void anInstructionThatFaultsIsLeftWithRegistersAsItFoundThem() {
        // mov eax,7; mov [rbx],rax
        VpState s = user("b807000000 488903");
        s.gpr[3] = SIZE;
        assertEquals(Leave.INSTRUCTION, vp.runUser(s, NO_INTERCEPTS));
        assertEquals(7, s.gpr[0]);
        assertEquals(CODE + 5, s.rip);
        s.gpr[3] = DATA;
        s.rip = CODE;
        // The fault is gone, and the code goes on to where there is none: HLT is not for user code.
        gpa.write(CODE + 8, new byte[] {(byte) 0xF4});
        assertEquals(Leave.INSTRUCTION, vp.runUser(s, NO_INTERCEPTS));
        assertEquals(CODE + 8, s.rip);
        assertEquals(7, gpa.read8(DATA));
    }
}
