// SPDX-License-Identifier: Apache-2.0
/*
 * replay_main.c - runs a fuzz target over its committed corpus, without libFuzzer.
 *
 * Linked with one fuzz_<name>.c each, so that what fuzzing once found stays found under every
 * compiler and every sanitizer. An absent or empty corpus is a failure: it would prove nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each input sits in a block of its exact size, so that a sanitizer sees one byte too many. */
static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    int rc = -1;

    if (file != NULL && data != NULL && fread(data, 1, size, file) == size) {
        LLVMFuzzerTestOneInput(data, size);
        rc = 0;
    } else {
        fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
    }
    if (file != NULL)
        fclose(file);
    free(data);
    return rc;
}

static int replay_folder(const char *folder, size_t *count)
{
    struct dirent **entries = NULL;
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    int rc = 0;

    if (entry_count < 0) {
        fprintf(stderr, "%s: cannot be read: %s\n", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < entry_count; i++) {
        char path[4096];
        struct stat status;
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);

        free(entries[i]);
        if (rc != 0 || length < 0 || (size_t)length >= sizeof(path))
            continue;
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        rc = replay_file(path, (size_t)status.st_size);
        (*count)++;
    }
    free(entries);
    return rc;
}

int main(int argc, char **argv)
{
    size_t count = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i], &count) != 0)
            return 1;
    if (count == 0) {
        fprintf(stderr, "%s: no input in the corpus\n", argv[1]);
        return 1;
    }
    printf("%zu inputs replayed\n", count);
    return 0;
}
