// SPDX-License-Identifier: Apache-2.0
/*
 * chess_events.c - world chess ratings since 1971 as a stream of events, in time order.
 *
 * Reads the spelling file of the Debian package scid-rating-data and writes one line for each
 * rating that a player had on an official list: 380 thousand players, 23.8 million events. The
 * file is sorted by player and the events are wanted by date, so the ratings go into a grid, one
 * column a list, 2 bytes a cell, and the columns are then written one after the other.
 *
 * The file, in Latin-1 (everything but these lines is skipped):
 *
 *     @PLAYER ...                             the players follow, up to the next line with @
 *     Carlsen, Magnus #GM NOR [2847] 1990     name # title federation(s), oldest first
 *        %Bio FIDEID 1503014
 *        %Elo 2001:?,2064,2084,2072 2002:...  year : the rating on each list of that year
 *
 * Rules for what is not so neat in it: a cell that is no number from 1000 to 2999 is no rating; a
 * cell beyond the lists of its year is dropped; a year that comes twice overwrites cell by cell;
 * a name that two players share gets the FIDE number behind it, in brackets.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_DEFAULT "/usr/share/scid/data/spelling.ssp"
#define YEAR_MIN 1971
#define YEAR_MAX 2099
#define LISTS_MAX ((YEAR_MAX - YEAR_MIN + 1) * 12)
#define RATING_MIN 1000
#define RATING_MAX 2999
#define CHUNK_BYTES (64 * 1024)

struct text {
    const char *at;
    size_t size;
};

struct player {
    uint64_t prefix; /* where the line's constant start is, in grid.prefixes */
    uint32_t prefix_size;
    uint32_t line;
    struct text name; /* all four as in the file */
    struct text title;
    struct text federation;
    struct text fide;
    bool shared; /* somebody else has the same name */
};

struct grid {
    struct player *players;
    size_t player_count;
    uint16_t *columns[LISTS_MAX]; /* a list that nobody is on has none */
    char *prefixes;
    size_t prefix_bytes;
    size_t prefix_bytes_max;
    uint64_t cells_dropped;
};

struct options {
    const char *file;
    int year_from;
    int year_to;
    double lists_per_second; /* 0: as fast as it goes */
    bool csv;
    bool count_only;
    bool verbose;
};

struct output {
    char bytes[CHUNK_BYTES + 1024];
    size_t size;
    double began_s;
};

static void die(const char *what)
{
    fprintf(stderr, "chess_events: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must(void *memory)
{
    if (memory == NULL)
        die("memory");
    return memory;
}

/* ---- the calendar of the lists ------------------------------------------------------------- */

/*
 * The months of a year's lists. Once a year while ratings were young (the
 * first lists were not in January), then twice, four times, and ever more often until monthly.
 */
static unsigned year_months(int year, uint8_t out_months[12])
{
    static const uint8_t twice[] = {1, 7}, quarters[] = {1, 4, 7, 10}, of_2009[] = {1, 4, 7, 9, 11},
                         odd[] = {1, 3, 5, 7, 9, 11}, of_2012[] = {1, 3, 5, 7, 8, 9, 10, 11, 12},
                         monthly[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    uint8_t once[1] = {year <= 1973 ? 7 : year == 1974 ? 5 : 1};
    const uint8_t *months = monthly;
    unsigned count = 12;

    if (year <= 1989)
        months = once, count = 1;
    else if (year <= 2000)
        months = twice, count = 2;
    else if (year <= 2008)
        months = quarters, count = 4;
    else if (year == 2009)
        months = of_2009, count = 5;
    else if (year <= 2011)
        months = odd, count = 6;
    else if (year == 2012)
        months = of_2012, count = 9;
    memcpy(out_months, months, count);
    return count;
}

/* A list is known by its month: 0 is January of YEAR_MIN. -1: the year had no such list. */
static int list_index(int year, unsigned ordinal)
{
    uint8_t months[12];

    if (ordinal >= year_months(year, months))
        return -1;
    return (year - YEAR_MIN) * 12 + months[ordinal] - 1;
}

/* ---- reading ------------------------------------------------------------------------------- */

static struct text next_line(struct text *rest)
{
    const char *end = memchr(rest->at, '\n', rest->size);
    size_t size = end != NULL ? (size_t)(end - rest->at) : rest->size;
    struct text line = {rest->at, size};
    size_t step = end != NULL ? size + 1 : size;

    rest->at += step;
    rest->size -= step;
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct text next_word(struct text *rest)
{
    struct text word;

    while (rest->size > 0 && is_blank(rest->at[0]))
        rest->at++, rest->size--;
    word = (struct text){rest->at, 0};
    while (rest->size > 0 && !is_blank(rest->at[0]))
        rest->at++, rest->size--, word.size++;
    return word;
}

static bool text_begins(struct text text, const char *start)
{
    size_t size = strlen(start);

    return text.size >= size && memcmp(text.at, start, size) == 0;
}

/* The lines between @PLAYER and the next section. */
static struct text player_section(struct text file)
{
    struct text section = {file.at, 0};

    while (file.size > 0) {
        struct text line = next_line(&file);

        if (section.size == 0 && text_begins(line, "@PLAYER"))
            section = file;
        else if (section.size > 0 && text_begins(line, "@"))
            return (struct text){section.at, (size_t)(line.at - section.at)};
    }
    return section;
}

static bool begins_player(struct text line)
{
    return line.size > 0 && !is_blank(line.at[0]) && line.at[0] != '#' && line.at[0] != '@';
}

static void read_player(struct player *player, struct text line)
{
    const char *hash = memchr(line.at, '#', line.size);
    struct text name = {line.at, hash != NULL ? (size_t)(hash - line.at) : line.size};
    struct text rest = {line.at + name.size, line.size - name.size};

    while (name.size > 0 && is_blank(name.at[name.size - 1]))
        name.size--;
    if (rest.size > 0)
        rest.at++, rest.size--;
    player->name = name;
    player->title = next_word(&rest);
    player->federation = next_word(&rest);
}

static void set_cell(struct grid *grid, size_t player, int year, unsigned ordinal, int rating)
{
    int list = list_index(year, ordinal);

    if (list < 0) {
        grid->cells_dropped++;
        return;
    }
    if (grid->columns[list] == NULL)
        grid->columns[list] = must(calloc(grid->player_count, sizeof(uint16_t)));
    grid->columns[list][player] = (uint16_t)rating;
}

/* One word of an %Elo line: 2001:?,2064,2084,2072. What is written otherwise is no such word. */
static void read_year(struct grid *grid, size_t player, struct text word)
{
    const char *at = word.at, *end = word.at + word.size;
    int year = 0;

    while (at < end && *at >= '0' && *at <= '9' && at - word.at < 4)
        year = year * 10 + (*at++ - '0');
    if (at - word.at != 4 || at == end || *at++ != ':' || year < YEAR_MIN || year > YEAR_MAX) {
        grid->cells_dropped++;
        return;
    }
    for (unsigned ordinal = 0; at <= end; ordinal++) {
        const char *comma = at;
        int rating = 0;
        bool digits = true;

        for (; comma < end && *comma != ','; comma++) {
            digits = digits && *comma >= '0' && *comma <= '9';
            rating = digits && rating < 10000 ? rating * 10 + (*comma - '0') : rating;
        }
        if (digits && rating >= RATING_MIN && rating <= RATING_MAX)
            set_cell(grid, player, year, ordinal, rating);
        else if (comma - at != 1 || *at != '?')
            grid->cells_dropped++;
        at = comma + 1;
    }
}

static void read_section(struct grid *grid, struct text section)
{
    struct player *player = NULL;
    struct text rest = section;
    uint32_t line_number = 0;

    while (rest.size > 0)
        grid->player_count += begins_player(next_line(&rest));
    grid->players = must(calloc(grid->player_count + 1, sizeof(struct player)));
    for (rest = section; rest.size > 0;) {
        struct text line = next_line(&rest);
        struct text word;

        line_number++;
        if (begins_player(line)) {
            player = player == NULL ? grid->players : player + 1;
            player->line = line_number;
            read_player(player, line);
            continue;
        }
        if (player == NULL)
            continue;
        word = next_word(&line);
        if (text_begins(word, "%Elo")) {
            while ((word = next_word(&line)).size > 0)
                read_year(grid, (size_t)(player - grid->players), word);
        } else if (text_begins(word, "%Bio") && text_begins(next_word(&line), "FIDEID")) {
            player->fide = next_word(&line);
        }
    }
}

/* ---- names --------------------------------------------------------------------------------- */

static uint64_t text_hash(struct text text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 1099511628211u;
    return hash;
}

static void mark_shared_names(struct grid *grid)
{
    size_t slots_mask = 1;
    uint32_t *slots;

    while (slots_mask < grid->player_count * 2)
        slots_mask = slots_mask * 2 + 1;
    slots = must(calloc(slots_mask + 1, sizeof(*slots)));
    for (size_t i = 0; i < grid->player_count; i++) {
        struct player *player = &grid->players[i];
        size_t slot = text_hash(player->name) & slots_mask;

        for (; slots[slot] != 0; slot = (slot + 1) & slots_mask) {
            struct player *other = &grid->players[slots[slot] - 1];

            if (other->name.size == player->name.size &&
                memcmp(other->name.at, player->name.at, player->name.size) == 0) {
                other->shared = player->shared = true;
                break;
            }
        }
        if (slots[slot] == 0)
            slots[slot] = (uint32_t)i + 1;
    }
    free(slots);
}

static void put(struct grid *grid, const char *at, size_t size)
{
    if (grid->prefix_bytes + size > grid->prefix_bytes_max) {
        grid->prefix_bytes_max = (grid->prefix_bytes + size) * 2 + 4096;
        grid->prefixes = must(realloc(grid->prefixes, grid->prefix_bytes_max));
    }
    memcpy(grid->prefixes + grid->prefix_bytes, at, size);
    grid->prefix_bytes += size;
}

static void put_text(struct grid *grid, const char *text)
{
    put(grid, text, strlen(text));
}

/* Latin-1 to UTF-8, quoted for JSON or CSV. Control characters are mistakes and go. */
static void put_name(struct grid *grid, const struct player *player, bool csv)
{
    char suffix[64] = "";
    size_t digits = 0;

    for (size_t i = 0; i < player->name.size; i++) {
        unsigned char c = (unsigned char)player->name.at[i];
        char utf8[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            continue;
        if (c == '"')
            put_text(grid, csv ? "\"" : "\\");
        if (c == '\\' && !csv)
            put_text(grid, "\\");
        if (c < 0x80)
            put(grid, player->name.at + i, 1);
        else
            put(grid, utf8, 2);
    }
    if (!player->shared)
        return;
    while (digits < player->fide.size && player->fide.at[digits] >= '0' &&
           player->fide.at[digits] <= '9')
        digits++;
    if (digits > 0 && digits < 20)
        snprintf(suffix, sizeof(suffix), " (%.*s)", (int)digits, player->fide.at);
    else
        snprintf(suffix, sizeof(suffix), " (line %u)", player->line);
    put_text(grid, suffix);
}

/* "im+cim" is IM; a dash, or the w that marks a woman without a title, is none. */
static void put_title(struct grid *grid, struct text title)
{
    char upper[3];
    size_t size = 0;

    for (; size < title.size && title.at[size] != '+'; size++) {
        char c = title.at[size];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (size == sizeof(upper) || c < 'A' || c > 'Z')
            return;
        upper[size] = c;
    }
    if (size >= 2 && upper[size - 1] == 'M')
        put(grid, upper, size);
}

/* The last of "USS/RUS", in capitals; NON is what chess calls a player of no federation. */
static void put_federation(struct grid *grid, struct text federation)
{
    char code[3];

    for (size_t i = federation.size; i > 0; i--) {
        if (federation.at[i - 1] != '/')
            continue;
        federation.at += i;
        federation.size -= i;
        break;
    }
    if (federation.size != 3) {
        put_text(grid, "NON");
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        code[i] = federation.at[i];
        if (code[i] >= 'a' && code[i] <= 'z')
            code[i] = (char)(code[i] - 'a' + 'A');
        if (code[i] < 'A' || code[i] > 'Z')
            memcpy(code, "XXX", 3);
    }
    put(grid, memcmp(code, "XXX", 3) == 0 ? "NON" : code, 3);
}

/* All of an event but its rating and its time is the same for a player's whole life. */
static void write_prefixes(struct grid *grid, bool csv)
{
    for (size_t i = 0; i < grid->player_count; i++) {
        struct player *player = &grid->players[i];

        player->prefix = grid->prefix_bytes;
        put_text(grid, csv ? "\"" : "{\"player\":\"");
        put_name(grid, player, csv);
        put_text(grid, csv ? "\"," : "\",\"federation\":\"");
        put_federation(grid, player->federation);
        put_text(grid, csv ? "," : "\",\"title\":\"");
        put_title(grid, player->title);
        put_text(grid, csv ? "," : "\",\"rating\":");
        player->prefix_size = (uint32_t)(grid->prefix_bytes - player->prefix);
    }
}

/* ---- writing ------------------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_until(double at_s)
{
    struct timespec at = {.tv_sec = (time_t)at_s};

    at.tv_nsec = (long)((at_s - (double)at.tv_sec) * 1e9);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

static void flush(struct output *output)
{
    size_t done = 0;

    while (done < output->size) {
        ssize_t written = write(STDOUT_FILENO, output->bytes + done, output->size - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            die("standard output");
        done += (size_t)written;
    }
    output->size = 0;
}

/* lists_before: how many were written before this one; it says when this one is due. */
static void write_list(struct output *output, const struct grid *grid, int list,
                       const struct options *options, unsigned lists_before)
{
    char suffix[48];
    int suffix_size = snprintf(suffix, sizeof(suffix),
                               options->csv ? ",%04d-%02d-01\n" : ",\"at\":\"%04d-%02d-01\"}\n",
                               YEAR_MIN + list / 12, 1 + list % 12);

    for (size_t i = 0; i < grid->player_count; i++) {
        const struct player *player = &grid->players[i];
        unsigned rating = grid->columns[list][i];
        char *to;

        if (rating == 0)
            continue;
        if (output->size + player->prefix_size + 64 > sizeof(output->bytes)) {
            double part = (double)i / (double)grid->player_count;

            if (options->lists_per_second > 0)
                wait_until(output->began_s + (lists_before + part) / options->lists_per_second);
            flush(output);
        }
        to = output->bytes + output->size;
        memcpy(to, grid->prefixes + player->prefix, player->prefix_size);
        to += player->prefix_size;
        for (int digit = 3; digit >= 0; digit--, rating /= 10)
            to[digit] = (char)('0' + rating % 10);
        memcpy(to + 4, suffix, (size_t)suffix_size);
        output->size += player->prefix_size + 4 + (size_t)suffix_size;
    }
    if (options->lists_per_second > 0) {
        flush(output);
        wait_until(output->began_s + (lists_before + 1) / options->lists_per_second);
    }
}

static uint64_t count_events(const struct grid *grid, int list)
{
    uint64_t count = 0;

    for (size_t i = 0; i < grid->player_count; i++)
        count += grid->columns[list][i] != 0;
    return count;
}

static void write_events(const struct grid *grid, const struct options *options)
{
    static struct output output;
    uint64_t event_count = 0;
    unsigned list_count = 0;

    output.began_s = now_s();
    if (options->csv && !options->count_only) {
        output.size = strlen("player,federation,title,rating,at\n");
        memcpy(output.bytes, "player,federation,title,rating,at\n", output.size);
    }
    for (int list = (options->year_from - YEAR_MIN) * 12;
         list < (options->year_to - YEAR_MIN + 1) * 12; list++) {
        if (grid->columns[list] == NULL)
            continue;
        event_count += count_events(grid, list);
        if (!options->count_only)
            write_list(&output, grid, list, options, list_count);
        list_count++;
    }
    flush(&output);
    if (options->count_only)
        printf("%llu\n", (unsigned long long)event_count);
    if (options->verbose)
        fprintf(stderr,
                "chess_events: %zu players, %u lists, %llu events; %llu cells of the file are no "
                "ratings\n",
                grid->player_count, list_count, (unsigned long long)event_count,
                (unsigned long long)grid->cells_dropped);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(FILE *to)
{
    fputs("usage: chess_events [--file FILE] [--from YEAR] [--to YEAR] [--speed LISTS]\n"
          "                    [--csv] [--count] [--verbose]\n\n"
          "Writes the ratings of all chess players since 1971 as NDJSON, in time order.\n\n"
          "  --file FILE    the spelling file of Scid (default " FILE_DEFAULT ")\n"
          "  --from YEAR    first year\n"
          "  --to YEAR      last year\n"
          "  --speed LISTS  rating lists a second (default 0: as fast as it goes)\n"
          "  --csv          CSV with a header line instead of NDJSON\n"
          "  --count        only say how many events there would be\n"
          "  --verbose      end with a summary on standard error\n",
          to);
}

static double number_of(const char *name, const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        fprintf(stderr, "chess_events: --%s %s: want a number from %g to %g\n", name, text, min,
                max);
        exit(2);
    }
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"file", required_argument, NULL, 'f'},
        {"from", required_argument, NULL, 'a'},
        {"to", required_argument, NULL, 'b'},
        {"speed", required_argument, NULL, 's'},
        {"csv", no_argument, NULL, 'c'},
        {"count", no_argument, NULL, 'n'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.file = FILE_DEFAULT, .year_from = YEAR_MIN, .year_to = YEAR_MAX};
    int option;

    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'f':
            options.file = optarg;
            break;
        case 'a':
            options.year_from = (int)number_of("from", optarg, YEAR_MIN, YEAR_MAX);
            break;
        case 'b':
            options.year_to = (int)number_of("to", optarg, YEAR_MIN, YEAR_MAX);
            break;
        case 's':
            options.lists_per_second = number_of("speed", optarg, 0, 1e6);
            break;
        case 'c':
            options.csv = true;
            break;
        case 'n':
            options.count_only = true;
            break;
        case 'v':
            options.verbose = true;
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
    static struct grid grid;
    struct options options = parse_options(argc, argv);
    int fd = open(options.file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    struct text file = {NULL, 0};
    void *mapped;

    if (fd < 0 || fstat(fd, &status) != 0) {
        fprintf(stderr, "chess_events: %s: %s; Debian's package scid-rating-data has it\n",
                options.file, strerror(errno));
        return 1;
    }
    mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        die(options.file);
    file = (struct text){mapped, (size_t)status.st_size};
    read_section(&grid, player_section(file));
    if (grid.player_count == 0) {
        fprintf(stderr, "chess_events: %s holds no players: is it Scid's spelling file?\n",
                options.file);
        return 1;
    }
    mark_shared_names(&grid);
    write_prefixes(&grid, options.csv);
    munmap(mapped, (size_t)status.st_size);
    write_events(&grid, &options);
    close(fd);
    for (int list = 0; list < LISTS_MAX; list++)
        free(grid.columns[list]);
    free(grid.prefixes);
    free(grid.players);
    return 0;
}
