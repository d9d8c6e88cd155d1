// SPDX-License-Identifier: Apache-2.0
/* test_data_folder.c - whose the folder is, and what may stand in its description. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "node/data_folder.h"

struct place {
    char root[64];
    char folder[96];
    char description[128];
};

static int place_new(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->root, sizeof(place->root), "/tmp/tallywheel-folder-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    snprintf(place->folder, sizeof(place->folder), "%s/deep/data", place->root);
    snprintf(place->description, sizeof(place->description), "%s/tallywheel.json", place->folder);
    *state = place;
    return 0;
}

static int place_free(void **state)
{
    struct place *place = *state;
    char command[96];

    snprintf(command, sizeof(command), "rm -rf '%s'", place->root);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

static int try_open(const struct place *place, uint32_t wanted, uint32_t *inout, int *out_lock,
                    struct err *err)
{
    *out_lock = -1;
    return data_folder_open(place->folder, wanted, inout, out_lock, err);
}

/* Opens and closes. */
static int visit(const struct place *place, uint32_t wanted, uint32_t *inout, struct err *err)
{
    int lock;
    int rc = try_open(place, wanted, inout, &lock, err);

    data_folder_close(lock);
    return rc;
}

static void make(const struct place *place, uint32_t partitions)
{
    struct err err = {0};

    assert_int_equal(visit(place, partitions, &partitions, &err), 0);
}

static void write_description(const struct place *place, const char *text)
{
    FILE *file = fopen(place->description, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static void test_made(void **state)
{
    const struct place *place = *state;
    uint32_t partitions = 3;
    struct err err = {0};
    struct stat info;
    char text[128] = {0};
    FILE *file;

    assert_int_equal(visit(place, 0, &partitions, &err), 0);
    assert_int_equal(partitions, 3);
    file = fopen(place->description, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "{\"format\":1,\"partitions\":3}\n");
    snprintf(text, sizeof(text), "%s/tallywheel.json.new", place->folder);
    assert_int_not_equal(stat(text, &info), 0); /* nothing is left aside */
}

static void test_keeps_its_partitions(void **state)
{
    const struct place *place = *state;
    uint32_t partitions = 8;
    struct err err = {0};

    make(place, 5);
    assert_int_equal(visit(place, 0, &partitions, &err), 0); /* whatever it has */
    assert_int_equal(partitions, 5);
    assert_int_equal(visit(place, 5, &partitions, &err), 0);
    partitions = 4;
    assert_int_equal(visit(place, 4, &partitions, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "made with 5 partitions, the config asks for 4"));
    assert_non_null(strstr(err.text, place->folder));
}

static void test_one_owner(void **state)
{
    const struct place *place = *state;
    uint32_t partitions = 2;
    struct err err = {0};
    int lock;

    assert_int_equal(try_open(place, 0, &partitions, &lock, &err), 0);
    assert_int_equal(visit(place, 0, &partitions, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, place->folder));
    data_folder_close(lock);
    assert_int_equal(visit(place, 0, &partitions, &err), 0);
}

/* The lock goes with the process that held it, however that ended. */
static void test_owner_that_died(void **state)
{
    const struct place *place = *state;
    uint32_t partitions = 2;
    struct err err = {0};
    int ready[2];
    int status;
    char byte;
    pid_t child;

    make(place, 2);
    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int lock;

        byte = try_open(place, 0, &partitions, &lock, &err) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(visit(place, 0, &partitions, &err), ERR_CONFLICT);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(visit(place, 0, &partitions, &err), 0);
    close(ready[0]);
    close(ready[1]);
}

static void expect(const struct place *place, const char *text, int code, const char *part)
{
    uint32_t partitions = 2;
    struct err err = {0};
    int rc;

    write_description(place, text);
    rc = visit(place, 0, &partitions, &err);
    if (rc != code || strstr(err.text, part) == NULL || strstr(err.text, place->folder) == NULL)
        fail_msg("%s: %s \"%s\", expected %s with \"%s\"", text, err_code_text(rc), err.text,
                 err_code_text(code), part);
}

static void test_other_formats(void **state)
{
    const struct place *place = *state;

    make(place, 2);
    expect(place, "{\"format\":2,\"partitions\":2}", ERR_UNSUPPORTED, "format 2");
    expect(place, "{\"format\":1,\"partitions\":0}", ERR_CORRUPT, "partitions");
    expect(place, "{\"format\":1,\"partitions\":-1}", ERR_CORRUPT, "partitions");
    expect(place, "{\"format\":1,\"partitions\":4294967298}", ERR_CORRUPT, "partitions");
    expect(place, "{\"format\":1}", ERR_CORRUPT, "partitions");
}

/* It is renamed into place when it is whole, so anything else was done by somebody. */
static void test_torn_descriptions(void **state)
{
    const struct place *place = *state;

    make(place, 2);
    expect(place, "", ERR_CORRUPT, "does not hold a JSON object");
    expect(place, "{\"format\":1,\"parti", ERR_CORRUPT, "does not hold a JSON object");
    expect(place, "[1,2]", ERR_CORRUPT, "does not hold a JSON object");
}

static void test_no_folder(void **state)
{
    struct place *place = *state;
    uint32_t partitions = 2;
    struct err err = {0};

    make(place, 2);
    snprintf(place->folder, sizeof(place->folder), "%s/deep/data/tallywheel.json/x", place->root);
    assert_true(visit(place, 0, &partitions, &err) < 0);
    assert_non_null(strstr(err.text, "tallywheel.json"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_made),          EACH(test_keeps_its_partitions),
        EACH(test_one_owner),     EACH(test_owner_that_died),
        EACH(test_other_formats), EACH(test_torn_descriptions),
        EACH(test_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
