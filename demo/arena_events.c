// SPDX-License-Identifier: Apache-2.0
/*
 * arena_events.c - an endless arena of matches as a stream of events.
 *
 * Two players meet, the better one usually wins, and each of the two gets one line: 3 points for a
 * win, 1 for a draw, 0 for a loss, and whether it was a win. Some play all day and most play
 * rarely; opponents are found near one's own skill; skill drifts, so that the top of the board is
 * never safe. The same seed gives the same matches; only the times are of now, unless --start says
 * otherwise.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50
#define EVENT_BYTES_MAX 256

struct player {
    float skill;  /* the natural logarithm of odds against an average player */
    float talent; /* what skill is drawn back to */
    uint8_t region;
};

struct options {
    uint64_t players;
    double rate; /* events a second, 0: as fast as it goes */
    uint64_t seed;
    uint64_t count;   /* 0: endless */
    int64_t start_ms; /* -1: now */
};

struct arena {
    struct player *players;
    uint64_t player_count;
    uint64_t random[2];
    uint64_t match_count;
    uint64_t seed;
};

static const char *const region_names[] = {"EU", "NA", "ASIA", "SA", "AFRICA", "OCEANIA"};
static const double region_shares[] = {0.31, 0.24, 0.25, 0.11, 0.05, 0.04};
#define REGION_COUNT 6

static const char *const first_words[] = {
    "amber",   "azure",  "bold",   "brave", "brisk", "calm",   "clever", "coral",
    "crimson", "daring", "deft",   "eager", "fleet", "frost",  "gentle", "gilded",
    "grand",   "hazel",  "indigo", "ivory", "jade",  "keen",   "lucid",  "lunar",
    "merry",   "noble",  "onyx",   "quick", "royal", "silent", "solar",  "vivid"};
static const char *const second_words[] = {
    "badger", "bear",  "bison", "cobra", "condor", "crane", "eagle",  "falcon",
    "ferret", "fox",   "gecko", "hare",  "hawk",   "heron", "ibex",   "jackal",
    "jaguar", "koala", "lemur", "lynx",  "marten", "moose", "ocelot", "orca",
    "otter",  "owl",   "panda", "puma",  "raven",  "stoat", "tiger",  "wolf"};

/* ---- chance -------------------------------------------------------------------------------- */

/* xoroshiro128+: small, quick and good enough for a game. */
static uint64_t next_random(struct arena *arena)
{
    uint64_t a = arena->random[0], b = arena->random[1], sum = a + b;

    b ^= a;
    arena->random[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    arena->random[1] = (b << 37) | (b >> 27);
    return sum;
}

/* From 0 to under 1. */
static double chance(struct arena *arena)
{
    return (double)(next_random(arena) >> 11) / 9007199254740992.0;
}

/* Near enough to a normal distribution, mean 0, deviation 1. */
static double bell(struct arena *arena)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += chance(arena);
    return sum;
}

/* ---- the arena ----------------------------------------------------------------------------- */

static int arena_init(struct arena *arena, const struct options *options)
{
    uint64_t mixed = options->seed;

    *arena = (struct arena){.player_count = options->players, .seed = options->seed};
    for (int i = 0; i < 2; i++) {
        mixed = (mixed + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
        arena->random[i] = mixed ^ (mixed >> 29) ^ 1;
    }
    arena->players = calloc(arena->player_count, sizeof(struct player));
    if (arena->players == NULL)
        return -1;
    for (uint64_t i = 0; i < arena->player_count; i++) {
        struct player *player = &arena->players[i];
        double share = chance(arena);

        while (player->region < REGION_COUNT - 1 && share >= region_shares[player->region])
            share -= region_shares[player->region++];
        player->talent = (float)bell(arena);
        player->skill = player->talent;
    }
    return 0;
}

/* Half of all play is by about one player in eight; among the keenest all play about as much. */
static uint64_t pick_player(struct arena *arena)
{
    const double skew = 4;

    return (uint64_t)((double)arena->player_count * expm1(skew * chance(arena)) / expm1(skew));
}

static uint64_t pick_opponent(struct arena *arena, uint64_t player)
{
    uint64_t best = player;
    double best_distance = INFINITY;

    for (int tries = 0; tries < 4 || best == player; tries++) {
        uint64_t other = pick_player(arena);
        double distance;

        if (other == player)
            continue;
        distance = fabs((double)arena->players[other].skill - arena->players[player].skill);
        if (distance < best_distance) {
            best_distance = distance;
            best = other;
        }
    }
    return best;
}

/* Practice moves a player at random, age draws back to the talent. */
static void drift(struct arena *arena, struct player *player)
{
    double skill = player->skill;

    skill += 0.03 * bell(arena) + 0.001 * ((double)player->talent - skill);
    player->skill = (float)skill;
    player->talent += (float)(0.002 * bell(arena));
}

/* Neighbours in number get far apart names; the number makes them unique. */
static int write_name(char *to, uint64_t player)
{
    uint64_t mixed = (player % 1024) * 421 % 1024;

    return snprintf(to, 48, "%s-%s-%llu", first_words[mixed % 32], second_words[mixed / 32],
                    (unsigned long long)(player / 1024 + 1));
}

static size_t write_event(char *to, const struct arena *arena, uint64_t player,
                          const char *names[2], int points, int64_t at_ms)
{
    return (size_t)snprintf(
        to, EVENT_BYTES_MAX,
        "{\"player\":\"%s\",\"opponent\":\"%s\",\"region\":\"%s\",\"match\":\"%llx-%llx\","
        "\"points\":%d,\"won\":%d,\"at\":%lld}\n",
        names[0], names[1], region_names[arena->players[player].region],
        (unsigned long long)arena->seed, (unsigned long long)arena->match_count, points,
        points == 3, (long long)at_ms);
}

/* One match, two lines. */
static size_t play(struct arena *arena, char *to, int64_t at_ms)
{
    uint64_t one = pick_player(arena), two = pick_opponent(arena, one);
    double odds = (double)arena->players[one].skill - arena->players[two].skill;
    double wins = 1 / (1 + exp(-2 * odds)), drawn = 0.2 * wins * (1 - wins) * 4;
    double outcome = chance(arena);
    char name_one[48], name_two[48];
    int points = outcome < drawn ? 1 : outcome < drawn + (1 - drawn) * wins ? 3 : 0;
    size_t size;

    write_name(name_one, one);
    write_name(name_two, two);
    arena->match_count++;
    size = write_event(to, arena, one, (const char *[]){name_one, name_two}, points, at_ms);
    size += write_event(to + size, arena, two, (const char *[]){name_two, name_one},
                        points == 1 ? 1 : 3 - points, at_ms);
    drift(arena, &arena->players[one]);
    drift(arena, &arena->players[two]);
    return size;
}

/* ---- time and output ----------------------------------------------------------------------- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            fprintf(stderr, "arena_events: standard output: %s\n", strerror(errno));
            return -1;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* In ticks, so that a slow rate trickles and a high one is written in large pieces. */
static int run(struct arena *arena, const struct options *options)
{
    static char buffer[64 * 1024];
    int64_t began_ms = clock_ms(CLOCK_MONOTONIC);
    uint64_t event_count = 0;
    size_t size = 0;

    while (options->count == 0 || event_count < options->count) {
        int64_t at_ms = options->start_ms;

        if (options->rate > 0) {
            double due_ms = (double)event_count * 1000 / options->rate;
            int64_t early_ms = began_ms + (int64_t)due_ms - clock_ms(CLOCK_MONOTONIC);

            if (early_ms > 0) {
                struct timespec pause = {.tv_nsec = TICK_MS * 1000000};

                if (write_all(buffer, size) != 0)
                    return -1;
                size = 0;
                nanosleep(&pause, NULL);
                continue;
            }
            at_ms += (int64_t)due_ms;
        }
        if (options->start_ms < 0)
            at_ms = clock_ms(CLOCK_REALTIME);
        size += play(arena, buffer + size, at_ms);
        event_count += 2;
        if (size + 2 * EVENT_BYTES_MAX > sizeof(buffer)) {
            if (write_all(buffer, size) != 0)
                return -1;
            size = 0;
        }
    }
    return write_all(buffer, size);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(FILE *to)
{
    fputs("usage: arena_events [--players N] [--rate N] [--seed N] [--count N] [--start MS]\n\n"
          "Writes the results of an endless arena of matches as NDJSON.\n\n"
          "  --players N  how many take part (default 20000)\n"
          "  --rate N     events a second (default 200; 0: as fast as it goes)\n"
          "  --seed N     the same seed gives the same matches (default 1)\n"
          "  --count N    stop after so many events (default 0: never)\n"
          "  --start MS   time of the first event, in milliseconds since 1970, instead of now\n",
          to);
}

static double number_of(const char *name, const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        fprintf(stderr, "arena_events: --%s %s: want a number from %g to %g\n", name, text, min,
                max);
        exit(2);
    }
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"players", required_argument, NULL, 'p'},
        {"rate", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},
        {"count", required_argument, NULL, 'c'},
        {"start", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.players = 20000, .rate = 200, .seed = 1, .start_ms = -1};
    int option;

    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.players = (uint64_t)number_of("players", optarg, 2, 100e6);
            break;
        case 'r':
            options.rate = number_of("rate", optarg, 0, 100e6);
            break;
        case 's':
            options.seed = (uint64_t)number_of("seed", optarg, 0, 9e15);
            break;
        case 'c':
            options.count = (uint64_t)number_of("count", optarg, 0, 9e15);
            break;
        case 'b':
            options.start_ms = (int64_t)number_of("start", optarg, 0, 9e15);
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    struct arena arena;
    int rc;

    if (arena_init(&arena, &options) != 0) {
        fprintf(stderr, "arena_events: no memory for so many players\n");
        return 1;
    }
    rc = run(&arena, &options);
    free(arena.players);
    return rc == 0 ? 0 : 1;
}
