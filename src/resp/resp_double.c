// SPDX-License-Identifier: Apache-2.0
/*
 * resp_double.c - numbers as text, in the form that Redis 7.2 gives them.
 *
 * Which digits: the fewest that read back as the same number, of those the nearest, and of two
 * that are as near the even one. (Redis's own algorithm misses that for one number of a thousand,
 * and takes a digit more.)
 *
 *     few decimals   if v is an integer below 10^15 and v / 10^k, rounded once, is the number, then
 *                    v with k decimals reads back as the number, and no other text of as many
 *                    digits does
 *     16 and 17      a double from 10^-5 to 10^15, times the power of ten that makes it an integer
 *                    of 17 digits, is m * 10^k / 2^s with m * 10^k below 2^127, so 128 bits decide
 *                    exactly whether 16 digits read back
 *     the rest       is asked of printf with 15, 16 and 17 digits; the last always reads back
 *
 * Where the point goes, for digits of which the last stands for 10^scale, and exponent as that of
 * the first:
 *
 *     integers up to 2^62          as integers: 100000000000000000
 *     scale 0 to 7                 zeros behind the digits
 *     scale -6 to -1, or exponent  a point among the digits, or zeros before them: 0.0001
 *     -3 to 3 with scale below 0
 *     else                         1e+20, 1.5e-7, 1.2345678901234e+4
 *
 * Thread: plain functions; any.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/resp_print.h"

#define DIGITS_MAX 17
#define DECIMALS_MAX 22  /* 10^22 is the last power of ten that is a double */
#define FIRST_DECIMALS 3 /* are tried before anything else */
#define SHORT_MAX 1e15
#define EXACT_MIN 1e-5
#define TEN_TO_17 100000000000000000u
#define MANTISSA_MASK ((UINT64_C(1) << 52) - 1)

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

static const double powers[DECIMALS_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t integer_powers[12] = {
    1,       10,       100,       1000,       10000,       100000,
    1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
};

/* ---- integers ---- */

static size_t print_unsigned(char *to, uint64_t value)
{
    char text[20];
    char *at = text + sizeof(text);

    while (value >= 100) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * value, 2);
    } else {
        *--at = (char)('0' + value);
    }
    size_t size = (size_t)(text + sizeof(text) - at);
    memcpy(to, at, size);
    return size;
}

size_t resp_int_print(char to[RESP_INT_BYTES_MAX], int64_t value)
{
    if (value >= 0)
        return print_unsigned(to, (uint64_t)value);
    *to = '-';
    return 1 + print_unsigned(to + 1, 0 - (uint64_t)value);
}

/* ---- digits ---- */

struct digits {
    char text[DIGITS_MAX + 3];
    int count; /* no zeros at the end */
    int scale; /* the last stands for 10^scale */
};

static void trim(struct digits *digits)
{
    while (digits->count > 1 && digits->text[digits->count - 1] == '0') {
        digits->count--;
        digits->scale++;
    }
}

/* Decimals from `least` to `most`; false: these do not do. `value` is positive. */
static bool short_digits(double value, int least, int most, struct digits *out_digits)
{
    for (int k = least; k <= most; k++) {
        double scaled = value * powers[k];
        if (scaled >= SHORT_MAX)
            return false;
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if ((double)whole / powers[k] == value) {
            out_digits->count = (int)print_unsigned(out_digits->text, whole);
            out_digits->scale = -k;
            return true;
        }
    }
    return false;
}

/* The number is mantissa * 10^decimals / 2^shift; `scaled` is that before the division. */
struct exact {
    unsigned __int128 scaled;
    uint64_t mantissa;
    int decimals;
    int shift;
    uint64_t whole; /* 17 digits, rounded down */
};

static unsigned __int128 power_of(int decimals)
{
    return (unsigned __int128)integer_powers[decimals / 2] *
           integer_powers[decimals - decimals / 2];
}

/* `value` is at least EXACT_MIN and below SHORT_MAX. */
static struct exact exact_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int exponent = (int)(bits >> 52) - 1023;
    struct exact exact = {.mantissa = (bits & MANTISSA_MASK) | (MANTISSA_MASK + 1),
                          .shift = 52 - exponent,
                          /* 1233 / 4096 is log10(2): the right number here, or one too many. */
                          .decimals = 16 - ((exponent * 1233) >> 12)};

    for (;; exact.decimals--) {
        exact.scaled = exact.mantissa * power_of(exact.decimals);
        exact.whole = (uint64_t)(exact.scaled >> exact.shift);
        if (exact.whole < TEN_TO_17)
            return exact;
    }
}

/* Is this near enough to the number to be read back as it? */
static bool reads_back(const struct exact *exact, uint64_t ten_times_less)
{
    unsigned __int128 there = (unsigned __int128)ten_times_less * 10 << exact->shift;
    bool below = there < exact->scaled;
    unsigned __int128 distance = below ? exact->scaled - there : there - exact->scaled;
    unsigned __int128 gap = power_of(exact->decimals);

    /* Half of the way to the next double; that below a power of two is half as far. */
    distance *= below && exact->mantissa == MANTISSA_MASK + 1 ? 4 : 2;
    return distance < gap || (distance == gap && exact->mantissa % 2 == 0);
}

static bool digits_16(const struct exact *exact, struct digits *out_digits)
{
    uint64_t below = exact->whole / 10;
    uint64_t last = exact->whole % 10;
    bool is_tie = last == 5 && exact->scaled == (unsigned __int128)exact->whole << exact->shift;
    bool up = is_tie ? below % 2 == 1 : last >= 5;
    uint64_t nearest = below + up;

    if (!reads_back(exact, nearest)) {
        nearest = below + !up;
        if (!reads_back(exact, nearest))
            return false;
    }
    out_digits->count = (int)print_unsigned(out_digits->text, nearest);
    out_digits->scale = 1 - exact->decimals;
    trim(out_digits);
    return true;
}

static void digits_17(const struct exact *exact, struct digits *out_digits)
{
    unsigned __int128 rest = exact->scaled - ((unsigned __int128)exact->whole << exact->shift);
    unsigned __int128 half = (unsigned __int128)1 << (exact->shift - 1);
    uint64_t nearest = exact->whole + (rest > half || (rest == half && exact->whole % 2 == 1));

    out_digits->count = (int)print_unsigned(out_digits->text, nearest);
    out_digits->scale = -exact->decimals;
    trim(out_digits);
}

static void middle_digits(double value, struct digits *out_digits)
{
    if (short_digits(value, 0, FIRST_DECIMALS, out_digits))
        return;
    struct exact exact = exact_of(value);
    if (!digits_16(&exact, out_digits))
        digits_17(&exact, out_digits);
    else
        short_digits(value, FIRST_DECIMALS + 1, DECIMALS_MAX, out_digits);
}

/* Takes printf's d.ddde+xx apart. */
static void take_digits(const char *text, struct digits *out_digits)
{
    int count = 0;

    for (; *text != 'e'; text++) {
        if (*text != '.')
            out_digits->text[count++] = *text;
    }
    out_digits->count = count;
    out_digits->scale = (int)strtol(text + 1, NULL, 10) - (count - 1);
    trim(out_digits);
}

/*
 * Below a power of two the doubles stand closer, so the nearest text of some length may be too far
 * below, while the next one above is near enough.
 */
static bool step_up(char *text, double value)
{
    char *last = strchr(text, 'e') - 1;

    if (*last == '9' || *last == '.')
        return false;
    (*last)++;
    if (strtod(text, NULL) == value)
        return true;
    (*last)--;
    return false;
}

static void long_digits(double value, struct digits *out_digits)
{
    char text[DIGITS_MAX + 16];
    int exponent;
    /* Doubles that are not normal have fewer digits. */
    int count = value < 0x1p-1022 ? 1 : 15;
    bool is_power = frexp(value, &exponent) == 0.5;

    for (; count <= DIGITS_MAX; count++) {
        snprintf(text, sizeof(text), "%.*e", count - 1, value);
        if (count == DIGITS_MAX || strtod(text, NULL) == value)
            break;
        if (is_power && step_up(text, value))
            break;
    }
    take_digits(text, out_digits);
}

/* ---- the form ---- */

static size_t form_exponent(char *to, const struct digits *digits, int exponent)
{
    char *at = to;

    *at++ = digits->text[0];
    if (digits->count > 1) {
        *at++ = '.';
        memcpy(at, digits->text + 1, (size_t)digits->count - 1);
        at += digits->count - 1;
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    return (size_t)(at - to) + print_unsigned(at, (uint64_t)abs(exponent));
}

static size_t form(char *to, const struct digits *digits)
{
    int exponent = digits->scale + digits->count - 1;
    size_t count = (size_t)digits->count;

    if (digits->scale >= 0 && digits->scale < 8) {
        memcpy(to, digits->text, count);
        memset(to + count, '0', (size_t)digits->scale);
        return count + (size_t)digits->scale;
    }
    if (digits->scale >= 0 || (digits->scale <= -7 && abs(exponent) >= 4))
        return form_exponent(to, digits, exponent);
    int whole = digits->count + digits->scale;
    if (whole > 0) {
        memcpy(to, digits->text, (size_t)whole);
        to[whole] = '.';
        memcpy(to + whole + 1, digits->text + whole, count - (size_t)whole);
        return count + 1;
    }
    to[0] = '0';
    to[1] = '.';
    memset(to + 2, '0', (size_t)-whole);
    memcpy(to + 2 - whole, digits->text, count);
    return count + 2 + (size_t)-whole;
}

static size_t copy(char *to, const char *text)
{
    size_t size = strlen(text);

    memcpy(to, text, size);
    return size;
}

size_t resp_double_print(char to[RESP_DOUBLE_BYTES_MAX], double value)
{
    struct digits digits;

    if (value > -0x1p62 && value < 0x1p62) {
        int64_t whole = (int64_t)value;
        if ((double)whole == value)
            return value == 0 && signbit(value) ? copy(to, "-0") : resp_int_print(to, whole);
    } else if (isnan(value)) {
        return copy(to, "nan");
    } else if (isinf(value)) {
        return copy(to, value < 0 ? "-inf" : "inf");
    } else if (fabs(value) == 0x1p62) {
        return resp_int_print(to, (int64_t)value);
    }
    size_t sign = value < 0;
    if (sign)
        to[0] = '-';
    double size_only = fabs(value);
    if (size_only >= EXACT_MIN && size_only < SHORT_MAX)
        middle_digits(size_only, &digits);
    else
        long_digits(size_only, &digits);
    size_t size = sign + form(to + sign, &digits);
    assert(size <= RESP_DOUBLE_BYTES_MAX);
    return size;
}
