/* What the C programs share: numbers in from a file, a clock, results out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Read a whole file of doubles. */
static double *read_numbers(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    double *numbers = aligned_alloc(64, (size + 63) / 64 * 64);
    if (fread(numbers, 1, size, file) != (size_t)size) exit(2);
    fclose(file);
    return numbers;
}

/* Seconds of this process on the processor: others on the machine do not lengthen them. */
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void print_numbers(const double *numbers, int n) {
    for (int i = 0; i < n; i++) printf("%.17g\n", numbers[i]);
}
