package dev.jvisor.vmm.x86.softfloat;

/**
 * An unevaluated sum of two doubles, about 106 bits. Exact building blocks after Dekker and Knuth, with fused multiply-add. Used only by the
 * transcendental x87 instructions, which are rare; hence a plain value type that may allocate.
 *
 * @param hi the value rounded to double
 * @param lo what is missing, at most half a unit in the last place of hi
 */
record DoubleDouble(double hi, double lo) {
    static final DoubleDouble ZERO = new DoubleDouble(0, 0);
    static final DoubleDouble ONE = new DoubleDouble(1, 0);
    static final DoubleDouble LN2 = new DoubleDouble(0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56);
    static final DoubleDouble LOG2E = new DoubleDouble(0x1.71547652b82fep0, 0x1.777d0ffda0d24p-56);
    static final DoubleDouble PI = new DoubleDouble(0x1.921fb54442d18p1, 0x1.1a62633145c07p-53);
    static final DoubleDouble HALF_PI = new DoubleDouble(0x1.921fb54442d18p0, 0x1.1a62633145c07p-54);

    static DoubleDouble of(double v) {
        return new DoubleDouble(v, 0);
    }

    /** {@return m * 2^(e-63) for an unsigned m} */
    static DoubleDouble of(long m, int e) {
        double high = Math.scalb((double) (m >>> 32), e - 31);
        double low = Math.scalb((double) (m & 0xFFFFFFFFL), e - 63);
        return quick(high, low);
    }

    private static DoubleDouble quick(double a, double b) {
        double s = a + b;
        return new DoubleDouble(s, b - (s - a));
    }

    DoubleDouble add(DoubleDouble o) {
        double s = hi + o.hi;
        double v = s - hi;
        double e = hi - (s - v) + (o.hi - v);
        double t = lo + o.lo;
        double w = t - lo;
        double f = lo - (t - w) + (o.lo - w);
        DoubleDouble r = quick(s, e + t);
        return quick(r.hi, r.lo + f);
    }

    DoubleDouble negate() {
        return new DoubleDouble(-hi, -lo);
    }

    DoubleDouble sub(DoubleDouble o) {
        return add(o.negate());
    }

    DoubleDouble mul(DoubleDouble o) {
        double p = hi * o.hi;
        double e = Math.fma(hi, o.hi, -p) + (hi * o.lo + lo * o.hi);
        return quick(p, e);
    }

    DoubleDouble mul(double o) {
        double p = hi * o;
        return quick(p, Math.fma(hi, o, -p) + lo * o);
    }

    DoubleDouble div(DoubleDouble o) {
        double q1 = hi / o.hi;
        DoubleDouble r = sub(o.mul(q1));
        double q2 = r.hi / o.hi;
        r = r.sub(o.mul(q2));
        double q3 = r.hi / o.hi;
        DoubleDouble q = quick(q1, q2);
        return q.add(of(q3));
    }

    DoubleDouble sqrt() {
        double x = 1 / Math.sqrt(hi);
        double ax = hi * x;
        DoubleDouble y = of(ax);
        double correction = sub(y.mul(y)).hi * (x * 0.5);
        DoubleDouble s = quick(ax, correction);
        return s.add(sub(s.mul(s)).mul(x * 0.5));
    }

    DoubleDouble scale(int e) {
        return new DoubleDouble(Math.scalb(hi, e), Math.scalb(lo, e));
    }

    /** {@return e^this - 1, for small arguments without loss} */
    DoubleDouble expm1() {
        DoubleDouble term = this;
        DoubleDouble sum = this;
        for (int n = 2; n < 40 && Math.abs(term.hi) > Math.abs(sum.hi) * 0x1p-110; n++) {
            term = term.mul(this).div(of(n));
            sum = sum.add(term);
        }
        return sum;
    }

    /** {@return 2 * atanh(this), |this| below 0.2} */
    DoubleDouble log1() {
        DoubleDouble square = mul(this);
        DoubleDouble power = this;
        DoubleDouble sum = this;
        for (int n = 3; n < 120 && Math.abs(power.hi) > Math.abs(sum.hi) * 0x1p-112; n += 2) {
            power = power.mul(square);
            sum = sum.add(power.div(of(n)));
        }
        return sum.mul(2);
    }

    /** {@return the sine, |this| at most pi/4} */
    DoubleDouble sin() {
        return trigonometric(this, 2);
    }

    /** {@return the cosine, |this| at most pi/4} */
    DoubleDouble cos() {
        return trigonometric(ONE, 1);
    }

    private DoubleDouble trigonometric(DoubleDouble first, int start) {
        DoubleDouble square = mul(this).negate();
        DoubleDouble term = first;
        DoubleDouble sum = first;
        for (int n = start; n < 60 && Math.abs(term.hi) > Math.abs(sum.hi) * 0x1p-112; n += 2) {
            term = term.mul(square).div(of((double) n * (n + 1)));
            sum = sum.add(term);
        }
        return sum;
    }

    /** {@return the arc tangent, this at least 0 and at most 1} */
    DoubleDouble atan() {
        DoubleDouble z = this;
        int doublings = 0;
        while (z.hi > 0.1) {
            z = z.div(ONE.add(ONE.add(z.mul(z)).sqrt()));
            doublings++;
        }
        DoubleDouble square = z.mul(z).negate();
        DoubleDouble power = z;
        DoubleDouble sum = z;
        for (int n = 3; n < 120 && Math.abs(power.hi) > Math.abs(sum.hi) * 0x1p-112; n += 2) {
            power = power.mul(square);
            sum = sum.add(power.div(of(n)));
        }
        return sum.scale(doublings);
    }
}
