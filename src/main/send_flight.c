// SPDX-License-Identifier: Apache-2.0
/* send_flight.c - see send_flight.h. */
#include "main/send_flight.h"

#include <assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "main/client.h"
#include "main/send_input.h"
#include "main/send_report.h"

#define BACKOFF_MS_MIN 100
#define BACKOFF_MS_MAX 10000
#define RETRY_AFTER_S_MAX 300
#define UPLOAD_BYTES (512L << 10)

enum slot_state { SLOT_IDLE, SLOT_SENDING, SLOT_WAITING };

struct slot {
    CURL *curl;
    enum slot_state state;
    struct send_batch batch;
    struct bytes answer;
    uint64_t attempt;     /* tries that failed */
    uint64_t retry_at_ns; /* SLOT_WAITING */
    size_t handed;        /* bytes of body that this try gave to curl */
    uint64_t sequence;    /* of the batch; the same in every try */
    struct curl_slist *headers;
};

struct send_flight {
    struct send_flight_options options;
    struct send_tally *tally;
    CURLM *multi;
    uint32_t slot_count;
    uint32_t busy;
    uint64_t random;
    uint64_t run;       /* a random number that no other sender has: part of the producers' names */
    struct err failure; /* code 0: none */
    uint64_t failed_line;
    struct slot slots[];
};

uint64_t send_flight_backoff_ms(uint64_t attempt, uint32_t random)
{
    uint64_t ms = attempt < 8 ? (uint64_t)BACKOFF_MS_MIN << attempt : BACKOFF_MS_MAX;

    if (ms > BACKOFF_MS_MAX)
        ms = BACKOFF_MS_MAX;
    /* Half of it is left to chance, so that many senders do not come back at once. */
    return ms / 2 + random % (ms / 2 + 1);
}

/*
 * curl's READFUNCTION. There is no way back in the body on purpose: curl would silently send it
 * once more when a connection that it keeps breaks, without a pause and without our counting it.
 */
static size_t give_body(char *out, size_t size, size_t count, void *userdata)
{
    struct slot *slot = userdata;
    size_t left = slot->batch.body.size - slot->handed;
    size_t given = size * count < left ? size * count : left;

    memcpy(out, slot->batch.body.data + slot->handed, given);
    slot->handed += given;
    return given;
}

static bool slot_open(struct send_flight *flight, struct slot *slot)
{
    slot->curl = curl_easy_init();
    if (slot->curl == NULL)
        return false;
    client_set_common(slot->curl, flight->options.url);
    curl_easy_setopt(slot->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(slot->curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(slot->curl, CURLOPT_READDATA, slot);
    curl_easy_setopt(slot->curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(slot->curl, CURLOPT_WRITEFUNCTION, client_collect);
    curl_easy_setopt(slot->curl, CURLOPT_WRITEDATA, &slot->answer);
    curl_easy_setopt(slot->curl, CURLOPT_PRIVATE, slot);
    return true;
}

int send_flight_open(struct send_flight **out_flight, const struct send_flight_options *options,
                     struct send_tally *tally, struct err *err)
{
    size_t slots_bytes = options->connections * sizeof(struct slot);
    struct send_flight *flight = bytes_alloc_zero(1, sizeof(*flight) + slots_bytes);

    assert(options->connections > 0 && options->connections <= SEND_CONNECTIONS_MAX);
    flight->options = *options;
    flight->tally = tally;
    flight->random = clock_mono_ns(&clock_system);
    if (getrandom(&flight->run, sizeof(flight->run), 0) != sizeof(flight->run)) {
        free(flight);
        return err_set(err, ERR_IO, "the system gives no random bytes");
    }
    flight->multi = curl_multi_init();
    for (; flight->slot_count < options->connections; flight->slot_count++) {
        if (flight->multi == NULL || !slot_open(flight, &flight->slots[flight->slot_count])) {
            send_flight_close(flight);
            return err_set(err, ERR_MEMORY, "cannot set up the HTTP client");
        }
    }
    *out_flight = flight;
    return 0;
}

void send_flight_close(struct send_flight *flight)
{
    if (flight == NULL)
        return;
    for (uint32_t i = 0; i < flight->slot_count; i++) {
        struct slot *slot = &flight->slots[i];
        if (slot->state == SLOT_SENDING)
            curl_multi_remove_handle(flight->multi, slot->curl);
        curl_easy_cleanup(slot->curl);
        curl_slist_free_all(slot->headers);
        send_batch_done(&slot->batch);
        bytes_done(&slot->answer);
    }
    if (flight->multi != NULL)
        curl_multi_cleanup(flight->multi);
    free(flight);
}

bool send_flight_ready(const struct send_flight *flight)
{
    return flight->busy < flight->slot_count && flight->failure.code == 0;
}

uint32_t send_flight_busy(const struct send_flight *flight)
{
    return flight->busy;
}

uint64_t send_flight_failed_line(const struct send_flight *flight)
{
    return flight->failed_line;
}

/* The next batch of this connection gets its number. */
static void number_batch(const struct send_flight *flight, struct slot *slot)
{
    char line[96];

    slot->sequence++;
    curl_slist_free_all(slot->headers);
    slot->headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");
    /* Without this curl asks before each body, and waits for the answer. */
    curl_slist_append(slot->headers, "Expect:");
    snprintf(line, sizeof(line), "Tallywheel-Producer: send-%016" PRIx64 "-%u", flight->run,
             (unsigned)(slot - flight->slots));
    curl_slist_append(slot->headers, line);
    snprintf(line, sizeof(line), "Tallywheel-Sequence: %" PRIu64, slot->sequence);
    curl_slist_append(slot->headers, line);
    curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, slot->headers);
}

static void launch(struct send_flight *flight, struct slot *slot)
{
    bytes_clear(&slot->answer);
    slot->handed = 0;
    curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->batch.body.size);
    slot->state = SLOT_SENDING;
    flight->tally->requests++;
    curl_multi_add_handle(flight->multi, slot->curl);
}

void send_flight_start(struct send_flight *flight, struct send_batch *batch)
{
    struct slot *slot = NULL;
    struct send_batch used;

    assert(send_flight_ready(flight) && batch->line_count > 0);
    for (uint32_t i = 0; slot == NULL; i++) {
        if (flight->slots[i].state == SLOT_IDLE)
            slot = &flight->slots[i];
    }
    used = slot->batch;
    slot->batch = *batch;
    *batch = used;
    bytes_clear(&batch->body);
    bytes_clear(&batch->lines);
    batch->line_count = 0;
    batch->input_bytes = 0;
    slot->attempt = 0;
    number_batch(flight, slot);
    flight->busy++;
    launch(flight, slot);
}

static uint64_t counted(const json_t *tree, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(tree, key));

    return value > 0 ? (uint64_t)value : 0;
}

int send_flight_answer(struct send_tally *tally, const struct send_batch *batch, struct span answer,
                       struct err *err)
{
    json_t *tree = json_loadb(answer.size > 0 ? answer.data : "", answer.size, 0, NULL);
    const json_t *rejected = json_object_get(tree, "rejected");
    uint64_t listed = json_array_size(rejected), total;

    if (!json_is_integer(json_object_get(tree, "accepted"))) {
        json_decref(tree);
        return err_set(err, ERR_INTERNAL,
                       "the server's answer does not say what it accepted; is "
                       "it a Tallywheel server?");
    }
    tally->accepted += counted(tree, "accepted");
    tally->duplicates += counted(tree, "duplicates");
    tally->late += counted(tree, "late");
    for (size_t i = 0; i < listed; i++) {
        const json_t *one = json_array_get(rejected, i);
        const char *reason = json_string_value(json_object_get(one, "reason"));
        struct span row;
        uint64_t line = send_batch_line(batch, counted(one, "line"), &row);

        send_report_reject(tally, line, span_of(reason != NULL ? reason : "no reason given"), row);
    }
    total = counted(tree, "rejected_count");
    if (total > listed) {
        tally->rejected += total - listed;
        tally->unlisted += total - listed;
    }
    json_decref(tree);
    return 0;
}

static void finish(struct send_flight *flight, struct slot *slot)
{
    slot->state = SLOT_IDLE;
    flight->busy--;
    flight->tally->trouble[0] = '\0';
}

static void fail(struct send_flight *flight, struct slot *slot, const struct err *err)
{
    if (flight->failure.code == 0)
        flight->failure = *err;
    if (flight->failed_line == 0 || slot->batch.first_line < flight->failed_line)
        flight->failed_line = slot->batch.first_line;
    finish(flight, slot);
}

void send_flight_give_up(struct send_flight *flight)
{
    struct err err = {0};

    flight->options.retries = 0;
    for (uint32_t i = 0; i < flight->slot_count; i++) {
        struct slot *slot = &flight->slots[i];
        if (slot->state == SLOT_WAITING) {
            err_set(&err, ERR_UNAVAILABLE, "interrupted; %.250s", flight->tally->trouble);
            fail(flight, slot, &err);
        }
    }
}

/* Waits and tries again, or gives up. */
static void retry(struct send_flight *flight, struct slot *slot, uint64_t wait_ms,
                  const struct err *err)
{
    struct send_tally *tally = flight->tally;
    struct err last = *err;

    if (slot->attempt >= flight->options.retries || flight->failure.code != 0) {
        if (flight->options.retries > 0 && flight->failure.code == 0)
            err_set(&last, err->code, "%.300s (tried %llu times)", err->text,
                    (unsigned long long)slot->attempt + 1);
        fail(flight, slot, &last);
        return;
    }
    slot->attempt++;
    if (wait_ms == 0) {
        flight->random = hash_u64(flight->random + 1);
        wait_ms = send_flight_backoff_ms(slot->attempt - 1, (uint32_t)flight->random);
    }
    slot->retry_at_ns = clock_mono_ns(&clock_system) + wait_ms * 1000000;
    slot->state = SLOT_WAITING;
    tally->retries++;
    snprintf(tally->trouble, sizeof(tally->trouble), "%.250s", err->text);
    tally->retry_at_ns = slot->retry_at_ns;
    tally->attempt = slot->attempt;
    tally->attempt_max = flight->options.retries;
}

/* The transport failed: no answer. */
static void on_broken(struct send_flight *flight, struct slot *slot, CURLcode code)
{
    long os_errno = 0;
    struct err err = {0};

    curl_easy_getinfo(slot->curl, CURLINFO_OS_ERRNO, &os_errno);
    client_explain(flight->options.server, (int)code, (int)os_errno, &err);
    retry(flight, slot, 0, &err);
}

static void on_answer(struct send_flight *flight, struct slot *slot)
{
    struct send_tally *tally = flight->tally;
    struct span answer = {slot->answer.data != NULL ? slot->answer.data : "", slot->answer.size};
    curl_off_t retry_after_s = 0;
    struct err err = {0};
    long status = 0;
    int rc = -1;

    curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 || status == 400)
        rc = send_flight_answer(tally, &slot->batch, answer, &err);
    if (rc == 0) {
        tally->lines += slot->batch.line_count;
        tally->input_bytes += slot->batch.input_bytes;
        finish(flight, slot);
        return;
    }
    if (status != 200)
        client_error_answer(status, answer, &err);
    if (status == 429 || (status >= 502 && status <= 504)) {
        curl_easy_getinfo(slot->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
        if (retry_after_s > RETRY_AFTER_S_MAX)
            retry_after_s = RETRY_AFTER_S_MAX;
        retry(flight, slot, (uint64_t)retry_after_s * 1000, &err);
        return;
    }
    if (status == 413)
        err_set(&err, ERR_TOO_LARGE,
                "the server refuses a body of %zu bytes; try a smaller "
                "--batch-bytes",
                slot->batch.body.size);
    fail(flight, slot, &err);
}

/* Relaunches what has waited long enough; returns the milliseconds until the next one. */
static uint64_t wake_waiting(struct send_flight *flight)
{
    uint64_t now_ns = clock_mono_ns(&clock_system);
    uint64_t soonest_ns = UINT64_MAX;

    for (uint32_t i = 0; i < flight->slot_count; i++) {
        struct slot *slot = &flight->slots[i];
        if (slot->state != SLOT_WAITING)
            continue;
        if (flight->failure.code != 0)
            fail(flight, slot, &flight->failure);
        else if (slot->retry_at_ns <= now_ns)
            launch(flight, slot);
        else if (slot->retry_at_ns - now_ns < soonest_ns)
            soonest_ns = slot->retry_at_ns - now_ns;
    }
    return soonest_ns == UINT64_MAX ? UINT64_MAX : soonest_ns / 1000000 + 1;
}

/* Deals with every request that ended; returns how many did. */
static uint32_t reap(struct send_flight *flight)
{
    uint32_t count = 0;
    int left;

    for (CURLMsg *message; (message = curl_multi_info_read(flight->multi, &left)) != NULL;) {
        struct slot *slot = NULL;
        CURLcode code;

        if (message->msg != CURLMSG_DONE)
            continue;
        code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        curl_multi_remove_handle(flight->multi, slot->curl);
        if (code != CURLE_OK)
            on_broken(flight, slot, code);
        else
            on_answer(flight, slot);
        count++;
    }
    return count;
}

int send_flight_poll(struct send_flight *flight, int input_fd, uint32_t wait_ms, struct err *err)
{
    struct curl_waitfd input = {.fd = input_fd, .events = CURL_WAIT_POLLIN};
    uint64_t until_retry_ms = wake_waiting(flight);
    int running;

    if (until_retry_ms < wait_ms)
        wait_ms = (uint32_t)until_retry_ms;
    curl_multi_perform(flight->multi, &running);
    if (reap(flight) == 0) {
        curl_multi_poll(flight->multi, input_fd >= 0 ? &input : NULL, input_fd >= 0 ? 1 : 0,
                        (int)wait_ms, NULL);
        curl_multi_perform(flight->multi, &running);
        reap(flight);
    }
    if (flight->failure.code != 0) {
        *err = flight->failure;
        return flight->failure.code;
    }
    return 0;
}
