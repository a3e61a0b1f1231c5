package dev.jvisor.vmm.x86.simd;

/**
 * Packed integers in one long. Names end in the lane: B 8, W 16, D 32, Q 64 bits. Where it pays, all lanes at once: a lane's top bit is
 * kept out of the sum so that no carry crosses, then put back by exclusive or.
 */
final class Swar {
    private static final long HB = 0x8080808080808080L;
    private static final long HW = 0x8000800080008000L;
    private static final long HD = 0x8000000080000000L;
    private static final long ONES_B = 0x0101010101010101L;
    private static final long ONES_W = 0x0001000100010001L;
    private static final long ONES_D = 0x0000000100000001L;

    private Swar() { }

    // A lane's top bit spread over the lane.
    private static long fillB(long h) {
        return (h >>> 7) * 0xFF;
    }

    private static long fillW(long h) {
        return (h >>> 15) * 0xFFFF;
    }

    private static long fillD(long h) {
        return (h >>> 31) * 0xFFFFFFFFL;
    }

    private static long select(long mask, long yes, long no) {
        return yes & mask | no & ~mask;
    }

    // ---- add and subtract

    static long addB(long a, long b) {
        return (a & ~HB) + (b & ~HB) ^ (a ^ b) & HB;
    }

    static long addW(long a, long b) {
        return (a & ~HW) + (b & ~HW) ^ (a ^ b) & HW;
    }

    static long addD(long a, long b) {
        return (a & ~HD) + (b & ~HD) ^ (a ^ b) & HD;
    }

    static long subB(long a, long b) {
        return (a | HB) - (b & ~HB) ^ (a ^ ~b) & HB;
    }

    static long subW(long a, long b) {
        return (a | HW) - (b & ~HW) ^ (a ^ ~b) & HW;
    }

    static long subD(long a, long b) {
        return (a | HD) - (b & ~HD) ^ (a ^ ~b) & HD;
    }

    private static long carry(long a, long b, long sum) {
        return a & b | (a | b) & ~sum;
    }

    private static long borrow(long a, long b, long difference) {
        return ~a & b | ~(a ^ b) & difference;
    }

    static long addUsB(long a, long b) {
        long s = addB(a, b);
        return s | fillB(carry(a, b, s) & HB);
    }

    static long addUsW(long a, long b) {
        long s = addW(a, b);
        return s | fillW(carry(a, b, s) & HW);
    }

    static long subUsB(long a, long b) {
        long s = subB(a, b);
        return s & ~fillB(borrow(a, b, s) & HB);
    }

    static long subUsW(long a, long b) {
        long s = subW(a, b);
        return s & ~fillW(borrow(a, b, s) & HW);
    }

    static long addSB(long a, long b) {
        long s = addB(a, b);
        return select(fillB(~(a ^ b) & (a ^ s) & HB), ((a & HB) >>> 7) + ~HB, s);
    }

    static long addSW(long a, long b) {
        long s = addW(a, b);
        return select(fillW(~(a ^ b) & (a ^ s) & HW), ((a & HW) >>> 15) + ~HW, s);
    }

    static long subSB(long a, long b) {
        long s = subB(a, b);
        return select(fillB((a ^ b) & (a ^ s) & HB), ((a & HB) >>> 7) + ~HB, s);
    }

    static long subSW(long a, long b) {
        long s = subW(a, b);
        return select(fillW((a ^ b) & (a ^ s) & HW), ((a & HW) >>> 15) + ~HW, s);
    }

    static long avgB(long a, long b) {
        return (a | b) - (((a ^ b) & ~ONES_B) >>> 1);
    }

    static long avgW(long a, long b) {
        return (a | b) - (((a ^ b) & ~ONES_W) >>> 1);
    }

    // ---- compare, minimum and maximum

    static long eqB(long a, long b) {
        long x = a ^ b;
        return fillB(~((x & ~HB) + ~HB | x) & HB);
    }

    static long eqW(long a, long b) {
        long x = a ^ b;
        return fillW(~((x & ~HW) + ~HW | x) & HW);
    }

    static long eqD(long a, long b) {
        long x = a ^ b;
        return fillD(~((x & ~HD) + ~HD | x) & HD);
    }

    static long eqQ(long a, long b) {
        return a == b ? -1L : 0;
    }

    static long gtB(long a, long b) {
        return fillB(borrow(b ^ HB, a ^ HB, subB(b ^ HB, a ^ HB)) & HB);
    }

    static long gtW(long a, long b) {
        return fillW(borrow(b ^ HW, a ^ HW, subW(b ^ HW, a ^ HW)) & HW);
    }

    static long gtD(long a, long b) {
        return fillD(borrow(b ^ HD, a ^ HD, subD(b ^ HD, a ^ HD)) & HD);
    }

    static long gtQ(long a, long b) {
        return a > b ? -1L : 0;
    }

    private static long aboveB(long a, long b) {
        return fillB(borrow(b, a, subB(b, a)) & HB);
    }

    private static long aboveW(long a, long b) {
        return fillW(borrow(b, a, subW(b, a)) & HW);
    }

    private static long aboveD(long a, long b) {
        return fillD(borrow(b, a, subD(b, a)) & HD);
    }

    static long maxSB(long a, long b) {
        return select(gtB(a, b), a, b);
    }

    static long maxSW(long a, long b) {
        return select(gtW(a, b), a, b);
    }

    static long maxSD(long a, long b) {
        return select(gtD(a, b), a, b);
    }

    static long minSB(long a, long b) {
        return select(gtB(a, b), b, a);
    }

    static long minSW(long a, long b) {
        return select(gtW(a, b), b, a);
    }

    static long minSD(long a, long b) {
        return select(gtD(a, b), b, a);
    }

    static long maxUB(long a, long b) {
        return select(aboveB(a, b), a, b);
    }

    static long maxUW(long a, long b) {
        return select(aboveW(a, b), a, b);
    }

    static long maxUD(long a, long b) {
        return select(aboveD(a, b), a, b);
    }

    static long minUB(long a, long b) {
        return select(aboveB(a, b), b, a);
    }

    static long minUW(long a, long b) {
        return select(aboveW(a, b), b, a);
    }

    static long minUD(long a, long b) {
        return select(aboveD(a, b), b, a);
    }

    // ---- sign and absolute value; the operand changed is b for abs, a for sign

    static long absB(long a, long b) {
        long m = fillB(b & HB);
        return subB(b ^ m, m);
    }

    static long absW(long a, long b) {
        long m = fillW(b & HW);
        return subW(b ^ m, m);
    }

    static long absD(long a, long b) {
        long m = fillD(b & HD);
        return subD(b ^ m, m);
    }

    static long signB(long a, long b) {
        long m = fillB(b & HB);
        return subB(a ^ m, m) & ~eqB(b, 0);
    }

    static long signW(long a, long b) {
        long m = fillW(b & HW);
        return subW(a ^ m, m) & ~eqW(b, 0);
    }

    static long signD(long a, long b) {
        long m = fillD(b & HD);
        return subD(a ^ m, m) & ~eqD(b, 0);
    }

    // ---- multiply

    /** {@return lane {@code k} of 16 bits, signed} */
    static int w(long v, int k) {
        return (short) (v >>> 16 * k);
    }

    private static long packW(int w0, int w1, int w2, int w3) {
        return w0 & 0xFFFFL | (w1 & 0xFFFFL) << 16 | (w2 & 0xFFFFL) << 32 | (long) w3 << 48;
    }

    private static long packD(int low, int high) {
        return low & 0xFFFFFFFFL | (long) high << 32;
    }

    static long mulLowW(long a, long b) {
        return packW(w(a, 0) * w(b, 0), w(a, 1) * w(b, 1), w(a, 2) * w(b, 2), w(a, 3) * w(b, 3));
    }

    static long mulHighW(long a, long b) {
        return packW(w(a, 0) * w(b, 0) >> 16, w(a, 1) * w(b, 1) >> 16, w(a, 2) * w(b, 2) >> 16, w(a, 3) * w(b, 3) >> 16);
    }

    private static int mulHighU(long a, long b, int k) {
        return (w(a, k) & 0xFFFF) * (w(b, k) & 0xFFFF) >>> 16;
    }

    static long mulHighUW(long a, long b) {
        return packW(mulHighU(a, b, 0), mulHighU(a, b, 1), mulHighU(a, b, 2), mulHighU(a, b, 3));
    }

    private static int mulRound(long a, long b, int k) {
        return (w(a, k) * w(b, k) >> 14) + 1 >> 1;
    }

    static long mulRoundW(long a, long b) {
        return packW(mulRound(a, b, 0), mulRound(a, b, 1), mulRound(a, b, 2), mulRound(a, b, 3));
    }

    static long mulAddW(long a, long b) {
        return packD(w(a, 0) * w(b, 0) + w(a, 1) * w(b, 1), w(a, 2) * w(b, 2) + w(a, 3) * w(b, 3));
    }

    static long mulLowD(long a, long b) {
        return packD((int) a * (int) b, (int) (a >> 32) * (int) (b >> 32));
    }

    static long mulUnsignedD(long a, long b) {
        return (a & 0xFFFFFFFFL) * (b & 0xFFFFFFFFL);
    }

    static long mulSignedD(long a, long b) {
        return (long) (int) a * (int) b;
    }

    /** PMADDUBSW: unsigned bytes of a times signed bytes of b, pairs added with saturation. */
    static long mulAddUSB(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            int sum = (int) (a >>> s & 0xFF) * (byte) (b >>> s) + (int) (a >>> s + 8 & 0xFF) * (byte) (b >>> s + 8);
            r |= (satW(sum) & 0xFFFFL) << s;
        }
        return r;
    }

    static long sadB(long a, long b) {
        long d = maxUB(a, b) - minUB(a, b);
        // No lane borrows: each maximum is at least its minimum.
        d = (d & 0x00FF00FF00FF00FFL) + (d >>> 8 & 0x00FF00FF00FF00FFL);
        return d * ONES_W >>> 48;
    }

    // ---- shifts by one count for all lanes; the count is a whole 64 bits, unsigned

    private static boolean over(long n, int bits) {
        return n < 0 || n >= bits;
    }

    static long sllW(long a, long n) {
        return over(n, 16) ? 0 : (a & (0xFFFF >>> n) * ONES_W) << n;
    }

    static long sllD(long a, long n) {
        return over(n, 32) ? 0 : (a & (0xFFFFFFFFL >>> n) * ONES_D) << n;
    }

    static long sllQ(long a, long n) {
        return over(n, 64) ? 0 : a << n;
    }

    static long srlW(long a, long n) {
        return over(n, 16) ? 0 : a >>> n & (0xFFFF >>> n) * ONES_W;
    }

    static long srlD(long a, long n) {
        return over(n, 32) ? 0 : a >>> n & (0xFFFFFFFFL >>> n) * ONES_D;
    }

    static long srlQ(long a, long n) {
        return over(n, 64) ? 0 : a >>> n;
    }

    static long sraW(long a, long n) {
        long k = over(n, 16) ? 15 : n;
        long keep = (0xFFFF >>> k) * ONES_W;
        return a >>> k & keep | fillW(a & HW) & ~keep;
    }

    static long sraD(long a, long n) {
        long k = over(n, 32) ? 31 : n;
        long keep = (0xFFFFFFFFL >>> k) * ONES_D;
        return a >>> k & keep | fillD(a & HD) & ~keep;
    }

    // ---- pack: the lanes of one long, halved, in the low 32 bits

    private static int satB(int v) {
        return Math.clamp(v, -128, 127);
    }

    /** {@return {@code v} saturated to a signed word} */
    static int satW(int v) {
        return Math.clamp(v, -32768, 32767);
    }

    static long packSignedWB(long v) {
        return satB(w(v, 0)) & 0xFFL | (satB(w(v, 1)) & 0xFFL) << 8 | (satB(w(v, 2)) & 0xFFL) << 16 | (satB(w(v, 3)) & 0xFFL) << 24;
    }

    static long packUnsignedWB(long v) {
        return Math.clamp(w(v, 0), 0, 255) | (long) Math.clamp(w(v, 1), 0, 255) << 8 | (long) Math.clamp(w(v, 2), 0, 255) << 16
                | (long) Math.clamp(w(v, 3), 0, 255) << 24;
    }

    static long packSignedDW(long v) {
        return satW((int) v) & 0xFFFFL | (satW((int) (v >> 32)) & 0xFFFFL) << 16;
    }

    static long packUnsignedDW(long v) {
        return Math.clamp((int) v, 0, 0xFFFF) | (long) Math.clamp((int) (v >> 32), 0, 0xFFFF) << 16;
    }

    // ---- interleave the low 32 bits of a and b, a first

    private static long spreadB(long v) {
        long x = v & 0xFFFFFFFFL;
        x = (x | x << 16) & 0x0000FFFF0000FFFFL;
        return (x | x << 8) & 0x00FF00FF00FF00FFL;
    }

    private static long spreadW(long v) {
        return v & 0xFFFF | (v & 0xFFFF0000L) << 16;
    }

    static long interleaveB(long a, long b) {
        return spreadB(a) | spreadB(b) << 8;
    }

    static long interleaveW(long a, long b) {
        return spreadW(a) | spreadW(b) << 16;
    }

    static long interleaveD(long a, long b) {
        return a & 0xFFFFFFFFL | b << 32;
    }

    // ---- horizontal: pairs of one long reduced into the low 32 bits

    static long pairAddW(long v) {
        return w(v, 0) + w(v, 1) & 0xFFFFL | (w(v, 2) + w(v, 3) & 0xFFFFL) << 16;
    }

    static long pairAddSW(long v) {
        return satW(w(v, 0) + w(v, 1)) & 0xFFFFL | (satW(w(v, 2) + w(v, 3)) & 0xFFFFL) << 16;
    }

    static long pairSubW(long v) {
        return w(v, 0) - w(v, 1) & 0xFFFFL | (w(v, 2) - w(v, 3) & 0xFFFFL) << 16;
    }

    static long pairSubSW(long v) {
        return satW(w(v, 0) - w(v, 1)) & 0xFFFFL | (satW(w(v, 2) - w(v, 3)) & 0xFFFFL) << 16;
    }

    static long pairAddD(long v) {
        return (int) v + (int) (v >> 32) & 0xFFFFFFFFL;
    }

    static long pairSubD(long v) {
        return (int) v - (int) (v >> 32) & 0xFFFFFFFFL;
    }

    // ---- masks

    /** {@return the top bits of the eight bytes, in bits 0 to 7} */
    static int topBitsB(long v) {
        return (int) ((v >>> 7 & ONES_B) * 0x0102040810204080L >>> 56);
    }
}
