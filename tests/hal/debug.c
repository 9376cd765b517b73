/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of a kernel stack. */
#include "test.h"

#define DEPTH 5u
#define FRAMES_MAX 32u

static struct {
    uint64_t pc[FRAMES_MAX];
    uint32_t count;
    uint64_t own_frame;
} walked;

static void walk(uint64_t fp)
{
    uint64_t pc = 0;

    walked.own_frame = fp;
    walked.count = 0;
    while (walked.count < FRAMES_MAX && hal_frame_next(&fp, &pc))
        walked.pc[walked.count++] = pc;
}

/* volatile: no call below becomes a jump. */
static volatile uint32_t after;

__attribute__((noinline)) static void nest(uint32_t depth)
{
    if (depth == 0)
        walk((uint64_t)(uintptr_t)__builtin_frame_address(0));
    else
        nest(depth - 1);
    after = depth;
}

static void nest_from_top(void)
{
    nest(DEPTH);
    after = 0;
}

/* Does `pc` lie in a function that begins at `function`? */
static bool in_function(uint64_t pc, const void *function)
{
    return pc - (uint64_t)(uintptr_t)function < 512;
}

static void callers(void)
{
    test_on_cpu_stack(nest_from_top);
    EXPECT(walked.count > DEPTH);
    for (uint32_t i = 0; i < DEPTH; i++)
        EXPECT(in_function(walked.pc[i], (const void *)(uintptr_t)nest));
    EXPECT(in_function(walked.pc[DEPTH], (const void *)(uintptr_t)nest_from_top));
}

static void ends(void)
{
    test_on_cpu_stack(nest_from_top);
    EXPECT(walked.count < FRAMES_MAX);
    EXPECT(walked.count <= DEPTH + 6); /* test_on_cpu_stack's way there, and the upcall */
}

static void expect_refused(uint64_t value)
{
    uint64_t fp = value, pc = 0x1234;

    EXPECT(!hal_frame_next(&fp, &pc));
    EXPECT_EQ(fp, value);
    EXPECT_EQ(pc, 0x1234);
}

static void not_a_stack(void)
{
    uint64_t heap = (uint64_t)(uintptr_t)hal_pa_to_ptr(test_page());

    expect_refused(0);
    expect_refused(8);
    expect_refused(TEST_HOLE);
    expect_refused(TEST_DATA);
    expect_refused(heap);
    expect_refused(0x8000000000000000);
    expect_refused(UINT64_MAX);
    expect_refused(UINT64_MAX - 7);
    expect_refused((uint64_t)(uintptr_t)&hal_info);
}

/* At the edges of the stack, every address is refused or its words are read without a fault. */
static void edges(void)
{
    test_on_cpu_stack(nest_from_top);
    for (uint64_t at = walked.own_frame - 0x8000; at < walked.own_frame + 0x4000; at += 8) {
        uint64_t fp = at, pc = 0;
        if (!hal_frame_next(&fp, &pc))
            EXPECT(fp == at && pc == 0);
    }
}

static void misaligned(void)
{
    test_on_cpu_stack(nest_from_top);
    for (unsigned i = 1; i < 8; i++)
        expect_refused(walked.own_frame + i);
}

static const struct test_case cases[] = {
    {"hal_frame_next", "the return address of each caller", callers},
    {"hal_frame_next", "false at the end of the chain, which is the upcall", ends},
    {"hal_frame_next", "false when *fp is not on the stack: unchanged", not_a_stack},
    {"hal_frame_next", "false when *fp is misaligned: unchanged", misaligned},
    {"hal_frame_next", "reads nothing outside this CPU's stack", edges},
};
TEST_GROUP(test_debug, "hal_debug", cases);
