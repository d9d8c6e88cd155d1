// SPDX-License-Identifier: Apache-2.0
/* period_def.c - reads and prints the period of a board and its time zone. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/conf_text.h"
#include "base/err.h"
#include "base/json.h"
#include "model/definition_private.h"
#include "period/cron.h"

#define ROLLING_MS_MIN 60000
#define ROLLING_MS_MAX (INT64_C(10) * 365 * 86400000)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Periods that are a word; the others are objects. */
static const char *const period_texts[] = {
    [PERIOD_NONE] = "none",     [PERIOD_HOURLY] = "hourly",   [PERIOD_DAILY] = "daily",
    [PERIOD_WEEKLY] = "weekly", [PERIOD_MONTHLY] = "monthly",
};

#define PERIOD_WORDS (sizeof(period_texts) / sizeof(period_texts[0]))

/* Copies text with its words one space apart, so that one expression has one text. */
static bool copy_words(char out[PERIOD_TEXT_BYTES_MAX], const char *text)
{
    size_t size = 0;

    for (; *text != '\0'; text++) {
        bool is_space = *text == ' ' || *text == '\t';

        if (is_space && (size == 0 || out[size - 1] == ' '))
            continue;
        if (size + 1 >= PERIOD_TEXT_BYTES_MAX)
            return false;
        out[size++] = is_space ? ' ' : *text;
    }
    if (size > 0 && out[size - 1] == ' ')
        size--;
    memset(out + size, 0, PERIOD_TEXT_BYTES_MAX - size);
    return true;
}

static int read_cron(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    struct period_def *period = state;
    struct err inner = {0};
    struct cron cron;
    int rc;

    if (!json_is_string(value))
        return err_set(err, ERR_INVALID, "%s: expected five fields such as \"0 6 * * 1\", got %s",
                       path->text, conf_quote_value(value).text);
    if (!copy_words(period->cron, json_string_value(value)))
        return err_set(err, ERR_INVALID, "%s: longer than %d letters", path->text,
                       PERIOD_TEXT_BYTES_MAX - 1);
    rc = cron_parse(&cron, span_of(period->cron), &inner);
    if (rc < 0)
        return err_set(err, rc, "%s: %s", path->text, inner.text);
    period->kind = PERIOD_CRON;
    return 0;
}

static int read_rolling(void *state, const struct definition_path *path, const struct json_t *value,
                        struct err *err)
{
    struct period_def *period = state;
    int rc = definition_read_duration(&period->rolling_ms, ROLLING_MS_MIN, ROLLING_MS_MAX, path,
                                      value, err);

    if (rc == 0)
        period->kind = PERIOD_ROLLING;
    return rc;
}

static int read_pane(void *state, const struct definition_path *path, const struct json_t *value,
                     struct err *err)
{
    return definition_read_duration(&((struct period_def *)state)->pane_ms, 1000, ROLLING_MS_MAX,
                                    path, value, err);
}

static const struct definition_key period_keys[] = {
    {"cron", read_cron},
    {"rolling", read_rolling},
    {"pane", read_pane},
};

static int check_period(struct period_def *period, const struct definition_path *path,
                        struct err *err)
{
    bool is_cron = period->cron[0] != '\0';
    bool is_rolling = period->rolling_ms > 0;

    if (is_cron == is_rolling)
        return err_set(err, ERR_INVALID, "%s: write one of {cron: \"0 6 * * 1\"} and {rolling: 7d}",
                       path->text);
    if (is_cron && period->pane_ms > 0)
        return err_set(err, ERR_INVALID, "%s.pane: only with rolling", path->text);
    if (is_cron)
        return 0;
    if (period->pane_ms == 0)
        period->pane_ms = period_pane_default(period->rolling_ms);
    if (period->rolling_ms % period->pane_ms != 0)
        return err_set(err, ERR_INVALID, "%s.pane: rolling must be a multiple of it", path->text);
    if (period->rolling_ms / period->pane_ms > PERIOD_PANES_MAX)
        return err_set(err, ERR_INVALID, "%s.pane: more than %d panes", path->text,
                       PERIOD_PANES_MAX);
    return 0;
}

int period_def_read(struct period_def *period, const struct definition_path *path,
                    const struct json_t *value, struct err *err)
{
    uint32_t kind;
    int rc;

    if (json_is_object(value)) {
        rc = definition_read_keys(period, period_keys, COUNT_OF(period_keys), path, value, err);
        return rc < 0 ? rc : check_period(period, path, err);
    }
    for (kind = 0; kind < PERIOD_WORDS && json_is_string(value); kind++) {
        if (strcmp(json_string_value(value), period_texts[kind]) == 0) {
            period->kind = (enum period_kind)kind;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "%s: expected one of none, hourly, daily, weekly, monthly, {cron: \"0 6 * * "
                   "1\"}, {rolling: 7d}, got %s",
                   path->text, conf_quote_value(value).text);
}

/* "Europe/Berlin": the name of a file below a folder, so nothing that leads out of it. */
static bool is_zone_name(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size >= PERIOD_TEXT_BYTES_MAX || name[0] == '/' || name[size - 1] == '/' ||
        strstr(name, "//") != NULL)
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
           size;
}

int period_def_read_zone(struct period_def *period, const struct definition_path *path,
                         const struct json_t *value, struct err *err)
{
    if (!json_is_string(value) || !is_zone_name(json_string_value(value)))
        return err_set(err, ERR_INVALID,
                       "%s: expected the name of a time zone such as Europe/Berlin, got %s",
                       path->text, conf_quote_value(value).text);
    if (strcmp(json_string_value(value), "UTC") != 0)
        snprintf(period->time_zone, sizeof(period->time_zone), "%s", json_string_value(value));
    return 0;
}

void period_def_print(const struct period_def *period, struct json_out *json)
{
    if (period->kind == PERIOD_NONE)
        return;
    json_out_key(json, "period");
    if (period->kind < PERIOD_WORDS) {
        json_out_text(json, period_texts[period->kind]);
    } else {
        json_out_object(json);
        if (period->kind == PERIOD_CRON) {
            json_out_key(json, "cron");
            json_out_text(json, period->cron);
        } else {
            definition_print_duration("rolling", period->rolling_ms, json);
            if (period->pane_ms != period_pane_default(period->rolling_ms))
                definition_print_duration("pane", period->pane_ms, json);
        }
        json_out_object_end(json);
    }
    if (period->time_zone[0] != '\0') {
        json_out_key(json, "time_zone");
        json_out_text(json, period->time_zone);
    }
}
