/*
 * glibc's mathematical functions over random input: in float, double and long double (the x87's 80 bits), real and complex, in all four
 * directions of rounding, with the exceptions they raise and the errno they leave; the vector functions of libmvec; and numbers to text and
 * back. What they compute is theirs alone, so there is no loop beside them: the same program elsewhere must print the same. Compiled with
 * -fno-builtin -frounding-math. Lines: "FORM name place", "RESULT math.name sum", and for each result that rests on transcendental instructions of
 * the x87, whose last place is each processor's own (Intel SDM 1, 8.3.10), "NEAR name exponent significand".
 */
#include "driven.h"
#include <complex.h>
#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <string.h>

static int rounds;
static const int directions[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

/* Random bits, numbers of everyday size, whole numbers, neighbours of a power of two, and the ends of the range. */
static double a_double(void) {
    uint64_t r = next(), b = next();
    double d;
    switch (r % 10) {
        case 0: break;
        case 1: return (double) (int64_t) b / 4611686018427387904.0;
        case 2: case 3: return (double) (int64_t) b / 9e16;
        case 4: return (double) (int64_t) b / 1e15;
        case 5: return (double) ((int64_t) b >> 54) / 2;
        case 6: return ldexp((double) (b | 1), (int) (r >> 8) % 40 - 80);
        case 7: b = (b & 0x8000000000000000ULL) | (1023 + (r >> 8) % 70 - 35) << 52 | ((r >> 16) % 7 - 3) % (1ULL << 52); break;
        case 8: b = (b & 0x800FFFFFFFFFFFFFULL) | ((r & 0x100) ? 0 : 1023 + (r >> 16) % 12 - 6) << 52; break;
        default: {
            static const double special[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, 0x1p-1074, -0x1p-1022, 0x1.fffffffffffffp1023, 0.5, 2.0,
                709.782712893384, -745.1332191019412, 3.141592653589793, 1.5707963267948966, 0x1p52, 0x1p63, -0x1p31, 1e22, 88.72284};
            return (r >> 8) % 23 < 20 ? special[(r >> 8) % 20] : NAN;
        }
    }
    memcpy(&d, &b, 8);
    return d;
}

static float a_float(void) {
    uint64_t r = next();
    uint32_t b = (uint32_t) (r >> 16);
    float f;
    if (r % 3) return (float) a_double();
    memcpy(&f, &b, 4);
    return f;
}

/* Every bit of the significand; no encodings that later x87s call invalid, but denormals and pseudo-denormals. */
static long double a_long_double(void) {
    uint64_t r = next(), b = next();
    union { long double v; struct { uint64_t significand; uint16_t exponent; } s; } u = {0};
    switch (r % 5) {
        case 0: return a_double();
        case 1: u.s.exponent = (uint16_t) (r >> 16); break;
        case 2: u.s.exponent = (uint16_t) ((16383 + (r >> 16) % 64 - 32) | (r >> 8 & 0x8000)); break;
        case 3: u.s.exponent = (uint16_t) ((16383 + (r >> 16) % 4 - 2) | (r >> 8 & 0x8000)); break;
        default: u.s.exponent = (uint16_t) (r >> 8 & 0x8000 & (r >> 32));
    }
    u.s.significand = u.s.exponent & 0x7FFF ? b | 1ULL << 63 : b;
    return u.v;
}

static void mix_double(double d) {
    mix_bytes(&d, 8);
}

static void mix_float(float f) {
    mix_bytes(&f, 4);
}

static void mix_long_double(long double l) {
    mix_bytes(&l, 10);
}

/* Functions of long double that glibc builds on FPATAN, F2XM1, FYL2X and FYL2XP1. What they raise at the border of exact and tiny is loose too. */
static int rests_on_the_x87(const char *name) {
    static const char *const those[] = {"acosl", "asinl", "atanl", "atan2l", "sinhl", "coshl", "tanhl", "asinhl", "acoshl", "atanhl", "expl", "exp2l",
        "exp10l", "expm1l", "logl", "log2l", "log10l", "log1pl", "powl", "erfl", "erfcl", "tgammal", "lgammal", "j0l", "j1l", "y0l", "y1l"};
    for (size_t k = 0; k < sizeof those / sizeof *those; k++) if (!strcmp(name, those[k])) return 1;
    return 0;
}

static int loose;

static void tell_long_double(const char *name, long double l) {
    union { long double v; struct { uint64_t significand; uint16_t exponent; } s; } u = {.v = l};
    if (loose) printf("NEAR math.%s %04x %016llx\n", name, u.s.exponent, (unsigned long long) u.s.significand);
    else mix_long_double(l);
}

static void tell_double(const char *name, double d) {
    mix_double(d);
    (void) name;
}

static void tell_float(const char *name, float f) {
    mix_float(f);
    (void) name;
}

/* One direction's share of a function: its calls must neither leave another direction nor other flags than elsewhere. */
static void open_round(int k) {
    fesetround(directions[k & 3]);
    feclearexcept(FE_ALL_EXCEPT);
    errno = 0;
}

static void close_round(const char *name) {
    int raised = fetestexcept(loose ? FE_INVALID | FE_DIVBYZERO : FE_ALL_EXCEPT), left = loose ? 0 : errno;
    mix((uint64_t) (raised | fegetround() << 8 | left << 16));
    if (loud) {
        fesetround(FE_TONEAREST);
        printf("   %s flags %02x errno %d sum %016llx\n", name, raised, left, (unsigned long long) sum);
    }
}

#define SAY(...) do { if (loud) printf(__VA_ARGS__); } while (0)
#define KIND(type, take, tell, format, one, two) \
    static void one(const char *name, type (*f)(type)) { \
        for (int k = 0; k < rounds; k++) { \
            fesetround(FE_TONEAREST); \
            type a = take(); \
            open_round(k); \
            type r = f(a); \
            tell(name, r); \
            SAY("%s " format " -> " format, name, a, r); \
            close_round(name); \
        } \
    } \
    static void two(const char *name, type (*f)(type, type)) { \
        for (int k = 0; k < rounds; k++) { \
            fesetround(FE_TONEAREST); \
            type a = take(), b = next() % 8 ? take() : a; \
            open_round(k); \
            type r = f(a, b); \
            tell(name, r); \
            SAY("%s " format " " format " -> " format, name, a, b, r); \
            close_round(name); \
        } \
    }

KIND(double, a_double, tell_double, "%a", one, two)
KIND(float, a_float, tell_float, "%a", onef, twof)
KIND(long double, a_long_double, tell_long_double, "%La", onel, twol)

#define ONE(f) f(sin) f(cos) f(tan) f(asin) f(acos) f(atan) f(sinh) f(cosh) f(tanh) f(asinh) f(acosh) f(atanh) f(exp) f(exp2) f(exp10) f(expm1) \
    f(log) f(log2) f(log10) f(log1p) f(logb) f(sqrt) f(cbrt) f(erf) f(erfc) f(tgamma) f(lgamma) f(floor) f(ceil) f(trunc) f(round) f(roundeven) \
    f(rint) f(nearbyint) f(fabs) f(significand) f(j0) f(j1) f(y0) f(y1)
#define TWO(f) f(pow) f(atan2) f(hypot) f(fmod) f(remainder) f(drem) f(fdim) f(fmax) f(fmin) f(nextafter) f(copysign) f(scalb)

/* What does not fit the pattern: whole numbers in or out, two results, three arguments. */
#define MORE(type, take, mixed, s) \
    static void more##s(int k) { \
        fesetround(FE_TONEAREST); \
        type a = take(), b = take(), c = take(), x = 0, y = 0; \
        int n = (int) (next() % 4 ? next() % 200 - 100 : next()), i = 0; \
        open_round(k); \
        mixed(fma##s(a, b, c)); \
        mixed(frexp##s(a, &i)); \
        mix((uint64_t) i); \
        mixed(ldexp##s(b, n)); \
        mixed(scalbln##s(c, n)); \
        mixed(modf##s(a, &x)); \
        mixed(x); \
        mixed(remquo##s(a, b, &i)); \
        mix((uint64_t) (i & 7)); \
        sincos##s(a, &x, &y); \
        mixed(x); \
        mixed(y); \
        mix((uint64_t) ilogb##s(b)); \
        mix((uint64_t) lrint##s(a)); \
        mix((uint64_t) llround##s(b)); \
        mix((uint64_t) llrint##s(c)); \
        mix((uint64_t) lround##s(a)); \
        if (sizeof(type) <= 8) mixed(jn##s(n & 7, b)), mixed(yn##s(n & 7, c)); \
        close_round("more" #s); \
    } \
    static void complex_ones##s(int k) { \
        fesetround(FE_TONEAREST); \
        type complex z = CMPLX##s(take(), take()), w = CMPLX##s(take(), take()), r[] = {z, w}; \
        open_round(k); \
        /* In long double, those that need no logarithm or angle. */ \
        switch (sizeof(type) <= 8 ? next() % 13 : 5 + next() % 2 * 6) { \
            case 0: r[0] = csin##s(z); break; \
            case 1: r[0] = ccos##s(z); break; \
            case 2: r[0] = ctan##s(z); break; \
            case 3: r[0] = cexp##s(z); break; \
            case 4: r[0] = clog##s(z); break; \
            case 5: r[0] = csqrt##s(z); break; \
            case 6: r[0] = casin##s(z); break; \
            case 7: r[0] = cacosh##s(z); break; \
            case 8: r[0] = catan##s(z); break; \
            case 9: r[0] = cpow##s(z, w); break; \
            case 10: r[0] = ctanh##s(z); break; \
            case 11: r[0] = CMPLX##s(cabs##s(z), cabs##s(w)); break; \
            default: r[0] = CMPLX##s(cabs##s(z), carg##s(w)); \
        } \
        mixed(creal##s(r[0])); \
        mixed(cimag##s(r[0])); \
        close_round("complex" #s); \
    }

MORE(double, a_double, mix_double, )
#define CMPLXf CMPLXF
MORE(float, a_float, mix_float, f)
#define CMPLXl CMPLXL
MORE(long double, a_long_double, mix_long_double, l)

static void text_ones(int k) {
    char s[512], t[64];
    fesetround(FE_TONEAREST);
    double d = a_double();
    float f = a_float();
    long double l = a_long_double(), back;
    uint64_t i = next();
    open_round(k);
    /* Where a long double is in the thousands of digits, it is told by its exponent. */
    int n = snprintf(s, sizeof s, "%.17g %a %.*e %La %.20Lg %Le %lld %llx %.8g", d, d, (int) (i % 30), d, l, l, l, (long long) i, (unsigned long long) i, f);
    mix_bytes(s, (size_t) n);
    n = fabs(d) < 1e60 ? snprintf(t, sizeof t, "%.5f", d) : snprintf(t, sizeof t, "%g", d);
    mix_bytes(t, (size_t) (n < 63 ? n : 63));
    mix_double(strtod(s, 0));
    mix_float(strtof(s, 0));
    back = strtold(s, 0);
    mix_long_double(back);
    if (sscanf(t, "%lf", &d) == 1) mix_double(d);
    n = snprintf(t, sizeof t, "%llu.%lluE%d", (unsigned long long) (i >> 33), (unsigned long long) next(), (int) (next() % 700) - 350);
    mix_double(strtod(t, 0));
    mix_float(strtof(t, 0));
    mix_long_double(strtold(t, 0));
    SAY("text %s | %s\n", s, t);
    close_round("text");
}

#define LANES(bytes, c, of) typedef of v##c##of __attribute__((vector_size(bytes)));
LANES(16, 2, double) LANES(32, 4, double) LANES(16, 4, float) LANES(32, 8, float)
/* Not log: it begins with RCPPS, whose result is each processor's own (Intel SDM 2B), and shows it in the last place. */
#define VECTOR(f) f(sin) f(cos) f(exp)
#define VECTOR_NAMES(n) v2double _ZGVbN2v_##n(v2double); v4double _ZGVcN4v_##n(v4double); v4double _ZGVdN4v_##n(v4double); \
    v4float _ZGVbN4v_##n##f(v4float); v8float _ZGVcN8v_##n##f(v8float); v8float _ZGVdN8v_##n##f(v8float);
VECTOR(VECTOR_NAMES)

#define VECTOR_CALL(n) { \
        v2double d = {a, b}; \
        v4float s = {(float) a, (float) b, (float) (a * 3), (float) (b / 7)}; \
        d = _ZGVbN2v_##n(d); \
        mix_bytes(&d, sizeof d); \
        s = _ZGVbN4v_##n##f(s); \
        mix_bytes(&s, sizeof s); \
    }
#define WIDE_CALL(n) { \
        v4double d = {a, b, a + b, b / 3}, e = d; \
        v8float s = {(float) a, (float) b, (float) (a * 3), (float) (b / 7), 1, 2, (float) (a + b), (float) (a - b)}, t = s; \
        d = _ZGVcN4v_##n(d); \
        mix_bytes(&d, sizeof d); \
        s = _ZGVcN8v_##n##f(s); \
        mix_bytes(&s, sizeof s); \
        if (wide == 2) { \
            e = _ZGVdN4v_##n(e); \
            mix_bytes(&e, sizeof e); \
            t = _ZGVdN8v_##n##f(t); \
            mix_bytes(&t, sizeof t); \
        } \
    }

static void narrow_vectors(double a, double b) {
    VECTOR(VECTOR_CALL)
}

__attribute__((target("avx"))) static void wide_vectors(double a, double b, int wide) {
    VECTOR(WIDE_CALL)
}

/* They promise nothing in other directions, nor about flags. */
static void vectors(int k) {
    fesetround(FE_TONEAREST);
    double a = a_double(), b = a_double();
    SAY("vectors %a %a\n", a, b);
    narrow_vectors(a, b);
    (void) k;
}

/* 2 with AVX2, 1 with AVX, by what the processor says and not by what glibc is told. */
static int wide(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 : __builtin_cpu_supports("avx") ? 1 : 0;
}

static void vectors_of_avx(int k) {
    fesetround(FE_TONEAREST);
    double a = a_double(), b = a_double();
    SAY("vectors_of_avx %a %a\n", a, b);
    wide_vectors(a, b, wide());
    (void) k;
}

static uint64_t seed;

static void repeated(const char *name, void (*drive)(int)) {
    if (!begin(name, seed)) return;
    for (int k = 0; k < rounds; k++) drive(k);
    fesetround(FE_TONEAREST);
    result("math", name);
}

#define DRIVE_AS(title, call) do { \
        form(title); \
        loose = rests_on_the_x87(title); \
        if (begin(title, seed)) { \
            call; \
            fesetround(FE_TONEAREST); \
            result("math", title); \
        } \
    } while (0);
#define DRIVE_ONE(n) DRIVE_AS(#n, one(#n, n)) DRIVE_AS(#n "f", onef(#n "f", n##f)) DRIVE_AS(#n "l", onel(#n "l", n##l))
#define DRIVE_TWO(n) DRIVE_AS(#n, two(#n, n)) DRIVE_AS(#n "f", twof(#n "f", n##f)) DRIVE_AS(#n "l", twol(#n "l", n##l))
#define VECTOR_FORMS(n) form("_ZGVbN2v_" #n); form("_ZGVdN4v_" #n); form("_ZGVbN4v_" #n "f"); form("_ZGVdN8v_" #n "f");

int main(int argc, char **argv) {
    arguments(argc, argv, &seed, &rounds);
    ONE(DRIVE_ONE)
    TWO(DRIVE_TWO)
    loose = 0;
    form("fma");
    form("fmaf");
    repeated("more", more);
    repeated("moref", moref);
    repeated("morel", morel);
    repeated("complex", complex_ones);
    repeated("complexf", complex_onesf);
    repeated("complexl", complex_onesl);
    VECTOR(VECTOR_FORMS)
    repeated("vectors", vectors);
    if (wide()) repeated("vectors_of_avx", vectors_of_avx);
    repeated("text", text_ones);
    printf("MATHEMATICS end\n");
    return 0;
}
