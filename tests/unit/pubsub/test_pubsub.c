// SPDX-License-Identifier: Apache-2.0
/* test_pubsub.c - patterns, and the counts that all workers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/worker.h"
#include "pubsub/pubsub.h"
#include "resp/resp_connection.h"

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"*", "a", true},
        {"*", "", false}, /* Redis's: nothing is matched by nothing only */
        {"", "", true},
        {"", "a", false},
        {"news.*", "news.art", true},
        {"news.*", "news", false},
        {"*.art", "news.art", true},
        {"a*b*c", "axxbyyc", true},
        {"a*b*c", "axxbyy", false},
        {"h?llo", "hello", true},
        {"h?llo", "hllo", false},
        {"h[ae]llo", "hallo", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-c]llo", "hbllo", true},
        {"h[c-a]llo", "hbllo", true},
        {"h\\*llo", "h*llo", true},
        {"h\\*llo", "hallo", false},
        {"h[\\]]llo", "h]llo", true},
        {"[abc", "b", true},
        {"abc", "ABC", false},
        {"**a", "bca", true},
        {"a**", "a", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (pubsub_match(span_of(cases[i].pattern), span_of(cases[i].text)) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

/* What would take for ever if every star were tried at every place. */
static void test_patterns_take_no_time(void **state)
{
    static char text[4001];
    static char pattern[2002];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[sizeof(pattern) - 2] = 'b';
    pattern[sizeof(pattern) - 1] = '\0';
    assert_false(pubsub_match(span_of(pattern), span_of(text)));
}

struct ear {
    struct subscriber subscriber; /* first */
    struct bytes heard;           /* RESP2 */
    uint32_t count;
};

static void on_deliver(struct subscriber *subscriber, struct resp_block *resp2,
                       struct resp_block *resp3)
{
    struct ear *ear = (struct ear *)subscriber;
    struct span bytes = resp_block_bytes(resp2);

    assert_int_equal(resp_block_bytes(resp3).data[0], '>');
    bytes_clear(&ear->heard);
    bytes_put(&ear->heard, bytes.data, bytes.size);
    ear->count++;
}

static void test_subscriptions_of_one_worker(void **state)
{
    struct worker worker = {.number = 3};
    struct pubsub *pubsub = pubsub_new(8);
    struct pubsub_hub *hub = pubsub_hub_new(pubsub, &worker);
    struct ear ears[3] = {0};
    struct span name;

    (void)state;
    for (int i = 0; i < 3; i++)
        ears[i].subscriber.deliver = on_deliver;
    assert_int_equal(pubsub_publish(hub, PUBSUB_CHANNEL, span_of("news"), span_of("x")), 0);
    assert_true(pubsub_subscribe(hub, &ears[0].subscriber, PUBSUB_CHANNEL, span_of("news")));
    assert_false(pubsub_subscribe(hub, &ears[0].subscriber, PUBSUB_CHANNEL, span_of("news")));
    assert_true(pubsub_subscribe(hub, &ears[0].subscriber, PUBSUB_PATTERN, span_of("n*")));
    assert_true(pubsub_subscribe(hub, &ears[1].subscriber, PUBSUB_CHANNEL, span_of("news")));
    assert_true(pubsub_subscribe(hub, &ears[2].subscriber, PUBSUB_SHARD, span_of("news")));
    assert_int_equal(pubsub_count(pubsub, PUBSUB_CHANNEL, span_of("news")), 2);
    assert_int_equal(pubsub_names(pubsub, PUBSUB_PATTERN), 1);
    /* The same client gets it twice, by name and by pattern; a shard channel is another one. */
    assert_int_equal(pubsub_publish(hub, PUBSUB_CHANNEL, span_of("news"), span_of("x")), 3);
    assert_int_equal(ears[0].count, 2);
    assert_int_equal(ears[1].count, 1);
    assert_int_equal(ears[2].count, 0);
    assert_string_equal(bytes_text(&ears[1].heard),
                        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n");
    assert_string_equal(bytes_text(&ears[0].heard),
                        "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n");
    assert_int_equal(pubsub_publish(hub, PUBSUB_SHARD, span_of("news"), span_of("y")), 1);
    assert_int_equal(ears[2].count, 1);
    assert_true(pubsub_any(&ears[0].subscriber, PUBSUB_PATTERN, &name));
    assert_true(span_equal(name, span_of("n*")));
    assert_true(pubsub_unsubscribe(hub, &ears[0].subscriber, PUBSUB_PATTERN, span_of("n*")));
    assert_false(pubsub_unsubscribe(hub, &ears[0].subscriber, PUBSUB_PATTERN, span_of("n*")));
    for (int i = 0; i < 3; i++) {
        pubsub_unsubscribe_all(hub, &ears[i].subscriber);
        bytes_done(&ears[i].heard);
    }
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++)
        assert_int_equal(pubsub_names(pubsub, (enum pubsub_kind)kind), 0);
    pubsub_hub_close(hub);
    pubsub_free(pubsub);
}

/* So many that the tables grow, taken away in another order. */
static void test_many_channels(void **state)
{
    struct worker worker = {.number = 0};
    struct pubsub *pubsub = pubsub_new(1);
    struct pubsub_hub *hub = pubsub_hub_new(pubsub, &worker);
    struct ear ear = {.subscriber.deliver = on_deliver};
    char text[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "channel-%d", i);
        assert_true(pubsub_subscribe(hub, &ear.subscriber, PUBSUB_CHANNEL, span_of(text)));
    }
    assert_int_equal(pubsub_names(pubsub, PUBSUB_CHANNEL), 5000);
    for (int i = 0; i < 5000; i += 2) {
        snprintf(text, sizeof(text), "channel-%d", (i * 7) % 5000);
        assert_true(pubsub_unsubscribe(hub, &ear.subscriber, PUBSUB_CHANNEL, span_of(text)));
    }
    assert_int_equal(pubsub_names(pubsub, PUBSUB_CHANNEL), 2500);
    assert_int_equal(pubsub_publish(hub, PUBSUB_CHANNEL, span_of("channel-7"), span_of("")), 1);
    assert_int_equal(pubsub_publish(hub, PUBSUB_CHANNEL, span_of("channel-8"), span_of("")), 0);
    pubsub_unsubscribe_all(hub, &ear.subscriber);
    bytes_done(&ear.heard);
    pubsub_hub_close(hub);
    pubsub_free(pubsub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_patterns_take_no_time),
        cmocka_unit_test(test_subscriptions_of_one_worker),
        cmocka_unit_test(test_many_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
