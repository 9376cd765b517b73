/* SPDX-License-Identifier: BSD-2-Clause */
/* Vector state.  User code fills and stores all registers of it in TEST_DATA, where the suite writes and reads them. */
#include "test.h"

#define CANARY 0xc5u

struct area {
    uint8_t byte[HAL_PAGE_SIZE + 64] __attribute__((aligned(64)));
};

static struct area areas[TEST_CPU_MAX][2];

static struct area *area(unsigned n)
{
    return &areas[test_cpu_index()][n];
}

/* Nothing behind the area was written. */
static void expect_canary(const struct area *a)
{
    for (size_t i = hal_info.fpu_size; i < sizeof a->byte; i++)
        EXPECT_EQ(a->byte[i], CANARY);
}

static void init(struct area *a)
{
    memset(a, CANARY, sizeof *a);
    hal_fpu_init(a);
    expect_canary(a);
}

/* Run the vector code at `label` on TEST_DATA of this CPU's space; the state must be enabled. */
static void run(const char *label)
{
    struct uctx *u = test_thread(0, label, TEST_DATA);
    struct test_regs r = test_get(u);

    r.word[MACHINE_ARG1] = machine_vector_mode();
    test_set(u, &r);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BREAKPOINT);
}

static void *block(void)
{
    return test_page_at(test_space(), TEST_DATA);
}

static void fill(uint64_t seed)
{
    machine_vector_pattern(block(), seed);
    run(user_vector_fill);
}

/* EXPECT the registers to be those of fill(seed). */
static void expect_pattern(uint64_t seed)
{
    static uint8_t expected[MACHINE_VECTOR_BYTES] __attribute__((aligned(64)));

    memset(block(), 0xee, MACHINE_VECTOR_BYTES);
    machine_vector_initial(block());
    run(user_vector_store);
    machine_vector_pattern(expected, seed);
    EXPECT(machine_vector_same(block(), expected));
}

static void expect_initial(void)
{
    static uint8_t expected[MACHINE_VECTOR_BYTES] __attribute__((aligned(64)));

    machine_vector_pattern(block(), 99); /* what the store has to overwrite */
    run(user_vector_store);
    machine_vector_initial(expected);
    EXPECT(machine_vector_same(block(), expected));
}

/* Make one vector instruction with the state disabled. */
static void expect_fpu_fault(void)
{
    struct uctx *u = test_thread(0, user_vector_touch, 0);
    struct test_regs r = test_pattern(5, user_vector_touch);

    test_set(u, &r);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_FPU_FAULT);
    EXPECT(event.u == u);
    struct test_regs seen = test_get(u);
    test_same(&seen, &r, MACHINE_ALL, __LINE__);
}

static void disabled_at_boot(void)
{
    expect_fpu_fault();
}

static void retry(void)
{
    init(area(0));
    expect_fpu_fault();
    hal_fpu_load(area(0));
    run(user_vector_touch);
    hal_fpu_save(NULL);
}

static void initial(void)
{
    init(area(0));
    hal_fpu_load(area(0));
    expect_initial();
    hal_fpu_save(NULL);
}

static void identity(void)
{
    for (uint64_t seed = 1; seed < 4; seed++) {
        init(area(0));
        hal_fpu_load(area(0));
        fill(seed);
        hal_fpu_save(area(0));
        expect_canary(area(0));
        hal_fpu_load(area(0));
        expect_pattern(seed);
        hal_fpu_save(NULL);
    }
}

static void no_trace(void)
{
    init(area(0));
    init(area(1));
    hal_fpu_load(area(0));
    fill(7);
    hal_fpu_save(area(0));
    hal_fpu_load(area(1));
    expect_initial();
    hal_fpu_save(area(1));
    hal_fpu_load(area(0));
    expect_pattern(7);
    hal_fpu_save(NULL);
    hal_fpu_load(area(1));
    expect_initial();
    hal_fpu_save(NULL);
}

static void lost(void)
{
    init(area(0));
    init(area(1));
    hal_fpu_load(area(0));
    fill(8);
    hal_fpu_save(NULL);
    hal_fpu_load(area(1));
    expect_initial();
    hal_fpu_save(NULL);
}

static void save_disables(void)
{
    init(area(0));
    hal_fpu_load(area(0));
    hal_fpu_save(area(0));
    expect_fpu_fault();
    hal_fpu_load(area(0));
    hal_fpu_save(NULL);
    expect_fpu_fault();
}

static void area_read_only(void)
{
    init(area(0));
    hal_fpu_load(area(0));
    fill(9);
    hal_fpu_save(area(0));
    *area(1) = *area(0);
    hal_fpu_load(area(0));
    fill(10);
    hal_fpu_save(NULL);
    EXPECT(memcmp(area(0), area(1), sizeof(struct area)) == 0);
}

/* Traps, faults and interrupts in between leave it alone. */
static void across_upcalls(void)
{
    struct uctx *u = test_thread(1, user_trap_loop, 0);
    struct uctx *spin = test_thread(2, user_spin, 0);

    init(area(0));
    hal_fpu_load(area(0));
    fill(11);
    for (unsigned i = 0; i < 20; i++) {
        EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
        hal_uctx_set_result(u, i);
        hal_timer_arm(hal_time_now());
        EXPECT_EQ(test_resume(spin).kind, TEST_INTERRUPT);
        (void)test_drain();
    }
    expect_pattern(11);
    hal_fpu_save(NULL);
}

static void other_cpu_job(void *arg)
{
    (void)arg;
    test_space_activate(test_space());
    expect_fpu_fault();
    identity();
    no_trace();
    expect_fpu_fault();
}

static void other_cpus(void)
{
    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    init(area(0));
    hal_fpu_load(area(0));
    for (uint32_t i = 1; i < test_cpu_count(); i++)
        test_cpu_run(i, other_cpu_job, NULL);
    hal_fpu_save(NULL);
}

static const struct test_case cases[] = {
    {"kern_fpu_fault", "user code touches disabled state: full frame at the instruction", disabled_at_boot},
    {"kern_fpu_fault", "the instruction succeeds after hal_fpu_load()", retry},
    {"hal_fpu_init", "the initial state, fpu_size bytes", initial},
    {"hal_fpu_load", "loads every register that hal_fpu_save() saved", identity},
    {"hal_fpu_load", "no trace of a previous owner remains", no_trace},
    {"hal_fpu_load", "leaves the area as it is", area_read_only},
    {"hal_fpu_save", "saves no more than fpu_size bytes, every register among them", identity},
    {"hal_fpu_save", "NULL: the state is lost", lost},
    {"hal_fpu_save", "disables it", save_disables},
    {"hal_fpu_save", "traps, faults and interrupts keep it until then", across_upcalls},
    {"hal_fpu_load", "each CPU has its own", other_cpus},
};
TEST_GROUP(test_fpu, "hal_fpu", cases);
