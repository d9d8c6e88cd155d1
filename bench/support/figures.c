// SPDX-License-Identifier: Apache-2.0
/* figures.c - see figures.h. */
#include "support/figures.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/histogram.h"

#define OPTIONS_MAX 32u

static const char *known_options[OPTIONS_MAX];
static uint32_t known_count;

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t figures_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t figures_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t figures_thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void figures_print(const char *name, double value, const char *unit)
{
    int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 4;

    printf("figure\t%s\t%.*f\t%s\n", name, decimals, value, unit);
    fflush(stdout);
}

void figures_print_latency(const char *name, const struct histogram *histogram)
{
    static const struct {
        const char *suffix;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};
    char full[96];

    for (uint32_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        snprintf(full, sizeof(full), "%s.%s", name, quantiles[i].suffix);
        figures_print(full, histogram_ms(histogram, quantiles[i].q), "ms");
    }
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double figures_median(double *values, uint32_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(values[0]), compare_double);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void figures_fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

const char *figures_option(int argc, char **argv, const char *name, const char *default_value)
{
    size_t size = strlen(name);

    if (known_count < OPTIONS_MAX)
        known_options[known_count++] = name;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, size) != 0)
            continue;
        if (argv[i][size] == '=')
            return argv[i] + size + 1;
        if (argv[i][size] == '\0' && i + 1 < argc)
            return argv[i + 1];
    }
    return default_value;
}

double figures_option_number(int argc, char **argv, const char *name, double default_value)
{
    const char *text = figures_option(argc, argv, name, NULL);
    char *end;
    double value;

    if (text == NULL)
        return default_value;
    value = strtod(text, &end);
    if (end == text || *end != '\0' || value < 0)
        figures_fail("%s %s: want a number", name, text);
    return value;
}

void figures_end_options(int argc, char **argv, const char *usage)
{
    for (int i = 1; i < argc; i++) {
        bool known = false;

        for (uint32_t j = 0; j < known_count && !known; j++) {
            size_t size = strlen(known_options[j]);

            if (strncmp(argv[i], known_options[j], size) != 0)
                continue;
            known = argv[i][size] == '=' || (argv[i][size] == '\0' && i + 1 < argc);
            if (known && argv[i][size] == '\0')
                i++;
        }
        if (!known) {
            fprintf(stderr, "usage: %s\n", usage);
            exit(2);
        }
    }
}
