/* SPDX-License-Identifier: BSD-2-Clause */
/* Roots, activation, TLB and instruction caches: what user code sees of changes to page tables and code. */
#include "test.h"

#define VA_A TEST_FREE
#define VA_B (TEST_FREE + HAL_PAGE_SIZE)

static hal_asid_t asid_max(void)
{
    return (hal_asid_t)((1u << hal_info.asid_bits) - 1);
}

/* A new space with pages at VA_A and VA_B that begin with `a` and `b`, active. */
static void space_with(struct test_space *space, hal_asid_t asid, uint64_t a, uint64_t b)
{
    test_space_init(space, asid);
    hal_tlb_flush_asid(asid);
    test_map(space, VA_A, test_page(), TEST_ATTR_RW, 0);
    test_map(space, VA_B, test_page(), TEST_ATTR_RW, 0);
    *(uint64_t *)test_page_at(space, VA_A) = a;
    *(uint64_t *)test_page_at(space, VA_B) = b;
    test_space_activate(space);
}

static void space_leave(void)
{
    hal_tlb_flush_asid(HAL_ASID_ALL);
    test_space_activate(test_space());
}

#define FAULTED UINT64_MAX

/* What user code reads at `va`; FAULTED: it may not. */
static uint64_t user_reads(hal_va_t va)
{
    struct test_event event = test_resume_through_interrupts(test_thread(0, user_load, va));

    if (event.kind == TEST_PAGE_FAULT && event.va == va && event.access == HAL_ACCESS_READ)
        return FAULTED;
    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    return test_get(event.u).word[MACHINE_ARG1];
}

static bool user_writes(hal_va_t va)
{
    struct test_event event = test_resume_through_interrupts(test_thread(0, user_store, va));

    if (event.kind == TEST_PAGE_FAULT && event.va == va && event.access == HAL_ACCESS_WRITE)
        return false;
    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    return true;
}

/* ---- Roots, tokens ---- */

static void root_user_part(void)
{
    hal_pa_t root = test_page();
    const hal_pte_t *entry = hal_pa_to_ptr(root);
    unsigned shift = HAL_PAGE_SHIFT + HAL_PT_SHIFT * (hal_info.pt_levels - 1);

    hal_pt_init_root(root);
    for (uint64_t i = hal_info.user_base >> shift; i <= (hal_info.user_limit - 1) >> shift; i++)
        EXPECT_EQ(hal_pte_kind(entry[i], hal_info.pt_levels - 1), HAL_PTE_HOLE);
}

/* Every range of RAM, the image and this stack stay reachable. */
static void root_kernel_part(void)
{
    struct test_space space;
    uint64_t sum = 0;

    test_space_init(&space, 0);
    test_space_activate(&space);
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        const volatile uint8_t *p = hal_pa_to_ptr(hal_info.mem[i].base);
        sum += p[0] + p[hal_info.mem[i].size - 1];
    }
    EXPECT_EQ(sum, sum);
    EXPECT(hal_time_now() != 0);
    space_leave();
}

static void token(void)
{
    hal_pa_t a = test_page(), b = test_page();

    EXPECT(hal_pt_token(a, 0) != 0);
    EXPECT(hal_pt_token(a, 0) != hal_pt_token(b, 0));
    EXPECT_EQ(hal_pt_token(a, 0), hal_pt_token(a, 0));
    if (hal_info.asid_bits > 0) {
        EXPECT(hal_pt_token(a, 0) != hal_pt_token(a, 1));
        EXPECT(hal_pt_token(a, asid_max()) != hal_pt_token(a, asid_max() - 1));
    }
}

/* ---- Activation ---- */

static void activate(void)
{
    struct test_space one, two;
    hal_asid_t asid = hal_info.asid_bits > 0 ? 1 : 0;

    space_with(&two, asid * 2, 21, 22);
    space_with(&one, asid, 11, 12);
    for (unsigned i = 0; i < 50 && !test_failed(); i++) {
        test_space_activate(&one);
        EXPECT_EQ(user_reads(VA_A), 11);
        EXPECT_EQ(user_reads(VA_B), 12);
        test_space_activate(&two);
        EXPECT_EQ(user_reads(VA_A), 21);
        EXPECT_EQ(user_reads(VA_B), 22);
    }
    space_leave();
}

/* As many spaces as a case can make, with ASIDs from both ends of their range. */
static void activate_many(void)
{
    enum { SPACES = 12 };
    static struct test_space space[SPACES];

    if (hal_info.asid_bits == 0) {
        test_skip("the TLB has no ASIDs");
        return;
    }
    unsigned spaces = SPACES <= (unsigned)asid_max() ? SPACES : (unsigned)asid_max() + 1;
    for (unsigned i = 0; i < spaces; i++)
        space_with(&space[i], (hal_asid_t)(i % 2 == 0 ? i / 2 : (unsigned)asid_max() - i / 2), 100 + i,
                   200 + i);
    for (unsigned n = 0; n < 200 && !test_failed(); n++) {
        unsigned i = (unsigned)(test_random() % spaces);
        test_space_activate(&space[i]);
        EXPECT_EQ(user_reads(VA_A), 100 + i);
        EXPECT_EQ(user_reads(VA_B), 200 + i);
    }
    space_leave();
}

/* A page of one space that the other lacks. */
static void activate_hole(void)
{
    struct test_space one, two;
    hal_asid_t asid = hal_info.asid_bits > 0 ? 1 : 0;

    space_with(&one, asid, 11, 12);
    test_space_init(&two, asid * 2);
    for (unsigned i = 0; i < 10; i++) {
        test_space_activate(&one);
        EXPECT_EQ(user_reads(VA_A), 11);
        test_space_activate(&two);
        EXPECT_EQ(user_reads(VA_A), FAULTED);
    }
    space_leave();
}

/* ---- TLB ---- */

static void publish(void)
{
    struct test_space space;

    space_with(&space, 0, 1, 2);
    for (unsigned i = 2; i < 40; i++) {
        hal_va_t va = VA_A + i * HAL_PAGE_SIZE;
        hal_pa_t pa = test_page();
        *(uint64_t *)hal_pa_to_ptr(pa) = i;
        EXPECT_EQ(user_reads(va), FAULTED);
        test_map(&space, va, pa, TEST_ATTR_R, 0);
        EXPECT_EQ(user_reads(va), i);
        EXPECT(!user_writes(va));
        test_map(&space, va, pa, TEST_ATTR_RW, 0); /* more permissive */
        EXPECT(user_writes(va));
    }
    space_leave();
}

enum flush { FLUSH_PAGE, FLUSH_ASID, FLUSH_ALL };

static void flush(enum flush how, hal_asid_t asid, hal_va_t va)
{
    switch (how) {
    case FLUSH_PAGE:
        hal_tlb_flush_page(asid, va);
        break;
    case FLUSH_ASID:
        hal_tlb_flush_asid(asid);
        break;
    case FLUSH_ALL:
        hal_tlb_flush_asid(HAL_ASID_ALL);
        break;
    }
}

/* Everything that makes an entry less permissive, or another one, shows at the next access. */
static void flush_active(enum flush how)
{
    struct test_space space;
    hal_asid_t asid = hal_info.asid_bits > 0 ? 3 : 0;

    space_with(&space, asid, 11, 12);
    hal_pte_t *entry = test_entry(&space, VA_A, 0);
    hal_pte_t old = *entry;
    hal_pa_t pa = hal_pte_addr(old, 0), other = test_page();
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        EXPECT(user_writes(VA_A));
        *entry = hal_pte_leaf(pa, TEST_ATTR_R, 0);
        flush(how, asid, VA_A);
        EXPECT(!user_writes(VA_A));
        (void)user_reads(VA_A);
        *(uint64_t *)hal_pa_to_ptr(other) = 30 + i;
        *entry = hal_pte_leaf(other, TEST_ATTR_RW, 0);
        flush(how, asid, VA_A);
        EXPECT_EQ(user_reads(VA_A), 30 + i);
        *entry = 0;
        flush(how, asid, VA_A);
        EXPECT_EQ(user_reads(VA_A), FAULTED);
        *entry = old;
        hal_pt_publish(VA_A);
        EXPECT_EQ(user_reads(VA_B), 12);
    }
    space_leave();
}

static void flush_page_active(void)
{
    flush_active(FLUSH_PAGE);
}

static void flush_asid_active(void)
{
    flush_active(FLUSH_ASID);
}

static void flush_all_active(void)
{
    flush_active(FLUSH_ALL);
}

/* The space whose entry changes is not the active one. */
static void flush_inactive(enum flush how)
{
    struct test_space one, two;

    if (hal_info.asid_bits == 0) {
        test_skip("the TLB has no ASIDs");
        return;
    }
    space_with(&two, asid_max(), 21, 22);
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        space_with(&one, 5, 11, 12);
        EXPECT_EQ(user_reads(VA_A), 11);
        EXPECT_EQ(user_reads(VA_B), 12);
        test_space_activate(&two);
        EXPECT_EQ(user_reads(VA_A), 21);
        *test_entry(&one, VA_A, 0) = 0;
        flush(how, 5, VA_A);
        EXPECT_EQ(user_reads(VA_A), 21);
        test_space_activate(&one);
        EXPECT_EQ(user_reads(VA_A), FAULTED);
        EXPECT_EQ(user_reads(VA_B), 12);
    }
    space_leave();
}

static void flush_page_inactive(void)
{
    flush_inactive(FLUSH_PAGE);
}

static void flush_asid_inactive(void)
{
    flush_inactive(FLUSH_ASID);
}

static void flush_all_inactive(void)
{
    flush_inactive(FLUSH_ALL);
}

/* ---- Other CPUs ---- */

struct shoot {
    struct test_space *space;
    enum flush how;
    uint64_t read;
};

static void shoot_read(void *arg)
{
    struct shoot *s = arg;

    test_space_activate(s->space);
    s->read = user_reads(VA_A);
}

/* Page by page would not do for an ASID that another space had: a walker may keep that space's tables. */
static void shoot_clean(void *arg)
{
    struct shoot *s = arg;

    hal_tlb_flush_asid(s->space->asid);
}

static void shoot_flush(void *arg)
{
    struct shoot *s = arg;

    flush(s->how, s->space->asid, VA_A);
}

/* Every CPU has the entry in its TLB; after the flush, broadcast or by each CPU, none of them uses it. */
static void shootdown(void)
{
    struct test_space space;

    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    for (unsigned n = 0; n < 30 && !test_failed(); n++) {
        struct shoot s = {.space = &space, .how = (enum flush)(n % 3)};
        space_with(&space, hal_info.asid_bits > 0 ? 7 : 0, 11, 12);
        for (uint32_t i = 1; i < test_cpu_count(); i++) {
            test_cpu_run(i, shoot_clean, &s); /* an older space had this ASID */
            test_cpu_run(i, shoot_read, &s);
            EXPECT_EQ(s.read, 11);
        }
        shoot_clean(&s);
        EXPECT_EQ(user_reads(VA_A), 11);
        *test_entry(&space, VA_A, 0) = 0;
        shoot_flush(&s);
        for (uint32_t i = 1; i < test_cpu_count(); i++) {
            if (!hal_info.tlb_broadcast)
                test_cpu_run(i, shoot_flush, &s);
            test_cpu_run(i, shoot_read, &s);
            EXPECT_EQ(s.read, FAULTED);
        }
    }
    for (uint32_t i = 1; i < test_cpu_count(); i++) {
        struct test_space common = *test_space();
        struct shoot s = {.space = &common};
        test_cpu_run(i, shoot_read, &s);
    }
    space_leave();
}

/* ---- Instruction cache ---- */

#define VA_CODE (TEST_FREE + 64 * HAL_PAGE_SIZE)

static void code_map(void)
{
    hal_pte_t *entry = test_entry(test_space(), VA_CODE, 0);

    if (*entry == 0)
        test_map(test_space(), VA_CODE, test_page(), TEST_ATTR_RX, 0);
}

static void code_write(unsigned answer, size_t offset)
{
    uint8_t *page = test_page_at(test_space(), VA_CODE);

    memcpy(page + offset, answer == 1 ? machine_answer1 : machine_answer2, machine_answer_size);
    hal_icache_sync(page + offset, machine_answer_size);
}

/* Run the code; returns the answer that it gives. */
static uint64_t code_run(size_t offset)
{
    struct uctx *u = test_thread(0, user_break, 0);

    hal_uctx_init(u, VA_CODE + offset, TEST_STACK, 0, 0);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_TRAP);
    return hal_uctx_arg(u, 0);
}

static void icache(void)
{
    code_map();
    for (unsigned i = 0; i < 100 && !test_failed(); i++) {
        size_t offset = i / 2 % 60 * 64;
        code_write(1 + i % 2, offset);
        EXPECT_EQ(code_run(offset), 1 + i % 2);
    }
}

struct code {
    size_t offset;
    uint64_t answer;
};

static void icache_job(void *arg)
{
    struct code *c = arg;

    test_space_activate(test_space());
    c->answer = code_run(c->offset);
}

static void icache_others(void)
{
    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    code_map();
    for (unsigned n = 0; n < 40 && !test_failed(); n++) {
        struct code c = {.offset = 128};
        code_write(1 + n % 2, c.offset);
        for (uint32_t i = 1; i < test_cpu_count(); i++) {
            test_cpu_run(i, icache_job, &c);
            EXPECT_EQ(c.answer, 1 + n % 2);
        }
        EXPECT_EQ(code_run(c.offset), 1 + n % 2);
    }
}

/* The other CPU is in user mode, running, when the code changes, and enters user mode again. */
static volatile bool spinning;
static uint64_t answer_after;

static struct uctx *note_spinning(const struct test_event *event)
{
    (void)test_drain();
    if (event->kind == TEST_INTERRUPT && spinning)
        return event->u;
    return NULL;
}

static void spin_job(void *arg)
{
    (void)arg;
    (void)test_drain();
    test_space_activate(test_space());
    EXPECT(code_run(0) <= 2);
    spinning = true;
    test_filter(note_spinning);
    (void)test_resume(test_thread(1, user_spin, 0));
    test_filter(NULL);
    answer_after = code_run(0);
}

static void icache_running(void)
{
    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    code_map();
    for (unsigned n = 0; n < 20 && !test_failed(); n++) {
        code_write(1 + n % 2, 0);
        test_cpu_begin(1, spin_job, NULL);
        while (!spinning)
            hal_cpu_pause();
        test_delay_us(200);
        code_write(2 - n % 2, 0);
        spinning = false;
        hal_ipi_send(1);
        test_cpu_wait(1);
        EXPECT_EQ(answer_after, 2 - n % 2);
    }
}

static const struct test_case cases[] = {
    {"hal_pt_init_root", "entries for user addresses stay holes", root_user_part},
    {"hal_pt_init_root", "the kernel's part is filled in", root_kernel_part},
    {"hal_pt_token", "never 0; tells roots and ASIDs apart; pure", token},
    {"hal_pt_activate", "user addresses are those of the space", activate},
    {"hal_pt_activate", "ASIDs from both ends of their range do not mix", activate_many},
    {"hal_pt_activate", "what the other space has mapped is not mapped in this one", activate_hole},
    {"hal_pt_publish", "new and more permissive entries are visible at once", publish},
    {"hal_tlb_flush_page", "the active space: no stale entry is used", flush_page_active},
    {"hal_tlb_flush_page", "another space: no stale entry is used", flush_page_inactive},
    {"hal_tlb_flush_asid", "the active space: no stale entry is used", flush_asid_active},
    {"hal_tlb_flush_asid", "another space: no stale entry is used", flush_asid_inactive},
    {"hal_tlb_flush_asid", "HAL_ASID_ALL: no stale entry of the active space is used", flush_all_active},
    {"hal_tlb_flush_asid", "HAL_ASID_ALL: no stale entry of another space is used", flush_all_inactive},
    {"hal_tlb_flush_page", "every CPU, by broadcast or by its own call", shootdown},
    {"hal_icache_sync", "code that was changed runs, on this CPU", icache},
    {"hal_icache_sync", "on each other CPU", icache_others},
    {"hal_icache_sync", "on a CPU that was in user mode meanwhile", icache_running},
};
TEST_GROUP(test_pt, "hal_pt", cases);
