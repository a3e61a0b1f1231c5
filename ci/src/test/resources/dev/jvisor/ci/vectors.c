/*
 * Compiled with gcc -O3 -march=x86-64-v3 -static: loops that become AVX2 and FMA code, what only intrinsics reach, and glibc's string and
 * math functions, which choose their AVX2 forms at start. Prints a line "RESULT name checksum" for each; none depends on the machine.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define N 4096

static uint64_t seed = 88172645463325252ULL;
static double da[N], db[N], dc[N];
static float fa[N], fb[N], fc[N];
static int32_t ia[N], ib[N], ic[N];
static int64_t la[N], lb[N];
static uint8_t ba[N], bb[N], bc[N];
static int16_t sa[N], sb[N], sc[N];
static double ma[64][64], mb[64][64], mc[64][64];
static char text[1 << 16], copy[1 << 16];
static wchar_t wide[1 << 12];

static uint64_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t sum(const void *p, size_t n) {
    const uint8_t *b = p;
    uint64_t h = 14695981039346656037ULL;
    for (size_t k = 0; k < n; k++) h = (h ^ b[k]) * 1099511628211ULL;
    return h;
}

static void result(const char *name, uint64_t h) {
    printf("RESULT %s %016llx\n", name, (unsigned long long) h);
    fflush(stdout);
}

static void fill(void) {
    for (int k = 0; k < N; k++) {
        da[k] = (double) (int64_t) next() / 1e15;
        db[k] = (double) (int64_t) next() / 1e17 + 1.0;
        fa[k] = (float) (int32_t) next() / 65536.0f;
        fb[k] = (float) (int32_t) next() / 1e6f + 1.0f;
        ia[k] = (int32_t) next();
        ib[k] = (int32_t) next();
        la[k] = (int64_t) next();
        lb[k] = (int64_t) next();
        ba[k] = (uint8_t) next();
        bb[k] = (uint8_t) next();
        sa[k] = (int16_t) next();
        sb[k] = (int16_t) next();
    }
    for (int i = 0; i < 64; i++) for (int k = 0; k < 64; k++) {
        ma[i][k] = da[(i * 64 + k) % N];
        mb[i][k] = db[(i * 71 + k * 3) % N];
    }
}

static void doubles(void) {
    for (int k = 0; k < N; k++) dc[k] = da[k] * db[k] + da[(k + 7) % N];
    result("double.fma", sum(dc, sizeof dc));
    for (int k = 0; k < N; k++) dc[k] = sqrt(fabs(da[k])) / db[k] - floor(da[k]);
    result("double.roots", sum(dc, sizeof dc));
    for (int k = 0; k < N; k++) dc[k] = da[k] > db[k] ? da[k] - db[k] : da[k] < -db[k] ? -da[k] : fmin(db[k], 2.5);
    result("double.select", sum(dc, sizeof dc));
    for (int i = 0; i < 64; i++) for (int k = 0; k < 64; k++) {
        double s = 0;
        for (int j = 0; j < 64; j++) s += ma[i][j] * mb[j][k];
        mc[i][k] = s;
    }
    result("double.matrix", sum(mc, sizeof mc));
    for (int k = 0; k < N; k++) ic[k] = (int32_t) (da[k] / 1e4), la[k] ^= (int64_t) da[k];
    result("double.integers", sum(ic, sizeof ic) ^ sum(la, sizeof la));
    for (int k = 0; k < N; k++) dc[k] = 1e-310 * db[k] + ia[k];
    result("double.denormals", sum(dc, sizeof dc));
}

static void floats(void) {
    for (int k = 0; k < N; k++) fc[k] = fa[k] * fb[k] - fa[(k + 3) % N];
    result("float.fma", sum(fc, sizeof fc));
    for (int k = 0; k < N; k++) fc[k] = sqrtf(fabsf(fa[k])) / fb[k] + ceilf(fa[k]);
    result("float.roots", sum(fc, sizeof fc));
    for (int k = 0; k < N; k++) fc[k] = (float) da[k] + (float) ia[k] + (float) sa[k];
    result("float.conversions", sum(fc, sizeof fc));
    for (int k = 0; k < N; k++) ic[k] = (int32_t) fa[k] + (int32_t) (fb[k] * 3);
    result("float.integers", sum(ic, sizeof ic));
    for (int k = 0; k < N; k++) fc[k] = isgreater(fa[k], fb[k]) ? fa[k] : copysignf(fb[k], fa[k]);
    result("float.select", sum(fc, sizeof fc));
}

static void integers(void) {
    for (int k = 0; k < N; k++) ic[k] = ia[k] * ib[k] + (ia[k] >> (ib[k] & 31)) - (int32_t) ((uint32_t) ib[k] << (k & 31));
    result("int.arithmetic", sum(ic, sizeof ic));
    for (int k = 0; k < N; k++) ic[k] = abs(ia[k]) > abs(ib[k]) ? ia[k] : ~ib[k];
    result("int.select", sum(ic, sizeof ic));
    for (int k = 0; k < N; k++) bc[k] = (uint8_t) (ba[k] + bb[k] > 255 ? 255 : ba[k] + bb[k]) ^ (ba[k] > bb[k] ? ba[k] : bb[k]);
    result("int.bytes", sum(bc, sizeof bc));
    for (int k = 0; k < N; k++) sc[k] = (int16_t) (sa[k] * sb[k] >> 15);
    result("int.words", sum(sc, sizeof sc));
    for (int k = 0; k < N; k++) la[k] = la[k] + (lb[k] > la[k] ? lb[k] : -lb[k]) + (int64_t) ia[k] * ib[k];
    result("int.longs", sum(la, sizeof la));
    uint64_t n = 0;
    for (int k = 0; k < N; k++) n += (uint64_t) __builtin_popcountll(la[k]) * 3 + __builtin_clzll(la[k] | 1) + __builtin_ctzll(lb[k] | 1LL << 63);
    for (int k = 0; k < N; k++) n = n * 31 + _pext_u64(la[k], lb[k]) + _pdep_u64(lb[k], la[k]) + _bzhi_u64(la[k], k & 63) + _andn_u64(la[k], lb[k]);
    result("int.bits", n);
    for (int k = 0; k < N - 8; k++) ic[k] = ia[(uint32_t) ib[k] % N] + ia[k + 5];
    result("int.indirect", sum(ic, sizeof ic));
}

static void intrinsics(void) {
    for (int k = 0; k < N; k += 8) {
        __m256i index = _mm256_and_si256(_mm256_loadu_si256((void *) (ib + k)), _mm256_set1_epi32(N - 1));
        __m256i g = _mm256_i32gather_epi32(ia, index, 4);
        __m256 f = _mm256_mask_i32gather_ps(_mm256_set1_ps(3), fa, index, _mm256_castsi256_ps(g), 4);
        __m256i p = _mm256_permutevar8x32_epi32(g, _mm256_loadu_si256((void *) (ia + k)));
        _mm256_maskstore_epi32(ic + k, p, _mm256_shuffle_epi8(g, p));
        _mm256_storeu_ps(fc + k, _mm256_blendv_ps(f, _mm256_dp_ps(f, f, 0xF1), _mm256_castsi256_ps(p)));
    }
    result("avx2.gathers", sum(ic, sizeof ic) ^ sum(fc, sizeof fc));
    for (int k = 0; k < N; k += 8) {
        __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(fa + k), _MM_FROUND_TO_NEAREST_INT);
        _mm256_storeu_ps(fc + k, _mm256_cvtph_ps(_mm_xor_si128(h, _mm_srli_epi16(h, 9))));
    }
    result("f16c.halves", sum(fc, sizeof fc));
    for (int k = 0; k < N; k += 4) {
        __m256d x = _mm256_loadu_pd(da + k), y = _mm256_permute4x64_pd(_mm256_loadu_pd(db + k), 0x1B);
        __m256d z = _mm256_fmaddsub_pd(x, y, _mm256_hadd_pd(y, x));
        z = _mm256_fnmsub_pd(z, _mm256_round_pd(y, _MM_FROUND_TO_ZERO), _mm256_permute2f128_pd(x, z, 0x21));
        z = k & 4 ? _mm256_insertf128_pd(z, _mm256_extractf128_pd(x, 1), 0) : _mm256_insertf128_pd(z, _mm256_castpd256_pd128(y), 1);
        _mm256_storeu_pd(dc + k, z);
    }
    result("fma.mixed", sum(dc, sizeof dc));
    for (int k = 0; k < N; k += 32) {
        __m256i x = _mm256_loadu_si256((void *) (ba + k)), y = _mm256_loadu_si256((void *) (bb + k));
        __m256i z = _mm256_alignr_epi8(_mm256_maddubs_epi16(x, y), _mm256_mpsadbw_epu8(x, y, 0x2A), 5);
        z = _mm256_packs_epi32(_mm256_sad_epu8(z, x), _mm256_sllv_epi32(y, _mm256_and_si256(z, _mm256_set1_epi32(33))));
        _mm256_storeu_si256((void *) (bc + k), _mm256_adds_epi8(z, _mm256_unpackhi_epi16(x, _mm256_sign_epi16(y, z))));
    }
    result("avx2.bytes", sum(bc, sizeof bc));
}

static void strings(void) {
    uint64_t h = 0;
    for (int k = 0; k < 20000; k++) {
        size_t at = next() % (sizeof text - 2048), n = next() % 1024, to = next() % (sizeof copy - 2048);
        uint64_t r = next();
        switch (r % 12) {
            case 0: memset(text + at, 'a' + (int) (r >> 8) % 4, n); break;
            case 1: memcpy(copy + to, text + at, n); break;
            case 2: memmove(text + at, text + at + n % 67, n); break;
            case 3: text[at + n] = 0; h = h * 31 + strlen(text + at); break;
            case 4: h = h * 31 + (uint64_t) ((char *) memchr(text + at, 'b', n) ?: text + 9) - (uint64_t) text; break;
            case 5: text[at + n] = 0; h = h * 31 + (uint64_t) ((strrchr(text + at, 'c') ?: text + 9) - text); break;
            case 6: { int c = memcmp(text + at, copy + to, n); h = h * 31 + (c > 0) - (c < 0) + 1; break; }
            case 7: text[at + n] = copy[to + n] = 0; { int c = strcmp(text + at, copy + to); h = h * 31 + (c > 0) - (c < 0) + 1; } break;
            case 8: { int c = strncmp(text + at, copy + to, n); h = h * 31 + (c > 0) - (c < 0) + 1; break; }
            case 9: text[at + n] = 0; h = h * 31 + (uint64_t) ((strchr(text + at, 'd') ?: text + 9) - text); break;
            case 10: text[at + n] = 0; stpcpy(copy + to, text + at); h = h * 31 + strnlen(copy + to, n); break;
            default: text[at + n] = 0; h = h * 31 + strcspn(text + at, "xd") + (uint64_t) (strchrnul(text + at, 'a') - text); break;
        }
    }
    result("libc.strings", h ^ sum(text, sizeof text) ^ sum(copy, sizeof copy));
    h = 0;
    for (size_t k = 0; k + 1 < sizeof wide / sizeof *wide; k++) wide[k] = (wchar_t) (1 + next() % 5);
    for (int k = 0; k < 2000; k++) {
        size_t at = next() % 2048, n = next() % 512;
        wide[at + n] = 0;
        h = h * 31 + wcslen(wide + at) + (uint64_t) ((wcschr(wide + at, 3) ?: wide) - wide) + (uint64_t) ((wmemchr(wide, 5, at) ?: wide) - wide);
        wide[at + n] = 4;
        wmemset(wide + at, (wchar_t) (n & 3) + 1, 3);
    }
    result("libc.wide", h);
}

static void mathematics(void) {
    for (int k = 0; k < N; k++) dc[k] = sin(da[k]) + cos(db[k]) * exp(-fabs(da[k]) / 1e4) + log(db[k] + 2) + pow(db[k] + 2, 1.5) + atan2(da[k], db[k]) + tan(da[k]);
    result("libm.double", sum(dc, sizeof dc));
    for (int k = 0; k < N; k++) fc[k] = sinf(fa[k]) + expf(-fabsf(fb[k])) + logf(fabsf(fa[k]) + 1) + powf(fabsf(fb[k]), 0.3f) + cosf(fb[k]);
    result("libm.float", sum(fc, sizeof fc));
    char s[64];
    uint64_t h = 0;
    for (int k = 0; k < 300; k++) {
        snprintf(s, sizeof s, "%.17g %a %.3f", da[k], db[k], fa[k]);
        h = h * 31 + sum(s, strlen(s)) + (uint64_t) (strtod(s, 0) * 1000);
    }
    result("libc.numbers", h);
}

int main(void) {
    result("cpu.avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    fill();
    doubles();
    floats();
    integers();
    intrinsics();
    strings();
    mathematics();
    printf("VECTORS end\n");
    return 0;
}
