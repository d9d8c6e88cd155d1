// SPDX-License-Identifier: Apache-2.0
/* test_conf.c - settings from defaults, file and --set; errors; the printed list; the docs. */
#include "base/conf.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf_text.h"
#include "base/conf_units.h"
#include "base/err.h"
#include "base/say.h"

#define MARK_BEGIN "<!-- begin: tallywheel config --reference -->\n"
#define MARK_END "<!-- end: tallywheel config --reference -->\n"

static void test_defaults(void **state)
{
    struct conf conf;
    struct err err = {0};

    (void)state;
    conf_init(&conf);
    assert_string_equal(conf.http.host, "127.0.0.1");
    assert_int_equal(conf.http.port, 7411);
    assert_string_equal(conf.data, "./data");
    assert_int_equal(conf.durability, CONF_FSYNC);
    assert_int_equal(conf.say, SAY_INFO);
    assert_int_equal(conf.partitions, 0);
    assert_int_equal(conf.tick, 100);
    assert_int_equal(conf.batch_bytes, 256 * 1024);
    assert_int_equal(conf.limits.body_bytes, 64 << 20);
    assert_int_equal(conf.limits.board_members, 50000000);
    assert_int_equal(conf.allow_origins.count, 0);
    assert_int_equal(conf_check(&conf, &err), 0);
    conf_done(&conf);
    conf_done(&conf);
    conf_done(NULL);
}

static void test_table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < CONF_SETTING_COUNT; i++) {
        const char *before = conf_settings[i - 1].path;
        const char *path = conf_settings[i].path;

        /* Top level first, then limits.* */
        if ((strchr(before, '.') != NULL) == (strchr(path, '.') != NULL))
            assert_true(strcmp(before, path) < 0);
        assert_true(strlen(conf_settings[i].help) > 20);
        assert_int_equal(conf_settings[i].help[strlen(conf_settings[i].help) - 1], '.');
    }
}

static void test_file(void **state)
{
    const char *text = "http: \"[::1]:0\"\n"
                       "data: /srv/tally wheel\n"
                       "durability: written\n"
                       "say: debug\n"
                       "partitions: 3\n"
                       "workers: cores\n"
                       "tick: 50\n"
                       "commit_delay: 0\n"
                       "allow_origins: [\"https://a.example\", \"http://b.example:8080\"]\n"
                       "limits:\n"
                       "  body_bytes: 1MiB\n"
                       "  line_bytes: 4096\n"
                       "  watches: 20k\n"
                       "boards:\n"
                       "  b1: {stream: s1}\n"
                       "streams:\n"
                       "  s2: {}\n"
                       "  s1: 5\n"
                       "metrics:\n";
    struct conf conf;
    struct err err = {0};

    (void)state;
    conf_init(&conf);
    if (conf_read(&conf, "t.yaml", span_of(text), &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(conf.http.host, "::1");
    assert_int_equal(conf.http.port, 0);
    assert_string_equal(conf.data, "/srv/tally wheel");
    assert_int_equal(conf.durability, CONF_WRITTEN);
    assert_int_equal(conf.say, SAY_DEBUG);
    assert_int_equal(conf.partitions, 3);
    assert_int_equal(conf.workers, 0);
    assert_int_equal(conf.tick, 50);
    assert_int_equal(conf.commit_delay, 0);
    assert_int_equal(conf.allow_origins.count, 2);
    assert_string_equal(conf.allow_origins.items[1], "http://b.example:8080");
    assert_int_equal(conf.limits.body_bytes, 1 << 20);
    assert_int_equal(conf.limits.line_bytes, 4096);
    assert_int_equal(conf.limits.watches, 20000);
    assert_int_equal(conf.definition_count, 3);
    assert_string_equal(conf.definitions[0].kind, "streams");
    assert_string_equal(conf.definitions[0].name, "s2");
    assert_string_equal(conf.definitions[1].name, "s1");
    assert_int_equal(json_integer_value(conf.definitions[1].tree), 5);
    assert_string_equal(conf.definitions[2].kind, "boards");
    assert_string_equal(conf.definitions[2].name, "b1");
    assert_int_equal(conf_check(&conf, &err), 0);
    conf_done(&conf);
}

static void expect_file_error(const char *text, const char *wanted)
{
    struct conf conf;
    struct err err = {0};
    int rc;

    conf_init(&conf);
    rc = conf_read(&conf, "t.yaml", span_of(text), &err);
    if (rc == 0)
        rc = conf_check(&conf, &err);
    assert_int_equal(rc, ERR_INVALID);
    if (strcmp(err.text, wanted) != 0)
        fail_msg("%s\ngave  %s\nnot   %s", text, err.text, wanted);
    conf_done(&conf);
}

static void test_file_errors(void **state)
{
    (void)state;
    expect_file_error("tikc: 1s", "t.yaml:1:1: tikc: unknown setting, did you mean tick?");
    expect_file_error("tick: 1s\nstreems: {}",
                      "t.yaml:2:1: streems: unknown setting, did you mean streams?");
    expect_file_error("body_bytes: 1MiB", "t.yaml:1:1: body_bytes: unknown setting, did you mean "
                                          "limits.body_bytes?");
    expect_file_error("limits: {tick: 1s}", "t.yaml:1:10: limits.tick: unknown setting, did you "
                                            "mean tick?");
    expect_file_error("limits:\n  connection: 5",
                      "t.yaml:2:3: limits.connection: unknown setting, did you mean "
                      "limits.connections?");
    expect_file_error("limits.watches: 5", "t.yaml:1:1: limits.watches: unknown setting, did you "
                                           "mean limits.watches?");
    expect_file_error(
        "rules: {}",
        "t.yaml:1:1: rules: unknown setting, expected one of allow_hosts, allow_origins, "
        "batch_bytes, commit_delay, data, durability, http, partitions, "
        "request_timeout, resp, say, segment_bytes, shutdown_timeout, tick, workers, "
        "limits, streams, metrics, boards");
    expect_file_error("tick: soon",
                      "t.yaml:1:1: tick: \"soon\" is not a duration: write whole numbers with ms, "
                      "s, m, h, d, w or y, such as 500ms, 30s or 1h30m");
    expect_file_error("tick: 1.5", "t.yaml:1:1: tick: expected a duration such as 100ms, got 1.5");
    expect_file_error("tick: [1]", "t.yaml:1:1: tick: expected a duration such as 100ms, got a "
                                   "list");
    expect_file_error("tick: 5ms", "t.yaml:1:1: tick: 5ms is too small, at least 10ms");
    expect_file_error("tick: 1m", "t.yaml:1:1: tick: 1m is too large, at most 10s");
    expect_file_error("limits: {line_bytes: 5B}",
                      "t.yaml:1:10: limits.line_bytes: 5 is too small, at least 128");
    expect_file_error("limits: {line_bytes: 5mb}",
                      "t.yaml:1:10: limits.line_bytes: \"5mb\" is not a size: write a whole number "
                      "of bytes, or one with KiB, MiB, GiB or TiB, such as 64MiB");
    expect_file_error("limits: {watches: -1}",
                      "t.yaml:1:10: limits.watches: \"-1\" is not a count: write a whole number, "
                      "or one with k, M or G, such as 50k");
    expect_file_error("partitions: 65", "t.yaml:1:1: partitions: 65 is too large, at most 64");
    expect_file_error("partitions: many", "t.yaml:1:1: partitions: \"many\" is not a count: write "
                                          "1 to 64, or cores for as many as there are cores");
    expect_file_error("durability: disk", "t.yaml:1:1: durability: unknown word \"disk\", expected "
                                          "one of fsync, written, memory");
    expect_file_error("durability: true", "t.yaml:1:1: durability: expected a word such as fsync, "
                                          "got true");
    expect_file_error("http: 7411", "t.yaml:1:1: http: \"7411\" is not an address: write "
                                    "host:port, such as 127.0.0.1:7411, or 0.0.0.0:7411 for every "
                                    "interface");
    expect_file_error("data: \"\"", "t.yaml:1:1: data: may not be empty");
    expect_file_error("data: \"a\\x84b\"",
                      "t.yaml:1:1: data: holds bytes that are no printable UTF-8");
    expect_file_error("data: \"a\\tb\"",
                      "t.yaml:1:1: data: holds bytes that are no printable UTF-8");
    expect_file_error("data:", "t.yaml:1:1: data: expected a text such as ./data, got null");
    expect_file_error("allow_origins: [https://a.example/path]",
                      "t.yaml:1:1: allow_origins: \"https://a.example/path\" is not an origin: "
                      "write scheme, host and port alone, such as https://intranet.example, or *");
    expect_file_error("allow_origins:\n  - \"*\"\n  - 5",
                      "t.yaml:3:5: allow_origins[1]: expected text, got 5");
    expect_file_error("streams: [a]", "t.yaml:1:1: streams: expected names, each with its "
                                      "definition, got a list");
    expect_file_error("limits: 5",
                      "t.yaml:1:1: limits: expected settings such as body_bytes: 64MiB, got 5");
    expect_file_error("[1]", "t.yaml: expected settings such as http: 127.0.0.1:7411, got a list");
    expect_file_error("a: [", "t.yaml:2:1: did not find expected node content, while parsing a "
                              "flow node that begins at line 2");
}

static void test_check(void **state)
{
    (void)state;
    expect_file_error("limits:\n  line_bytes: 128MiB", "t.yaml:2:3: limits.line_bytes: 128MiB is "
                                                       "too large, at most 64MiB");
    expect_file_error("limits:\n  line_bytes: 1024",
                      "limits.string_bytes: 4KiB is more than limits.line_bytes, which is 1KiB: no "
                      "such string could arrive");
    expect_file_error("limits:\n  body_bytes: 1GiB",
                      "t.yaml:2:3: limits.body_bytes: 1GiB is more than limits.ingest_bytes, "
                      "which is 256MiB: such a request could never be taken");
    expect_file_error("batch_bytes: 8MiB\nsegment_bytes: 1MiB",
                      "t.yaml:1:1: batch_bytes: 8MiB is more than segment_bytes, which is 1MiB: a "
                      "batch lies in one segment");
    expect_file_error("limits: {definitions: 1}\nstreams: {a: {}, b: {}}",
                      "t.yaml:1:10: limits.definitions: 1, but the file defines 2 streams, metrics "
                      "and boards");
}

static void test_set(void **state)
{
    static const struct {
        const char *assignment;
        const char *text;
    } cases[] = {
        {"tick", "--set \"tick\": expected name=value, such as tick=50ms"},
        {"=5", "--set \"=5\": expected name=value, such as tick=50ms"},
        {"tick=", "--set tick: \"\" is not a duration: write whole numbers with ms, s, m, h, d, w "
                  "or y, such as 500ms, 30s or 1h30m"},
        {"data=\xff", "--set data: holds bytes that are no printable UTF-8"},
        {"watches=5", "--set watches: unknown setting, did you mean limits.watches?"},
        {"limits.watch=5", "--set limits.watch: unknown setting, did you mean limits.watches?"},
        {"allow_origins=a", "--set allow_origins: \"a\" is not an origin: write scheme, host and "
                            "port alone, such as https://intranet.example, or *"},
    };
    struct conf conf;
    struct err err = {0};

    (void)state;
    conf_init(&conf);
    assert_int_equal(conf_read(&conf, "t", span_of("tick: 1s\ndata: x"), &err), 0);
    assert_int_equal(conf_set(&conf, "tick=2s", &err), 0);
    assert_int_equal(conf_set(&conf, "limits.watches=5", &err), 0);
    assert_int_equal(conf_set(&conf, "data=a=b", &err), 0);
    assert_int_equal(conf_set(&conf, "data=c", &err), 0);
    assert_int_equal(conf_set(&conf, "allow_origins=*,https://x.example", &err), 0);
    assert_int_equal(conf_set(&conf, "http=localhost:80", &err), 0);
    assert_int_equal(conf.tick, 2000);
    assert_int_equal(conf.limits.watches, 5);
    assert_string_equal(conf.data, "c");
    assert_int_equal(conf.allow_origins.count, 2);
    assert_string_equal(conf.http.host, "localhost");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(conf_set(&conf, cases[i].assignment, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
    }
    assert_int_equal(conf.tick, 2000);
    assert_int_equal(conf.allow_origins.count, 2);
    conf_done(&conf);
}

/* Whatever is printed reads back as the same settings. */
static void test_print(void **state)
{
    struct conf conf;
    struct conf again;
    struct err err = {0};
    struct bytes first = {0};
    struct bytes second = {0};

    (void)state;
    conf_init(&conf);
    assert_int_equal(conf_read(&conf, "t", span_of("data: \"a\\\"b: #c\"\nhttp: '[::1]:5'"), &err),
                     0);
    assert_int_equal(conf_set(&conf, "tick=1500ms", &err), 0);
    assert_int_equal(conf_set(&conf, "workers=7", &err), 0);
    assert_int_equal(conf_set(&conf, "limits.body_bytes=1000001", &err), 0);
    assert_int_equal(conf_set(&conf, "allow_origins=https://x.example,*", &err), 0);
    conf_print(&conf, &first);
    assert_non_null(strstr(bytes_text(&first), "\nworkers: 7                                  # "
                                               "--set\n"));
    assert_non_null(strstr(bytes_text(&first), "\ntick: 1s500ms  "));
    assert_non_null(strstr(bytes_text(&first), "\n  body_bytes: 1000001  "));
    assert_non_null(strstr(bytes_text(&first), "\nlimits:\n"));

    conf_init(&again);
    if (conf_read(&again, "again", bytes_span(&first), &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(again.data, "a\"b: #c");
    for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
        assert_int_equal(again.origins[i], CONF_FROM_FILE);
        again.origins[i] = conf.origins[i];
    }
    conf_print(&again, &second);
    assert_string_equal(bytes_text(&second), bytes_text(&first));
    bytes_done(&first);
    bytes_done(&second);
    conf_done(&conf);
    conf_done(&again);
}

static void test_load(void **state)
{
    char path[] = "test_conf.XXXXXX";
    int fd = mkstemp(path);
    struct conf conf;
    struct err err = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "tick: 20ms\n", 11), 11);
    close(fd);
    conf_init(&conf);
    assert_int_equal(conf_load(&conf, path, &err), 0);
    assert_int_equal(conf.tick, 20);
    conf_done(&conf);
    unlink(path);

    conf_init(&conf);
    assert_int_equal(conf_load(&conf, "/no/such/file.yaml", &err), ERR_IO);
    assert_string_equal(err.text, "/no/such/file.yaml: cannot be read: No such file or directory");
    assert_int_equal(conf_load(&conf, "/", &err), ERR_IO);
    conf_done(&conf);
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } durations[] = {
        {"0", 0},
        {"250ms", 250},
        {"250", 250},
        {"30s", 30000},
        {"10m", 600000},
        {"1h30m", 5400000},
        {"7d", 604800000},
        {"2w", 1209600000},
        {"1y", 31536000000},
        {"1d1ms", 86400001},
        {"5 s", 5000},
        {"", -1},
        {"s", -1},
        {"1.5s", -1},
        {"-1s", -1},
        {"1m5m", -1},
        {"5m1h", -1},
        {"1h30", -1},
        {"1 x", -1},
        {"1S", -1},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", -1},
        {"9223372036854775807s", -1},
        {"300000000y", -1},
        {"1s ", -1},
        {" 1s", -1},
    };
    struct bytes out = {0};
    int64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        value = -1;
        assert_int_equal(conf_duration_parse(span_of(durations[i].text), &value, NULL),
                         durations[i].value < 0 ? ERR_INVALID : 0);
        if (value != durations[i].value)
            fail_msg("%s: %lld", durations[i].text, (long long)value);
        if (value < 0)
            continue;
        bytes_clear(&out);
        conf_duration_print(value, &out);
        assert_int_equal(conf_duration_parse(bytes_span(&out), &value, NULL), 0);
        assert_int_equal(value, durations[i].value);
    }
    bytes_done(&out);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } sizes[] = {
        {"0", 0},
        {"5B", 5},
        {"64KiB", 65536},
        {"1GiB", 1 << 30},
        {"2TiB", INT64_C(2) << 40},
        {"64K", -1},
        {"1MiB1B", -1},
        {"9000000TiB", -1},
        {"1 MiB", 1 << 20},
    };
    struct bytes out = {0};
    int64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        value = -1;
        conf_size_parse(span_of(sizes[i].text), &value, NULL);
        assert_int_equal(value, sizes[i].value);
        if (value < 0)
            continue;
        bytes_clear(&out);
        conf_size_print(value, &out);
        assert_int_equal(conf_size_parse(bytes_span(&out), &value, NULL), 0);
        assert_int_equal(value, sizes[i].value);
    }
    bytes_clear(&out);
    conf_count_print(50000000, &out);
    bytes_put_char(&out, ' ');
    conf_count_print(1234, &out);
    bytes_put_char(&out, ' ');
    conf_duration_print(90061001, &out);
    assert_string_equal(bytes_text(&out), "50M 1234 1d1h1m1s1ms");
    bytes_done(&out);
}

static void test_text(void **state)
{
    const char *words[] = {"fields", "key", "lateness"};
    char list[20];

    (void)state;
    assert_string_equal(conf_quote(span_of("a\nb")).text, "\"a?b\"");
    assert_string_equal(conf_quote((struct span){NULL, 0}).text, "\"\"");
    /* Cut between characters, and marked as cut. */
    assert_string_equal(conf_quote(span_of("xääääääääääääääääääääääääääääääääääääääääääää")).text,
                        "\"xääääääääääääääääääääääääääääääää…\"");
    assert_string_equal(conf_nearest(span_of("filds"), words, 3), "fields");
    assert_string_equal(conf_nearest(span_of("Lateness"), words, 3), "lateness");
    assert_string_equal(conf_nearest(span_of("kye"), words, 3), "key");
    assert_null(conf_nearest(span_of("x"), words, 3));
    assert_null(conf_nearest(span_of(""), words, 3));
    conf_join(list, sizeof(list), words, 3);
    assert_string_equal(list, "fields, key, …");
    conf_join(list, sizeof(list), words, 2);
    assert_string_equal(list, "fields, key");
}

static char *read_reference(void)
{
    const char *root = getenv("TALLYWHEEL_SOURCE_DIR");
    struct bytes text = {0};
    char path[4096];
    FILE *file;
    size_t got;

    if (root == NULL)
        fail_msg("set TALLYWHEEL_SOURCE_DIR to the folder of the sources, as ctest does");
    snprintf(path, sizeof(path), "%s/docs/reference/config.md", root);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    do {
        got = fread(bytes_reserve(&text, 4096), 1, 4096, file);
        text.size += got;
    } while (got > 0);
    fclose(file);
    bytes_text(&text);
    return text.data;
}

static void test_reference_is_fresh(void **state)
{
    char *docs = read_reference();
    struct bytes wanted = {0};
    char *begin = strstr(docs, MARK_BEGIN);
    char *end = strstr(docs, MARK_END);

    (void)state;
    assert_non_null(begin);
    assert_non_null(end);
    *end = '\0';
    conf_reference_print(&wanted);
    if (strcmp(begin + strlen(MARK_BEGIN), bytes_text(&wanted)) != 0)
        fail_msg("docs/reference/config.md is stale: run tools/reference");
    bytes_done(&wanted);
    free(docs);
}

static void test_cores(void **state)
{
    (void)state;
    assert_in_range(conf_cores(), 1, CONF_CORES_MAX);
    assert_string_equal(conf_durability_text(CONF_MEMORY), "memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_table_is_sorted),
        cmocka_unit_test(test_file),      cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_check),     cmocka_unit_test(test_set),
        cmocka_unit_test(test_print),     cmocka_unit_test(test_load),
        cmocka_unit_test(test_durations), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_reference_is_fresh),
        cmocka_unit_test(test_cores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
