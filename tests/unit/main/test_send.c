// SPDX-License-Identifier: Apache-2.0
/*
 * test_send.c - the whole command against a small HTTP server that misbehaves on purpose.
 *
 * The server is a thread that serves one connection at a time; what it does with its n-th POST
 * is a letter of a script: o answer, r reject the first line, b break the connection after the
 * body, h break it in the middle of the body, l answer 429 with Retry-After, u answer 503,
 * t answer 413. After the end of the script it answers.
 */
#include "main/send.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "main/cli_args.h"

struct fake {
    int fd;
    int port;
    const char *script;
    char definition[128];
    uint32_t posts;
    struct bytes taken;   /* the bodies that were answered with 200, in order */
    struct bytes numbers; /* "sequence " of each POST, in order */
    char producer[64];    /* of all of them */
    pthread_t thread;
};

static struct fake fake;
static char folder[64], input_path[96], output_path[96], rejects_path[96];

/* Reads until the end of the headers; returns their size in `buffer`, 0 at the end. */
static size_t read_head(int fd, struct bytes *buffer)
{
    for (;;) {
        const char *end =
            buffer->size > 0 ? memmem(buffer->data, buffer->size, "\r\n\r\n", 4) : NULL;
        ssize_t got;

        if (end != NULL)
            return (size_t)(end + 4 - buffer->data);
        got = read(fd, bytes_reserve(buffer, 65536), 65536);
        if (got <= 0)
            return 0;
        buffer->size += (size_t)got;
    }
}

static void answer(int fd, const char *status, const char *extra, const char *body)
{
    struct bytes text = {0};

    bytes_format(&text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, extra,
                 strlen(body), body);
    (void)!write(fd, text.data, text.size);
    bytes_done(&text);
}

static uint32_t count_lines(struct span body)
{
    uint32_t count = 0;

    for (size_t i = 0; i < body.size; i++)
        count += body.data[i] == '\n';
    return count;
}

/* Answers a POST as the script says; false if the connection is to be broken. */
static bool answer_post(int fd, struct span body)
{
    char what = fake.script[0] != '\0' ? *fake.script++ : 'o';
    char text[256];
    uint32_t lines = count_lines(body);

    fake.posts++;
    switch (what) {
    case 'b':
        return false;
    case 'l':
        answer(fd, "429 Too Many Requests", "Retry-After: 1\r\n",
               "{\"error\":{\"code\":\"limit\",\"message\":\"slow down\"}}");
        return true;
    case 'u':
        answer(fd, "503 Service Unavailable", "", "{}");
        return true;
    case 't':
        answer(fd, "413 Content Too Large", "", "{}");
        return true;
    case 'r':
        snprintf(text, sizeof(text),
                 "{\"accepted\":%u,\"duplicates\":0,\"late\":0,\"rejected\":"
                 "[{\"line\":1,\"reason\":\"no good\"}],\"rejected_count\":1}",
                 lines - 1);
        break;
    default:
        snprintf(text, sizeof(text),
                 "{\"accepted\":%u,\"duplicates\":0,\"late\":0,\"rejected\":"
                 "[],\"rejected_count\":0,\"offsets\":{\"0\":1}}",
                 lines);
        break;
    }
    bytes_put(&fake.taken, body.data, body.size);
    answer(fd, "200 OK", "", text);
    return true;
}

/* Notes the number of a batch; all must be of one producer. */
static void note_number(struct span head)
{
    const char *producer = memmem(head.data, head.size, "Tallywheel-Producer: ", 21);
    const char *sequence = memmem(head.data, head.size, "Tallywheel-Sequence: ", 21);
    char name[64] = "none";

    if (producer != NULL)
        sscanf(producer + 21, "%63s", name);
    if (fake.producer[0] == '\0')
        memcpy(fake.producer, name, sizeof(name));
    bytes_format(&fake.numbers, "%llu%s ", sequence != NULL ? strtoull(sequence + 21, NULL, 10) : 0,
                 strcmp(fake.producer, name) == 0 ? "" : "?");
}

static void serve_connection(int fd)
{
    struct bytes buffer = {0};
    size_t head, size;

    while ((head = read_head(fd, &buffer)) > 0) {
        const char *length = memmem(buffer.data, head, "Content-Length: ", 16);

        size = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
        if (size > 0 && fake.script[0] == 'h') {
            fake.script++;
            break;
        }
        while (buffer.size < head + size) {
            ssize_t got = read(fd, bytes_reserve(&buffer, 65536), 65536);
            if (got <= 0)
                goto done;
            buffer.size += (size_t)got;
        }
        if (strncmp(buffer.data, "POST /v1/streams/plays/events ", 30) == 0) {
            note_number((struct span){buffer.data, head});
            if (!answer_post(fd, (struct span){buffer.data + head, size}))
                break;
        } else if (strncmp(buffer.data, "GET /v1/streams/plays ", 22) == 0) {
            answer(fd, "200 OK", "Connection: close\r\n", fake.definition);
            break;
        } else {
            answer(fd, "404 Not Found", "Connection: close\r\n",
                   "{\"error\":{\"code\":\"not_found\",\"message\":"
                   "\"stream \\\"x\\\" is not defined\"}}");
            break;
        }
        memmove(buffer.data, buffer.data + head + size, buffer.size - head - size);
        buffer.size -= head + size;
    }
done:
    bytes_done(&buffer);
}

static void *serve(void *unused)
{
    int fd;

    (void)unused;
    while ((fd = accept(fake.fd, NULL, NULL)) >= 0) {
        serve_connection(fd);
        close(fd);
    }
    return NULL;
}

static void fake_start(const char *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);

    bytes_done(&fake.taken);
    bytes_done(&fake.numbers);
    fake = (struct fake){.script = script};
    snprintf(fake.definition, sizeof(fake.definition),
             "{\"name\":\"plays\",\"fields\":{\"player\":\"string\",\"points\":\"int\"}}");
    fake.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fake.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake.fd, 8), 0);
    getsockname(fake.fd, (struct sockaddr *)&address, &size);
    fake.port = ntohs(address.sin_port);
    pthread_create(&fake.thread, NULL, serve, NULL);
}

/* What it took can be looked at afterwards. */
static void fake_stop(void)
{
    shutdown(fake.fd, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.fd);
}

static void write_input(const char *text)
{
    FILE *file = fopen(input_path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Runs the command with its stdout and stderr in a file; *out_text is what it printed. */
static int run(char **extra, struct bytes *out_text)
{
    char url[64];
    char *argv[32] = {"send", "--stream", "plays", "--url", url, "--quiet", input_path};
    int argc = 7, saved[2] = {dup(1), dup(2)};
    int fd = open(output_path, O_RDWR | O_CREAT | O_TRUNC, 0600), code;
    ssize_t got;

    snprintf(url, sizeof(url), "127.0.0.1:%d", fake.port);
    for (; extra != NULL && *extra != NULL; extra++)
        argv[argc++] = *extra;
    fflush(stdout);
    dup2(fd, 1);
    dup2(fd, 2);
    code = send_command.run(argc, argv);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    lseek(fd, 0, SEEK_SET);
    bytes_clear(out_text);
    while ((got = read(fd, bytes_reserve(out_text, 4096), 4096)) > 0)
        out_text->size += (size_t)got;
    bytes_text(out_text);
    close(fd);
    return code;
}

#define ARGS(...) ((char *[]){__VA_ARGS__, NULL})

static const char three[] = "{\"points\":1}\n{\"points\":2}\n{\"points\":3}\n";

static void test_accepts(void **state)
{
    struct bytes text = {0};

    (void)state;
    write_input(three);
    fake_start("");
    assert_int_equal(run(ARGS("--batch-bytes", "14"), &text), CLI_DONE);
    fake_stop();
    assert_non_null(strstr(text.data, "  accepted    3\n"));
    assert_int_equal(fake.posts, 3);
    assert_string_equal(bytes_text(&fake.taken), three);
    bytes_done(&text);
}

static void test_rejects(void **state)
{
    struct bytes text = {0};
    char line[256];
    FILE *file;

    (void)state;
    write_input("player,points\nada,1\n\nbob,2\ncy,3\n");
    fake_start("or");
    assert_int_equal(
        run(ARGS("--format", "csv", "--batch-bytes", "10", "--rejects", rejects_path), &text),
        CLI_REFUSED);
    fake_stop();
    assert_non_null(strstr(text.data, "  accepted    2\n"));
    assert_non_null(strstr(text.data, "    line 4: no good\n"));
    file = fopen(rejects_path, "r");
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, "{\"line\":4,\"reason\":\"no good\",\"row\":\"{\\\"player\\\":"
                              "\\\"bob\\\",\\\"points\\\":2}\"}\n");
    fclose(file);
    bytes_done(&text);
}

static void test_retries(void **state)
{
    struct bytes text = {0};

    (void)state;
    write_input(three);
    fake_start("uobo");
    assert_int_equal(run(ARGS("--batch-bytes", "14"), &text), CLI_DONE);
    fake_stop();
    assert_int_equal(fake.posts, 5);
    /* Retried in place: the order holds, and nothing is missing. */
    assert_string_equal(bytes_text(&fake.taken), three);
    /* The server can tell what it has seen. */
    assert_string_equal(bytes_text(&fake.numbers), "1 1 2 2 3 ");
    assert_int_equal(strncmp(fake.producer, "send-", 5), 0);
    bytes_done(&text);
}

/* curl would send a body again by itself when a kept connection breaks; we must know of it. */
static void test_kept_connection_breaks(void **state)
{
    struct bytes text = {0};

    (void)state;
    write_input(three);
    fake_start("obb");
    assert_int_equal(run(ARGS("--batch-bytes", "14"), &text), CLI_DONE);
    fake_stop();
    assert_int_equal(fake.posts, 5);
    assert_string_equal(bytes_text(&fake.numbers), "1 2 2 2 3 ");
    bytes_done(&text);
}

static void test_retry_after(void **state)
{
    struct bytes text = {0};
    struct timespec before, after;

    (void)state;
    write_input(three);
    fake_start("l");
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(run(NULL, &text), CLI_DONE);
    fake_stop();
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 990);
    assert_int_equal(fake.posts, 2);
    bytes_done(&text);
}

static void test_gives_up(void **state)
{
    struct bytes text = {0};

    (void)state;
    write_input(three);
    fake_start("ouuu");
    assert_int_equal(run(ARGS("--batch-bytes", "14", "--retries", "2"), &text), CLI_UNREACHABLE);
    fake_stop();
    assert_non_null(strstr(text.data, "(tried 3 times); not sent: line 2 of the input and on\n"));
    assert_non_null(strstr(text.data, "  accepted    1\n"));
    fake_start("t");
    assert_int_equal(run(NULL, &text), CLI_UNREACHABLE);
    fake_stop();
    assert_non_null(strstr(text.data, "try a smaller --batch-bytes"));
    fake_start("");
    assert_int_equal(run(ARGS("--stream", "x"), &text), CLI_UNREACHABLE);
    fake_stop();
    assert_string_equal(text.data, "tallywheel send: stream \"x\" is not defined\n");
    /* Nobody listens any more. */
    assert_int_equal(run(ARGS("--retries", "0"), &text), CLI_UNREACHABLE);
    assert_non_null(strstr(text.data, "connection refused; is the server running? start it with "
                                      "`tallywheel serve`"));
    bytes_done(&text);
}

static void test_usage(void **state)
{
    struct bytes text = {0};

    (void)state;
    fake.port = 1;
    assert_int_equal(run(ARGS("--format", "xml"), &text), CLI_USAGE);
    assert_string_equal(text.data, "tallywheel send: --format xml: expected ndjson, csv or auto\n");
    assert_int_equal(run(ARGS("--connections", "0"), &text), CLI_USAGE);
    assert_int_equal(run(ARGS("--batch-bytes", "1GiB"), &text), CLI_USAGE);
    assert_int_equal(run(ARGS("--url", "ftp://x"), &text), CLI_USAGE);
    assert_int_equal(run(ARGS("more"), &text), CLI_USAGE);
    bytes_done(&text);
}

static void test_body_breaks_halfway(void **state)
{
    struct bytes text = {0}, input = {0};

    (void)state;
    for (int i = 0; i < 20000; i++)
        bytes_format(&input, "{\"player\":\"player-%d\",\"points\":%d}\n", i % 500, i);
    write_input(bytes_text(&input));
    fake_start("ohoh");
    assert_int_equal(run(ARGS("--batch-bytes", "200KiB", "--connections", "1"), &text), CLI_DONE);
    fake_stop();
    assert_true(span_equal(bytes_span(&fake.taken), bytes_span(&input)));
    assert_non_null(strstr(text.data, "  accepted    20,000\n"));
    bytes_done(&input);
    bytes_done(&text);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/tallywheel-send-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(input_path, sizeof(input_path), "%s/input", folder);
    snprintf(output_path, sizeof(output_path), "%s/output", folder);
    snprintf(rejects_path, sizeof(rejects_path), "%s/rejects", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bytes_done(&fake.taken);
    unlink(input_path);
    unlink(output_path);
    unlink(rejects_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),     cmocka_unit_test(test_rejects),
        cmocka_unit_test(test_retries),     cmocka_unit_test(test_kept_connection_breaks),
        cmocka_unit_test(test_retry_after), cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_usage),       cmocka_unit_test(test_body_breaks_halfway),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
