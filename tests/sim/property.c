/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel follows the model of port rights: random scripts, each on a freshly booted kernel.  A script that fails is
 * shrunk and printed, in words and in the form that --script takes.
 */
#include "property.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    uint64_t first, last; /* seeds */
    uint32_t ops;
    uint32_t cpus;
    const char *script; /* hexadecimal; NULL: by seeds */
};

struct attempt {
    uint64_t seed;
    uint32_t cpus;
};

static const char usage[] =
    "usage: property [--seeds A..B | --seed N] [--ops N] [--cpus N] [--script HEX]\n"
    "Runs scripts of operations on port rights on the simulated kernel and on a model, and compares.\n"
    "  --script HEX  this script instead of random ones; --seed chooses the interleaving\n";

static bool fails(const struct model_op *ops, uint32_t count, void *arg)
{
    const struct attempt *a = arg;

    return property_run(ops, count, a->seed, a->cpus).failed;
}

static void script_print(const struct model_op *ops, uint32_t count, const struct attempt *a)
{
    char text[256];

    for (uint32_t i = 0; i < count; i++) {
        model_op_print(&ops[i], text, sizeof(text));
        printf("#  %3u  %s\n", i, text);
    }
    printf("# replay: property --seed %llu --cpus %u --script ", (unsigned long long)a->seed, a->cpus);
    for (size_t i = 0; i < count * sizeof(*ops); i++)
        printf("%02x", ((const uint8_t *)ops)[i]);
    printf("\n");
}

/* Tell what fails, with the shortest script that shows it. */
static void report(struct model_op *ops, uint32_t count, struct property_result result, struct attempt *a)
{
    printf("# seed %llu, operation %u: %s\n", (unsigned long long)a->seed, result.position, result.text);
    fflush(stdout);
    if (result.position + 1 < count)
        count = result.position + 1;
    if (fails(ops, count, a)) {
        count = property_shrink(ops, count, fails, a);
        result = property_run(ops, count, a->seed, a->cpus);
    }
    printf("# shrunk to %u operations; the last one: %s\n", count, result.text);
    script_print(ops, count, a);
    printf("# the whole script: property --seed %llu --cpus %u\n", (unsigned long long)a->seed, a->cpus);
}

static uint32_t script_parse(const char *hex, struct model_op *ops)
{
    uint8_t bytes[MODEL_OP_BYTES];
    uint32_t count = 0;
    unsigned value;

    for (; count < MODEL_SCRIPT_MAX && strlen(hex) >= 2 * MODEL_OP_BYTES; count++) {
        for (uint32_t i = 0; i < MODEL_OP_BYTES; i++, hex += 2) {
            if (sscanf(hex, "%2x", &value) != 1)
                return 0;
            bytes[i] = (uint8_t)value;
        }
        ops[count] = model_op_decode(bytes);
    }
    return *hex == '\0' ? count : 0;
}

static bool run_one(struct model_op *ops, uint32_t count, uint64_t seed, uint32_t cpus)
{
    struct attempt a = {.seed = seed, .cpus = cpus};
    struct property_result result = property_run(ops, count, seed, cpus);

    if (result.failed)
        report(ops, count, result, &a);
    return !result.failed;
}

static bool run_seeds(const struct options *o)
{
    static struct model_op ops[MODEL_SCRIPT_MAX];

    for (uint64_t seed = o->first; seed <= o->last; seed++) {
        model_script_generate(ops, o->ops, seed);
        if (!run_one(ops, o->ops, seed, o->cpus))
            return false;
    }
    return true;
}

static bool run_script(const struct options *o)
{
    static struct model_op ops[MODEL_SCRIPT_MAX];
    const uint32_t count = script_parse(o->script, ops);

    if (count == 0) {
        fprintf(stderr, "property: --script takes %u hexadecimal digits for each operation\n",
                2 * MODEL_OP_BYTES);
        return false;
    }
    return run_one(ops, count, o->first, o->cpus);
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"seeds", required_argument, NULL, 's'},  {"seed", required_argument, NULL, 'n'},
        {"ops", required_argument, NULL, 'o'},    {"cpus", required_argument, NULL, 'c'},
        {"script", required_argument, NULL, 'x'}, {NULL, 0, NULL, 0}};
    int option;
    char *end;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (option) {
        case 's':
            o->first = strtoull(optarg, &end, 0);
            if (strncmp(end, "..", 2) != 0)
                return false;
            o->last = strtoull(end + 2, NULL, 0);
            break;
        case 'n':
            o->first = o->last = strtoull(optarg, NULL, 0);
            break;
        case 'o':
            o->ops = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'c':
            o->cpus = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'x':
            o->script = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && o->ops >= 1 && o->ops <= MODEL_SCRIPT_MAX && o->cpus >= 1;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .last = 40, .ops = 80, .cpus = 2};

    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    printf("1..1\n");
    const bool good = o.script != NULL ? run_script(&o) : run_seeds(&o);
    printf("%sok 1 - port rights follow the model: seeds %llu to %llu, %u operations each\n",
           good ? "" : "not ", (unsigned long long)o.first, (unsigned long long)o.last, o.ops);
    return good ? 0 : 1;
}
