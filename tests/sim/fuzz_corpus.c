/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs inputs of the fuzzer once each: files, those of a directory, or with --seeds A..B random ones; --write DIR writes these to
 * files instead. */
#include "fuzz.h"

#include "model_script.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096u
#define RANDOM_OPS 24u

static int files; /* run */

static size_t file_read(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    if (file != NULL) {
        size = fread(data, 1, INPUT_MAX, file);
        fclose(file);
    }
    return size;
}

/* An input of RANDOM_OPS operations: every other one a script for the model. */
static size_t input_random(uint64_t seed, uint8_t *data)
{
    struct model_op ops[RANDOM_OPS];
    uint64_t state = seed;

    for (size_t i = 0; i < INPUT_MAX; i++)
        data[i] = (uint8_t)model_random(&state);
    data[0] = (uint8_t)(seed % 2 == 0 ? FUZZ_MODEL : seed % 4 == 1 ? 0 : data[0] & ~FUZZ_MODEL);
    if (seed % 2 != 0)
        return FUZZ_HEADER + RANDOM_OPS * sizeof(struct fuzz_op);
    model_script_generate(ops, RANDOM_OPS, seed);
    memcpy(data + FUZZ_HEADER, ops, sizeof(ops));
    return FUZZ_HEADER + sizeof(ops);
}

static bool run(const uint8_t *data, size_t size, const char *name)
{
    const char *wrong = fuzz_run(data, size);

    if (wrong == NULL)
        return true;
    printf("# %s: %s\n", name, wrong);
    fuzz_print(data, size);
    return false;
}

static bool write_file(const char *directory, uint64_t seed, const uint8_t *data, size_t size)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/seed-%llu", directory, (unsigned long long)seed);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const bool good = fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && good;
}

static bool seeds(const char *range, const char *directory)
{
    static uint8_t data[INPUT_MAX];
    char *end, name[32];
    const uint64_t first = strtoull(range, &end, 0);
    const uint64_t last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, NULL, 0) : first;
    bool good = true;

    for (uint64_t seed = first; seed <= last; seed++) {
        const size_t size = input_random(seed, data);
        (void)snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
        good &= directory != NULL ? write_file(directory, seed, data, size) : run(data, size, name);
    }
    return good;
}

static bool run_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    const size_t size = file_read(path, data);

    files++;
    return size > 0 && run(data, size, path);
}

/* All inputs of a directory, in the order of their names. Returns false if it is none. */
static bool run_directory(const char *path, bool *good)
{
    struct dirent **entries;
    char name[1024];
    const int count = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
            *good &= run_file(name);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count >= 0;
}

int main(int argc, char **argv)
{
    bool good = true;

    if (argc >= 3 && strcmp(argv[1], "--seeds") == 0) {
        good = seeds(argv[2], argc == 5 && strcmp(argv[3], "--write") == 0 ? argv[4] : NULL);
        argc = 0;
    }
    for (int i = 1; i < argc; i++) {
        if (!run_directory(argv[i], &good))
            good &= run_file(argv[i]);
    }
    printf("%sok 1 - inputs of the fuzzer: %d files\n1..1\n", good ? "" : "not ", files);
    return good ? 0 : 1;
}
