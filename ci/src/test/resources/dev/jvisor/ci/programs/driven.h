/*
 * What the programs that drive glibc over random input share: random numbers from a seed, a checksum, and the lines they print. Arguments of
 * each: SEED ROUNDS [NAME], where NAME is one of the functions driven, and then every input and result of it is printed too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef DRIVEN_H
#define DRIVEN_H

static uint64_t state = 1;
static const char *chosen;
static int loud;
static uint64_t sum;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1DULL;
}

static void mix(uint64_t value) {
    for (int k = 0; k < 64; k += 8) sum = (sum ^ (value >> k & 255)) * 1099511628211ULL;
}

static void mix_bytes(const void *p, size_t n) {
    const uint8_t *b = p;
    for (size_t k = 0; k < n; k++) sum = (sum ^ b[k]) * 1099511628211ULL;
}

/* Each function's input depends on the seed and its name alone, so that one can be driven as it was among all. */
static int begin(const char *name, uint64_t seed) {
    if (chosen) {
        const char *a = name, *b = chosen;
        while (*a && *a == *b) a++, b++;
        if (*a != *b) return 0;
    }
    loud = chosen != 0;
    sum = 14695981039346656037ULL;
    for (const char *c = name; *c; c++) mix((uint64_t) *c);
    state = (seed * 0x9E3779B97F4A7C15ULL ^ sum) | 1;
    for (int k = 0; k < 8; k++) next();
    return 1;
}

/* Which form of a function the library took at start: its place in the library's file. A static program has no such table. */
static void form(const char *name) {
#ifndef STATIC
    Dl_info where;
    void *at = dlsym(RTLD_DEFAULT, name);
    if (at && dladdr(at, &where)) printf("FORM %s %lx\n", name, (unsigned long) ((char *) at - (char *) where.dli_fbase));
#else
    (void) name;
#endif
}

static void result(const char *group, const char *name) {
    printf("RESULT %s.%s %016llx\n", group, name, (unsigned long long) sum);
    fflush(stdout);
}

static void arguments(int argc, char **argv, uint64_t *seed, int *rounds) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s SEED ROUNDS [NAME]\n", argv[0]);
        exit(2);
    }
    *seed = strtoull(argv[1], 0, 0);
    *rounds = atoi(argv[2]);
    chosen = argc > 3 ? argv[3] : 0;
}

#endif
