// SPDX-License-Identifier: Apache-2.0
/*
 * conf_value.c - see conf_value.h.
 *
 * Every kind reads text: defaults and --set are text, and a number of the file is first printed as
 * text, so that there is one reader for all three.
 */
#include "base/conf_value.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/conf_text.h"
#include "base/conf_units.h"
#include "base/err.h"
#include "base/json.h"

#define CORES_WORD "cores"
#define CHOICES_MAX 4

/* How a kind is called, and its words if it has a fixed set of them. */
struct kind {
    const char *name;
    const char *choices[CHOICES_MAX];
};

static const struct kind kinds[] = {
    [CONF_KIND_ADDRESS] = {"address", {NULL}},
    [CONF_KIND_CORES] = {"count", {NULL}},
    [CONF_KIND_COUNT] = {"count", {NULL}},
    [CONF_KIND_DURABILITY] = {"word", {"fsync", "written", "memory"}},
    [CONF_KIND_DURATION] = {"duration", {NULL}},
    [CONF_KIND_HOSTS] = {"list", {NULL}},
    [CONF_KIND_ORIGINS] = {"list", {NULL}},
    [CONF_KIND_SAY] = {"word", {"debug", "info", "warn", "error"}},
    [CONF_KIND_SIZE] = {"size", {NULL}},
    [CONF_KIND_TEXT] = {"text", {NULL}},
};

static size_t choice_count(const struct kind *kind)
{
    size_t count = 0;

    while (count < CHOICES_MAX && kind->choices[count] != NULL)
        count++;
    return count;
}

/* The member of a conf that a setting is. Callers know its type by the kind. */
static void *member_of(struct conf *conf, const struct conf_setting *setting)
{
    return (char *)conf + setting->offset;
}

static const void *member_of_const(const struct conf *conf, const struct conf_setting *setting)
{
    return (const char *)conf + setting->offset;
}

static void print_number(enum conf_kind kind, int64_t value, struct bytes *out)
{
    if (kind == CONF_KIND_DURATION)
        conf_duration_print(value, out);
    else if (kind == CONF_KIND_SIZE)
        conf_size_print(value, out);
    else
        conf_count_print(value, out);
}

static int check_range(const struct conf_setting *setting, int64_t value, struct err *err)
{
    bool small = value < setting->min;
    struct bytes got = {0};
    struct bytes bound = {0};

    if (!small && value <= setting->max)
        return 0;
    print_number(setting->kind, value, &got);
    print_number(setting->kind, small ? setting->min : setting->max, &bound);
    err_set(err, ERR_INVALID, "%s: %s is too %s, at %s %s", setting->path, bytes_text(&got),
            small ? "small" : "large", small ? "least" : "most", bytes_text(&bound));
    bytes_done(&got);
    bytes_done(&bound);
    return ERR_INVALID;
}

static int parse_number(const struct conf_setting *setting, struct span text, int64_t *out_value,
                        struct err *err)
{
    int64_t value = 0;
    int rc;

    if (setting->kind == CONF_KIND_DURATION)
        rc = conf_duration_parse(text, &value, err);
    else if (setting->kind == CONF_KIND_SIZE)
        rc = conf_size_parse(text, &value, err);
    else
        rc = conf_count_parse(text, &value, err);
    if (rc < 0) {
        err_prefix(err, "%s", setting->path);
        return rc;
    }
    rc = check_range(setting, value, err);
    if (rc == 0)
        *out_value = value;
    return rc;
}

static int parse_choice(const struct conf_setting *setting, struct span text, uint32_t *out_choice,
                        struct err *err)
{
    const struct kind *kind = &kinds[setting->kind];
    size_t count = choice_count(kind);
    char list[64];

    for (size_t i = 0; i < count; i++) {
        if (span_equal(text, span_of(kind->choices[i]))) {
            *out_choice = (uint32_t)i;
            return 0;
        }
    }
    conf_join(list, sizeof(list), kind->choices, count);
    return err_set(err, ERR_INVALID, "%s: unknown word %s, expected one of %s", setting->path,
                   conf_quote(text).text, list);
}

static bool is_made_of(struct span text, const char *others)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.data[i]) &&
            (text.data[i] == '\0' || strchr(others, text.data[i]) == NULL))
            return false;
    return text.size > 0;
}

/* host:port or [host]:port */
static bool parse_address(struct span text, struct conf_address *out_address)
{
    const char *colon = text.size > 0 ? memrchr(text.data, ':', text.size) : NULL;
    struct span host;
    struct span port;
    int64_t number;

    if (colon == NULL)
        return false;
    host = (struct span){text.data, (size_t)(colon - text.data)};
    port = (struct span){colon + 1, text.size - host.size - 1};
    if (host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']') {
        host = (struct span){host.data + 1, host.size - 2};
        if (!is_made_of(host, ":.%"))
            return false;
    } else if (!is_made_of(host, ".-")) {
        return false;
    }
    if (host.size >= sizeof(out_address->host) || !is_made_of(port, "") ||
        conf_count_parse(port, &number, NULL) < 0 || number > 65535)
        return false;
    *out_address = (struct conf_address){.port = (uint16_t)number};
    memcpy(out_address->host, host.data, host.size);
    return true;
}

static bool is_origin(struct span text)
{
    static const char *const schemes[] = {"http://", "https://"};

    if (span_equal(text, SPAN_LITERAL("*")))
        return true;
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(schemes[i]);

        if (text.size > size && memcmp(text.data, schemes[i], size) == 0)
            return is_made_of((struct span){text.data + size, text.size - size}, ".-:[]");
    }
    return false;
}

/* "stats.example", or "*" */
static bool is_host(struct span text)
{
    return span_equal(text, SPAN_LITERAL("*")) || (text.size > 0 && is_made_of(text, ".-"));
}

static void list_done(struct conf_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){0};
}

static bool is_list(const struct conf_setting *setting)
{
    return setting->kind == CONF_KIND_HOSTS || setting->kind == CONF_KIND_ORIGINS;
}

static int list_add(struct conf_list *list, const struct conf_setting *setting, struct span item,
                    struct err *err)
{
    if (setting->kind == CONF_KIND_HOSTS && !is_host(item))
        return err_set(err, ERR_INVALID,
                       "%s: %s is not a name: write it without scheme and port, such as "
                       "stats.example, or *",
                       setting->path, conf_quote(item).text);
    if (setting->kind == CONF_KIND_ORIGINS && !is_origin(item))
        return err_set(err, ERR_INVALID,
                       "%s: %s is not an origin: write scheme, host and port "
                       "alone, such as https://intranet.example, or *",
                       setting->path, conf_quote(item).text);
    if (list->count >= setting->max)
        return err_set(err, ERR_INVALID, "%s: too many, at most %lld", setting->path,
                       (long long)setting->max);
    list->items = bytes_realloc(list->items, (list->count + 1) * sizeof(list->items[0]));
    list->items[list->count++] = bytes_dup(item);
    return 0;
}

/* "a,b" */
static int parse_list(const struct conf_setting *setting, struct span text,
                      struct conf_list *out_list, struct err *err)
{
    struct conf_list list = {0};
    int rc = 0;

    while (rc == 0 && text.size > 0) {
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;
        size_t skip = comma != NULL ? size + 1 : size;

        rc = list_add(&list, setting, (struct span){text.data, size}, err);
        text = (struct span){text.data + skip, text.size - skip};
    }
    if (rc < 0) {
        list_done(&list);
        return rc;
    }
    list_done(out_list);
    *out_list = list;
    return 0;
}

static int read_list(const struct conf_setting *setting, const json_t *array,
                     struct conf_list *out_list, struct err *err)
{
    struct conf_list list = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);

        if (json_is_string(item))
            rc = list_add(&list, setting,
                          (struct span){json_string_value(item), json_string_length(item)}, err);
        else
            rc = err_set(err, ERR_INVALID, "%s[%zu]: expected text, got %s", setting->path, i,
                         conf_quote_value(item).text);
    }
    if (rc < 0) {
        list_done(&list);
        return rc;
    }
    list_done(out_list);
    *out_list = list;
    return 0;
}

/*
 * Characters that no path is meant to have and that YAML does not take as they are: control
 * characters, the line breaks of Unicode, byte order marks and what is no character at all.
 */
static bool has_unprintable(struct span text)
{
    static const char *const sequences[] = {
        "\xe2\x80\xa8", "\xe2\x80\xa9",                 /* U+2028, U+2029 */
        "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf", /* U+FEFF, U+FFFE, U+FFFF */
    };

    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
        if (memmem(text.data, text.size, sequences[i], strlen(sequences[i])) != NULL)
            return true;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned char before = i > 0 ? (unsigned char)text.data[i - 1] : 0;

        if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0))
            return true;
    }
    return false;
}

static bool is_utf8(struct span text)
{
    json_t *probe = json_stringn(text.data, text.size);

    json_decref(probe);
    return probe != NULL;
}

static int parse_text(const struct conf_setting *setting, struct span text, char **out_text,
                      struct err *err)
{
    if (text.size == 0)
        return err_set(err, ERR_INVALID, "%s: may not be empty", setting->path);
    if (text.size > CONF_TEXT_BYTES_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu bytes long, at most %d", setting->path, text.size,
                       CONF_TEXT_BYTES_MAX);
    if (!is_utf8(text) || has_unprintable(text))
        return err_set(err, ERR_INVALID, "%s: holds bytes that are no printable UTF-8",
                       setting->path);
    free(*out_text);
    *out_text = bytes_dup(text);
    return 0;
}

static int parse_cores(const struct conf_setting *setting, struct span text, uint32_t *out_count,
                       struct err *err)
{
    int64_t count;
    int rc;

    if (span_equal(text, SPAN_LITERAL(CORES_WORD))) {
        *out_count = 0;
        return 0;
    }
    if (conf_count_parse(text, &count, NULL) < 0)
        return err_set(err, ERR_INVALID,
                       "%s: %s is not a count: write %lld to %lld, or " CORES_WORD
                       " for as many as there are cores",
                       setting->path, conf_quote(text).text, (long long)setting->min,
                       (long long)setting->max);
    rc = check_range(setting, count, err);
    if (rc == 0)
        *out_count = (uint32_t)count;
    return rc;
}

int conf_value_parse(struct conf *conf, const struct conf_setting *setting, struct span text,
                     struct err *err)
{
    void *member = member_of(conf, setting);
    uint32_t choice;
    int rc;

    switch (setting->kind) {
    case CONF_KIND_COUNT:
    case CONF_KIND_DURATION:
    case CONF_KIND_SIZE:
        return parse_number(setting, text, member, err);
    case CONF_KIND_CORES:
        return parse_cores(setting, text, member, err);
    case CONF_KIND_SAY:
        return parse_choice(setting, text, member, err);
    case CONF_KIND_DURABILITY:
        rc = parse_choice(setting, text, &choice, err);
        if (rc == 0)
            *(enum conf_durability *)member = (enum conf_durability)choice;
        return rc;
    case CONF_KIND_HOSTS:
    case CONF_KIND_ORIGINS:
        return parse_list(setting, text, member, err);
    case CONF_KIND_TEXT:
        return parse_text(setting, text, member, err);
    case CONF_KIND_ADDRESS:
        if (parse_address(text, member))
            return 0;
        return err_set(err, ERR_INVALID,
                       "%s: %s is not an address: write host:port, such as "
                       "127.0.0.1:7411, or 0.0.0.0:7411 for every interface",
                       setting->path, conf_quote(text).text);
    }
    assert(!"a kind of setting without a reader");
    return ERR_INTERNAL;
}

int conf_value_read(struct conf *conf, const struct conf_setting *setting,
                    const struct json_t *value, struct err *err)
{
    char number[32];

    if (json_is_string(value))
        return conf_value_parse(
            conf, setting, (struct span){json_string_value(value), json_string_length(value)}, err);
    if (is_list(setting) && json_is_array(value))
        return read_list(setting, value, member_of(conf, setting), err);
    if (json_is_integer(value) && setting->kind != CONF_KIND_TEXT) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        return conf_value_parse(conf, setting, span_of(number), err);
    }
    return err_set(err, ERR_INVALID, "%s: expected a %s such as %s, got %s", setting->path,
                   kinds[setting->kind].name,
                   *setting->default_text != '\0' ? setting->default_text
                                                  : "[\"https://intranet.example\"]",
                   conf_quote_value(value).text);
}

static void print_address(const struct conf_address *address, struct bytes *out)
{
    bool brackets = strchr(address->host, ':') != NULL;

    bytes_format(out, brackets ? "\"[%s]:%u\"" : "\"%s:%u\"", address->host, address->port);
}

static void print_list(const struct conf_list *list, struct bytes *out)
{
    bytes_put_char(out, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            bytes_put_text(out, ", ");
        json_put_string(out, span_of(list->items[i]));
    }
    bytes_put_char(out, ']');
}

void conf_value_print(const struct conf *conf, const struct conf_setting *setting,
                      struct bytes *out)
{
    const void *member = member_of_const(conf, setting);

    switch (setting->kind) {
    case CONF_KIND_COUNT:
    case CONF_KIND_DURATION:
    case CONF_KIND_SIZE:
        print_number(setting->kind, *(const int64_t *)member, out);
        break;
    case CONF_KIND_CORES:
        if (*(const uint32_t *)member == 0)
            bytes_put_text(out, CORES_WORD);
        else
            bytes_format(out, "%u", *(const uint32_t *)member);
        break;
    case CONF_KIND_SAY:
        bytes_put_text(out, kinds[CONF_KIND_SAY].choices[*(const uint32_t *)member]);
        break;
    case CONF_KIND_DURABILITY:
        bytes_put_text(out, conf_durability_text(*(const enum conf_durability *)member));
        break;
    case CONF_KIND_ADDRESS:
        print_address(member, out);
        break;
    case CONF_KIND_HOSTS:
    case CONF_KIND_ORIGINS:
        print_list(member, out);
        break;
    case CONF_KIND_TEXT:
        json_put_string(out, span_of(*(char *const *)member));
        break;
    }
}

void conf_value_done(struct conf *conf, const struct conf_setting *setting)
{
    if (is_list(setting)) {
        list_done(member_of(conf, setting));
    } else if (setting->kind == CONF_KIND_TEXT) {
        char **text = member_of(conf, setting);

        free(*text);
        *text = NULL;
    }
}

const char *conf_durability_text(enum conf_durability durability)
{
    assert(durability <= CONF_MEMORY);
    return kinds[CONF_KIND_DURABILITY].choices[durability];
}
