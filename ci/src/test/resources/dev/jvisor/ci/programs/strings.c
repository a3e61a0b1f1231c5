/*
 * glibc's string functions over random input, each beside a plain loop that does the same. Operands lie at every alignment and often end where
 * a page does that may not be touched, and what surrounds a destination must stay as it was. Compiled with -fno-builtin and without
 * recognition of loops, so that the library's functions are called, and by nobody else. Lines: "FORM name place", "RESULT strings.name sum";
 * a difference from the plain loop is "WRONG name ..." and ends the program with 1.
 */
#include "driven.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <wchar.h>

#define PAGE 4096
#define ROOM (64 * PAGE)
#define AROUND 1280

static const char *now;
static int wrong;
static uint8_t *arena[2];
static uint8_t before[ROOM];
static size_t first, behind;

static void same(uint64_t library, uint64_t plain, uint64_t a, uint64_t b) {
    if (loud) printf("%s %lld %lld -> %lld\n", now, (long long) a, (long long) b, (long long) library);
    mix(library);
    if (library == plain) return;
    wrong = 1;
    printf("WRONG %s %lld instead of %lld (%lld, %lld)\n", now, (long long) library, (long long) plain, (long long) a, (long long) b);
}

/* Places found, or none: they are told from the start of what was searched, which is not where it was in another run. */
static void found_at(const void *library, const void *plain, const void *start, uint64_t n) {
    const char *s = start;
    same(library ? (uint64_t) ((const char *) library - s) : UINT64_MAX, plain ? (uint64_t) ((const char *) plain - s) : UINT64_MAX, n, (uint64_t) s & 63);
}

static int sign(int64_t v) {
    return (v > 0) - (v < 0);
}

/* Results of comparisons: only the sign is defined, but one form always says the same number. */
static void compared(int library, int plain, uint64_t a, uint64_t b) {
    mix((uint64_t) library);
    same((uint64_t) sign(library), (uint64_t) sign(plain), a, b);
}

static size_t length(void) {
    uint64_t r = next();
    switch (r & 7) {
        case 0: return r >> 8 & 7;
        case 1: case 2: case 3: return (r >> 8) % 70;
        case 4: return (r >> 8) % 5 * 32 + (r >> 16) % 5 - ((r >> 8) % 5 ? 2 : 0);
        case 5: case 6: return (r >> 8) % 700;
        default: return (r >> 8) % 9000;
    }
}

/* n bytes in a place of their own; there is room for AROUND before them. */
static uint8_t *place(int which, size_t n) {
    uint64_t r = next();
    size_t last = ROOM - n, at = r & 1 ? last : r & 2 ? last - (r >> 8) % 130 : AROUND + (r >> 8) % (last - AROUND);
    return arena[which] + at;
}

static uint8_t letters(void) {
    static const uint8_t most[] = {1, 2, 3, 4, 26, 255};
    return most[next() % sizeof most];
}

static void fill(uint8_t *p, size_t n) {
    uint8_t kinds = letters();
    for (size_t k = 0; k < n; k++) p[k] = (uint8_t) (kinds == 26 ? 'A' + next() % 58 : kinds == 255 ? 1 + next() % 255 : 'a' + next() % kinds);
}

/* A string of n letters. */
static char *text(int which, size_t n) {
    uint8_t *p = place(which, n + 1);
    fill(p, n);
    p[n] = 0;
    return (char *) p;
}

/* One that is like p for some way, perhaps all of it. */
static char *alike(int which, const char *p, size_t n, size_t *length_of_it) {
    size_t m = next() % 4 ? n : n ? next() % n : 0;
    char *q = text(which, m);
    size_t until = next() % 3 ? m : m ? next() % m : 0;
    for (size_t k = 0; k < until; k++) q[k] = p[k];
    if (m && next() % 3 == 0) q[next() % m] ^= 0x20;
    for (size_t k = 0; k < m; k++) if (!q[k]) q[k] = 'z';
    *length_of_it = m;
    return q;
}

static wchar_t *wide(int which, size_t n) {
    uint8_t *p = place(which, (n + 1) * 4);
    wchar_t *w = (wchar_t *) ((uintptr_t) p & ~3UL);
    uint64_t kinds = letters();
    for (size_t k = 0; k < n; k++) w[k] = kinds == 255 ? (wchar_t) (next() | 1) : (wchar_t) (1 + next() % kinds);
    w[n] = 0;
    return w;
}

static wchar_t *wide_alike(int which, const wchar_t *p, size_t n, size_t *length_of_it) {
    size_t m = next() % 4 ? n : n ? next() % n : 0;
    wchar_t *q = wide(which, m);
    size_t until = next() % 3 ? m : m ? next() % m : 0;
    for (size_t k = 0; k < until; k++) q[k] = p[k];
    if (m && next() % 3 == 0) q[next() % m] ^= next() & 1 ? 1 << 31 | 1 : 2;
    for (size_t k = 0; k < m; k++) if (!q[k]) q[k] = 9;
    *length_of_it = m;
    return q;
}

/* Looks at the arena around a destination before and after a function wrote to it: plain's idea of it against the library's. */
static void remember(int which, const void *at, size_t n) {
    size_t from = (size_t) ((const uint8_t *) at - arena[which]), to = from + n + AROUND;
    first = from < AROUND ? 0 : (from - AROUND) & ~7UL;
    behind = to > ROOM ? ROOM : to & ~7UL;
    for (size_t k = first; k < behind; k += 8) *(uint64_t *) (before + k) = *(uint64_t *) (arena[which] + k);
}

static uint8_t *shadow(int which, const void *p) {
    return before + ((const uint8_t *) p - arena[which]);
}

static void compare_memory(int which, const void *at, size_t n) {
    mix_bytes(at, n);
    for (size_t k = first; k < behind; k += 8) {
        if (*(uint64_t *) (before + k) == *(uint64_t *) (arena[which] + k)) continue;
        wrong = 1;
        printf("WRONG %s memory at %ld of %zu\n", now, (long) (arena[which] + k - (const uint8_t *) at), n);
        return;
    }
}

static void copies(int kind, size_t n) {
    uint8_t *from = place(0, n), *to;
    fill(from, n);
    if (kind == 1) {
        to = from + (next() % 3 ? (int64_t) (next() % 200) - 100 : (int64_t) (next() % 2000) - 1000);
        if (to < arena[0] || to + n > arena[0] + ROOM) to = from;
        remember(0, from, n);
        uint8_t *f = shadow(0, from), *t = shadow(0, to);
        if (t <= f) for (size_t k = 0; k < n; k++) t[k] = f[k];
        else for (size_t k = n; k-- > 0;) t[k] = f[k];
        same((uint64_t) ((uint8_t *) memmove(to, from, n) - to), 0, n, (uint64_t) (to - from));
        compare_memory(0, to, n);
        return;
    }
    to = place(1, n);
    remember(1, to, n);
    uint8_t *t = shadow(1, to);
    for (size_t k = 0; k < n; k++) t[k] = from[k];
    if (kind == 0) same((uint64_t) ((uint8_t *) memcpy(to, from, n) - to), 0, n, (uint64_t) from & 63);
    else same((uint64_t) ((uint8_t *) mempcpy(to, from, n) - to), n, n, (uint64_t) from & 63);
    compare_memory(1, to, n);
}

static void do_memcpy(void) { copies(0, length()); }
static void do_memmove(void) { copies(1, length()); }
static void do_mempcpy(void) { copies(2, length()); }
/* As long as those for which REP MOVSB and stores past the cache are taken. */
static void do_large_copies(void) { copies((int) (next() % 3), 12000 + next() % 150000); }

static void do_memset(void) {
    size_t n = length();
    uint8_t *to = place(1, n);
    int c = (int) next();
    remember(1, to, n);
    for (size_t k = 0; k < n; k++) shadow(1, to)[k] = (uint8_t) c;
    same((uint64_t) ((uint8_t *) memset(to, c, n) - to), 0, n, (uint64_t) to & 63);
    compare_memory(1, to, n);
}

static void do_explicit_bzero(void) {
    size_t n = length();
    uint8_t *to = place(1, n);
    remember(1, to, n);
    for (size_t k = 0; k < n; k++) shadow(1, to)[k] = 0;
    explicit_bzero(to, n);
    compare_memory(1, to, n);
}

static void do_memcmp(void) {
    size_t n = length(), m;
    char *p = text(0, n), *q = alike(1, p, n, &m);
    if (m < n) n = m;
    int c = 0;
    for (size_t k = 0; k < n && !c; k++) c = (uint8_t) p[k] - (uint8_t) q[k];
    compared(memcmp(p, q, n), c, n, (uint64_t) p & 63);
    same(bcmp(p, q, n) != 0, c != 0, n, (uint64_t) q & 63);
}

static void search(int kind) {
    size_t n = length(), limit = next() % 3 ? n : next() % (n + 1);
    char *s = text(0, n);
    int c = next() % 8 ? (next() % 3 ? 'a' + (int) (next() % 6) : (int) next()) : 0;
    char want = (char) c;
    const char *found = 0, *last = 0;
    size_t upto = kind == 0 || kind == 1 ? limit : n + 1;
    for (size_t k = 0; k < upto; k++) if (s[k] == want) {
        if (!found) found = s + k;
        last = s + k;
    }
    switch (kind) {
        case 0: found_at(memchr(s, c, limit), found, s, limit); break;
        case 1: found_at(memrchr(s, c, limit), last, s, limit); break;
        case 2: found_at(strchr(s, c), found, s, n); break;
        case 3: found_at(strrchr(s, c), last, s, n); break;
        case 4: found_at(strchrnul(s, c), found ? found : s + n, s, n); break;
        default: if (found) found_at(rawmemchr(s, c), found, s, n);
    }
}

static void do_memchr(void) { search(0); }
static void do_memrchr(void) { search(1); }
static void do_strchr(void) { search(2); }
static void do_strrchr(void) { search(3); }
static void do_strchrnul(void) { search(4); }
static void do_rawmemchr(void) { search(5); }

static void do_strlen(void) {
    size_t n = length();
    same(strlen(text(0, n)), n, n, 0);
}

static void do_strnlen(void) {
    size_t n = length(), limit = next() % 2 ? next() % (2 * n + 2) : next() % 8 ? n : SIZE_MAX;
    same(strnlen(text(0, n), limit), limit < n ? limit : n, n, limit);
}

static void string_copies(int kind) {
    size_t n = length() % 5000, had = length() % 2000, limit = next() % 3 ? next() % (n + 70) : n;
    char *s = text(0, n), *to = (char *) place(1, had + (limit > n ? limit : n) + 1);
    size_t took = n < limit ? n : limit, at = 0;
    for (; at < had; at++) to[at] = 'h';
    to[had] = 0;
    remember(1, to, had + n);
    char *t = (char *) shadow(1, to), *r = 0;
    if (kind < 4) at = 0;
    size_t end = kind == 2 || kind == 3 || kind == 5 ? took : n;
    for (size_t k = 0; k < end; k++) t[at + k] = s[k];
    if (kind == 2 || kind == 3) for (size_t k = end; k < limit; k++) t[at + k] = 0;
    else t[at + end] = 0;
    switch (kind) {
        case 0: r = strcpy(to, s); break;
        case 1: r = stpcpy(to, s) - n; break;
        case 2: r = strncpy(to, s, limit); break;
        case 3: r = stpncpy(to, s, limit) - took; break;
        case 4: r = strcat(to, s); break;
        default: r = strncat(to, s, limit);
    }
    same((uint64_t) (r - to), 0, n, limit);
    compare_memory(1, to, had + n);
}

static void do_strcpy(void) { string_copies(0); }
static void do_stpcpy(void) { string_copies(1); }
static void do_strncpy(void) { string_copies(2); }
static void do_stpncpy(void) { string_copies(3); }
static void do_strcat(void) { string_copies(4); }
static void do_strncat(void) { string_copies(5); }

static void comparisons(int kind) {
    size_t n = length(), m, limit = kind == 1 || kind == 3 ? (next() % 3 ? next() % (n + 10) : n) : SIZE_MAX;
    char *p = text(0, n), *q = alike(1, p, n, &m);
    int c = 0;
    for (size_t k = 0; k < limit; k++) {
        int a = (uint8_t) p[k], b = (uint8_t) q[k];
        if (kind >= 2) a = a >= 'A' && a <= 'Z' ? a + 32 : a, b = b >= 'A' && b <= 'Z' ? b + 32 : b;
        c = a - b;
        if (c || !p[k]) break;
    }
    switch (kind) {
        case 0: compared(strcmp(p, q), c, n, m); break;
        case 1: compared(strncmp(p, q, limit), c, n, limit); break;
        case 2: compared(strcasecmp(p, q), c, n, m); break;
        default: compared(strncasecmp(p, q, limit), c, n, limit);
    }
}

static void do_strcmp(void) { comparisons(0); }
static void do_strncmp(void) { comparisons(1); }
static void do_strcasecmp(void) { comparisons(2); }
static void do_strncasecmp(void) { comparisons(3); }

static void spans(int kind) {
    size_t n = length() % 700, k = 0;
    char *s = text(0, n), *set = text(1, next() % 3 ? next() % 6 : next() % 40);
    for (; k < n; k++) {
        int in = 0;
        for (const char *c = set; *c; c++) in |= *c == s[k];
        if (in == (kind != 0)) break;
    }
    if (kind == 0) same(strspn(s, set), k, n, 0);
    else if (kind == 1) same(strcspn(s, set), k, n, 0);
    else found_at(strpbrk(s, set), k < n ? s + k : 0, s, n);
}

static void do_strspn(void) { spans(0); }
static void do_strcspn(void) { spans(1); }
static void do_strpbrk(void) { spans(2); }

static void finds(int kind) {
    size_t n = length() % 900, m = next() % 3 ? next() % 5 : next() % 80;
    char *s = text(0, n), *what = text(1, m);
    if (m && m <= n && next() % 2) {
        size_t from = next() % (n - m + 1);
        for (size_t k = 0; k < m; k++) what[k] = s[from + k];
    }
    const char *found = 0;
    for (size_t at = 0; at + m <= n && !found; at++) {
        size_t k = 0;
        while (k < m && (kind == 2 ? tolower((uint8_t) s[at + k]) == tolower((uint8_t) what[k]) : s[at + k] == what[k])) k++;
        if (k == m) found = s + at;
    }
    found_at(kind == 0 ? strstr(s, what) : kind == 1 ? memmem(s, n, what, m) : strcasestr(s, what), found, s, n);
}

static void do_strstr(void) { finds(0); }
static void do_memmem(void) { finds(1); }
static void do_strcasestr(void) { finds(2); }

static void do_memccpy(void) {
    size_t n = length(), k = 0;
    char *s = text(0, n), *to = (char *) place(1, n);
    int c = 'a' + (int) (next() % 8);
    remember(1, to, n);
    for (; k < n; k++) {
        shadow(1, to)[k] = (uint8_t) s[k];
        if (s[k] == c) break;
    }
    found_at(memccpy(to, s, c, n), k < n ? to + k + 1 : 0, to, n);
    compare_memory(1, to, n);
}

static void wide_ones(int kind) {
    size_t n = length() / 4, m, limit = next() % 3 ? next() % (n + 1) : n;
    wchar_t *s = wide(0, n), *q = wide_alike(1, s, n, &m), c = (wchar_t) (next() % 6);
    wchar_t *found = 0, *last = 0, *within = 0;
    for (size_t k = 0; k <= n; k++) if (s[k] == c) {
        if (!found) found = s + k;
        if (!within && k < limit) within = s + k;
        last = s + k;
    }
    int less = 0, most = kind == 6 ? (int) (limit < m ? limit : m) : kind == 5 ? (int) limit : INT32_MAX;
    for (int k = 0; k < most && !less; k++) {
        less = (s[k] > q[k]) - (s[k] < q[k]);
        if (!s[k] && kind != 6) break;
    }
    switch (kind) {
        case 0: same(wcslen(s), n, n, 0); break;
        case 1: same(wcsnlen(s, limit), limit < n ? limit : n, n, limit); break;
        case 2: found_at(wcschr(s, c), found, s, n); break;
        case 3: found_at(wcsrchr(s, c), last, s, n); break;
        case 4: compared(wcscmp(s, q), less, n, m); break;
        case 5: compared(wcsncmp(s, q, limit), less, n, limit); break;
        case 6: compared(wmemcmp(s, q, (size_t) most), less, n, m); break;
        default: found_at(wmemchr(s, c, limit), within, s, limit);
    }
}

static void do_wcslen(void) { wide_ones(0); }
static void do_wcsnlen(void) { wide_ones(1); }
static void do_wcschr(void) { wide_ones(2); }
static void do_wcsrchr(void) { wide_ones(3); }
static void do_wcscmp(void) { wide_ones(4); }
static void do_wcsncmp(void) { wide_ones(5); }
static void do_wmemcmp(void) { wide_ones(6); }
static void do_wmemchr(void) { wide_ones(7); }

static void wide_writes(int kind) {
    size_t n = length() / 4;
    wchar_t *s = wide(0, n), *to = (wchar_t *) ((uintptr_t) place(1, (n + 1) * 4) & ~3UL), c = (wchar_t) next(), *r;
    remember(1, to, n * 4);
    wchar_t *t = (wchar_t *) shadow(1, to);
    for (size_t k = 0; k < n; k++) t[k] = kind == 0 ? c : s[k];
    if (kind == 1) t[n] = 0;
    r = kind == 0 ? wmemset(to, c, n) : kind == 1 ? wcscpy(to, s) : wmemcpy(to, s, n);
    same((uint64_t) (r - to), 0, n, 0);
    compare_memory(1, to, n * 4);
}

static void do_wmemset(void) { wide_writes(0); }
static void do_wcscpy(void) { wide_writes(1); }
static void do_wmemcpy(void) { wide_writes(2); }

#define EACH(f) f(memcpy) f(memmove) f(mempcpy) f(large_copies) f(memset) f(explicit_bzero) f(memcmp) f(memchr) f(memrchr) f(rawmemchr) f(strlen) f(strnlen) \
    f(strcpy) f(stpcpy) f(strncpy) f(stpncpy) f(strcat) f(strncat) f(strcmp) f(strncmp) f(strcasecmp) f(strncasecmp) f(strchr) f(strrchr) \
    f(strchrnul) f(strspn) f(strcspn) f(strpbrk) f(strstr) f(memmem) f(strcasestr) f(memccpy) f(wcslen) f(wcsnlen) f(wcschr) f(wcsrchr) \
    f(wcscmp) f(wcsncmp) f(wmemcmp) f(wmemchr) f(wmemset) f(wcscpy) f(wmemcpy)
#define ENTRY(f) {#f, do_##f},

static const struct { const char *name; void (*drive)(void); } all[] = {EACH(ENTRY)};

int main(int argc, char **argv) {
    uint64_t seed;
    int rounds;
    arguments(argc, argv, &seed, &rounds);
    for (int k = 0; k < 2; k++) {
        uint8_t *p = mmap(0, ROOM + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + PAGE, ROOM, PROT_READ | PROT_WRITE)) return 2;
        arena[k] = p + PAGE;
    }
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        now = all[k].name;
        form(now);
        if (!begin(now, seed)) continue;
        for (int a = 0; a < 2; a++) for (size_t b = 0; b < ROOM; b += 8) *(uint64_t *) (arena[a] + b) = 0x0101010101010101ULL * (b & 127);
        int times = all[k].drive == do_large_copies ? rounds / 50 + 1 : rounds;
        for (int r = 0; r < times; r++) all[k].drive();
        result("strings", now);
    }
    printf("STRINGS end\n");
    return wrong;
}
