/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules of the kernel, called directly: in a kernel that has booted, while its only CPU is outside of it (the quiet
 * hook).  Each test is a boot of its own, so a panic can be what is expected.
 */
#include "unit.h"

#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/cmdline.h>
#include <kern/cpu.h>
#include <kern/kick.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/spinlock.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <sched/timeout.h>
#include <string.h>
#include <vm/pmap.h>
#include <vm/vm_page.h>

/* ---- Running ---- */

struct test {
    void (*function)(void);
    const char *name;
    enum sim_end end;
    const char *text;    /* in the message of the end */
    const char *cmdline; /* of the kernel; may be NULL */
    uint64_t step_ns;    /* if time is to pass faster */
};

static void run(const struct test *test)
{
    struct sim_config config = sim_config_default();

    config.cmdline = test->cmdline;
    config.step_ns = test->step_ns != 0 ? test->step_ns : config.step_ns;
    unit_in_kernel(config, test->function, test->end, test->text, test->name);
}

/* ---- kern/printf.c ---- */

#define PRINTS(expected, ...)                                                                                \
    do {                                                                                                     \
        char text[64];                                                                                       \
        int length = ksnprintf(text, sizeof text, __VA_ARGS__);                                              \
        SIM_CHECK(strcmp(text, expected) == 0 && length == (int)strlen(expected));                           \
    } while (0)

static void test_conversions(void)
{
    /* The compiler knows the standard's rules for formats better than these tests, which break them. */
    const char *volatile null = NULL;
    const char *volatile unknown = "%q%";

    PRINTS("", "%s", "");
    PRINTS("a, 100%", "%c, %u%%", 'a', 100u);
    PRINTS("(null)", "%s", null);
    PRINTS("  ab|ab  |", "%4s|%-4s|", "ab", "ab");
    PRINTS("-1 1 -2147483648", "%d %i %d", -1, 1, INT32_MIN);
    PRINTS("-9223372036854775808", "%ld", INT64_MIN);
    PRINTS("18446744073709551615", "%lu", UINT64_MAX);
    PRINTS("ffffffffffffffff 0", "%llx %x", (unsigned long long)UINT64_MAX, 0u);
    PRINTS("0x1000", "%p", (void *)0x1000);
    PRINTS("00ff|  ff|ff  |-007|7", "%04x|%4x|%-4x|%04d|%zu", 255u, 255u, 255u, -7, (size_t)7);
    PRINTS("12345", "%3u", 12345u);
    PRINTS("q", unknown, 0);
}

static void test_short_buffers(void)
{
    char text[4] = {'x', 'x', 'x', 'x'};

    SIM_CHECK(ksnprintf(text, 0, "abc") == 3 && text[0] == 'x');
    SIM_CHECK(ksnprintf(text, 1, "abc") == 3 && text[0] == '\0' && text[1] == 'x');
    SIM_CHECK(ksnprintf(text, 3, "abc") == 3 && strcmp(text, "ab") == 0 && text[3] == 'x');
    SIM_CHECK(ksnprintf(text, 4, "abc") == 3 && strcmp(text, "abc") == 0);
}

/* ---- kern/string.c: the kernel's own, beside those of the C library ---- */

void *kern_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *kern_memmove(void *dst, const void *src, size_t n);
void *kern_memset(void *dst, int c, size_t n);
int kern_memcmp(const void *a, const void *b, size_t n);

#define BYTES 160u

/* Every alignment of both sides, every length: against the C library. */
static void test_blocks(void)
{
    static _Alignas(8) unsigned char mine[BYTES], theirs[BYTES];

    for (size_t to = 0; to < 16; to++)
        for (size_t from = 0; from < 32; from++)
            for (size_t n = 0; n <= 64; n++) {
                for (size_t i = 0; i < BYTES; i++)
                    mine[i] = theirs[i] = (unsigned char)(i * 7);
                SIM_CHECK(kern_memmove(mine + to, mine + from, n) == mine + to);
                memmove(theirs + to, theirs + from, n);
                SIM_CHECK(kern_memcpy(mine + 96 + to / 4, mine + from, n / 2) == mine + 96 + to / 4);
                memcpy(theirs + 96 + to / 4, theirs + from, n / 2);
                SIM_CHECK(kern_memset(mine + from, (int)n - 7, to) == mine + from);
                memset(theirs + from, (int)n - 7, to);
                SIM_CHECK(memcmp(mine, theirs, BYTES) == 0 && kern_memcmp(mine, theirs, BYTES) == 0);
            }
    mine[5] ^= 0x80;
    SIM_CHECK((kern_memcmp(mine, theirs, BYTES) < 0) == (memcmp(mine, theirs, BYTES) < 0));
}

/* ---- kern/cmdline.c ---- */

static void test_cmdline(void)
{
    SIM_CHECK(cmdline_has("one") && cmdline_has("two=2") && cmdline_has("three"));
    SIM_CHECK(!cmdline_has("on") && !cmdline_has("two") && !cmdline_has("ne") && !cmdline_has("four"));
}

/* ---- kern/symbols.c ---- */

static void test_symbols(void)
{
    uint64_t offset;

    SIM_CHECK(kern_symbol_lookup(0, &offset) == NULL);
}

/* ---- sched/runq.c ---- */

static struct list links[6];

static void test_runq(void) NO_THREAD_SAFETY_ANALYSIS
{
    static const uint32_t priority[6] = {15, 31, 0, 15, 15, 31};
    static const unsigned order[6] = {5, 1, 4, 0, 3, 2}; /* 5 and 4 go to the head of their queue */
    struct sched_runq q;

    sched_runq_init(&q);
    SIM_CHECK(sched_runq_best(&q) == -1 && sched_runq_pop(&q) == NULL);
    for (unsigned i = 0; i < 6; i++) {
        list_init(&links[i]);
        sched_runq_insert(&q, &links[i], priority[i], i >= 4);
    }
    SIM_CHECK(sched_runq_best(&q) == 31 && q.count == 6);
    for (unsigned i = 0; i < 6; i++)
        SIM_CHECK(sched_runq_pop(&q) == &links[order[i]]);
    SIM_CHECK(q.count == 0 && q.bitmap == 0);
}

/* ---- sched/timeout.c ---- */

#define TIMEOUTS 100u

static struct timeout timeouts[TIMEOUTS];
static unsigned expired;
static hal_ticks_t expired_last;

static void on_timeout(struct timeout *timeout)
{
    SIM_CHECK(timeout->deadline >= expired_last && timeout->running);
    expired_last = timeout->deadline;
    expired++;
}

static void test_timeouts(void)
{
    hal_ticks_t now = hal_time_now();
    unsigned cancelled = 0;

    for (unsigned i = 0; i < TIMEOUTS; i++)
        timeout_set(&timeouts[i], now - 1000 + i * 37 % 100, on_timeout);
    for (unsigned i = 0; i < TIMEOUTS; i += 3) {
        SIM_CHECK(timeout_cancel(&timeouts[i]));
        SIM_CHECK(!timeout_cancel(&timeouts[i]));
        cancelled++;
    }
    for (unsigned i = 0; i < TIMEOUTS; i++) /* a bounded number runs at a time */
        timeout_expire();
    SIM_CHECK(expired == TIMEOUTS - cancelled);
    timeout_wait(&timeouts[0]);
}

static void test_milliseconds(void)
{
    SIM_CHECK(timeout_ms_to_ticks(0) == 0);
    SIM_CHECK(timeout_ms_to_ticks(1) == hal_info.time_hz / 1000);
    SIM_CHECK(timeout_ms_to_ticks(UINT32_MAX) == UINT32_MAX * (hal_info.time_hz / 1000));
}

/* ---- kern/kick.c ---- */

static void no_step(struct thread *self)
{
    (void)self;
}

/* An interrupt that waits may be gone when the CPU idles: the timer is turned off. So it is no reason to leave a thread. */
static void test_kicks(void)
{
    struct cpu *cpu = hal_cpu_self();

    for (unsigned i = 0; i < 3; i++)
        kick_thread(thread_create_kernel("kicked", no_step, SCHED_PRIORITY_DEFAULT), cpu);
    hal_timer_arm(hal_time_now());
    SIM_CHECK(hal_irq_pending());
    kick_examine(cpu);
    SIM_CHECK(cpu->examined == NULL && cpu->kicked == NULL);
}

/* ---- kern/cache.c ---- */

#define OBJECTS 500u

static struct cache cache, other_cache;

static void cache_make(void)
{
    cache_init(&cache, "test", 200, 64);
    cache_init(&other_cache, "other", 200, 64);
}

static void test_cache(void)
{
    static char *object[OBJECTS];

    cache_make();
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < OBJECTS; i++) {
            object[i] = i % 2 == 0 ? cache_alloc(&cache) : cache_alloc_zero(&cache);
            SIM_CHECK(object[i] != NULL && (uintptr_t)object[i] % 64 == 0);
            memset(object[i], 1, 200);
        }
        SIM_CHECK(cache_live(&cache) == OBJECTS && cache_pages(&cache) >= OBJECTS * 256 / HAL_PAGE_SIZE);
        for (unsigned i = 0; i < OBJECTS; i++)
            cache_free(&cache, object[(i * 7) % OBJECTS]);
        SIM_CHECK(cache_live(&cache) == 0);
    }
    uint64_t pages = cache_pages(&cache);
    SIM_CHECK(cache_reap() >= pages && cache_pages(&cache) == 0 && cache_reap() == 0);
}

static void test_kmem(void)
{
    static const size_t sizes[] = {1, 16, 17, 2048, 2049, 4096, 4097, 4u << 20};

    uint64_t before = vm_page_free_count();
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *memory = kmem_alloc_zero(sizes[i]);
        SIM_CHECK(memory != NULL && memory[0] == 0 && memory[sizes[i] - 1] == 0);
        memset(memory, 0xff, sizes[i]);
        kmem_free(memory, sizes[i]);
    }
    (void)cache_reap();
    SIM_CHECK(vm_page_free_count() >= before);
    /* limit: one block of the kernel's own memory */
    SIM_CHECK(kmem_alloc((4u << 20) + 1) == NULL && kmem_alloc_zero(SIZE_MAX) == NULL);
}

static void free_twice(void)
{
    cache_make();
    void *object = cache_alloc(&cache);
    cache_free(&cache, object);
    cache_free(&cache, object);
}

static void free_reaped(void)
{
    cache_make();
    void *object = cache_alloc(&cache);
    cache_free(&cache, object);
    SIM_CHECK(cache_reap() > 0);
    cache_free(&cache, object);
}

static void free_to_other_cache(void)
{
    cache_make();
    cache_free(&other_cache, cache_alloc(&cache));
}

static void free_inside(void)
{
    cache_make();
    cache_free(&cache, (char *)cache_alloc(&cache) + 64);
}

static void free_header(void)
{
    cache_make();
    cache_free(&cache, (void *)((uintptr_t)cache_alloc(&cache) & ~(uintptr_t)(HAL_PAGE_SIZE - 1)));
}

static void large_cache(void)
{
    cache_init(&cache, "large", 2049, 8);
}

/* ---- vm/vm_page.c ---- */

static void test_pages(void)
{
    static void *block[VM_PAGE_ORDER_MAX + 1];
    uint64_t before = vm_page_free_count(), taken = 0;

    for (unsigned order = 0; order <= VM_PAGE_ORDER_MAX; order++) {
        block[order] = vm_page_alloc_zero(order);
        SIM_CHECK(block[order] != NULL && (uintptr_t)block[order] % ((uintptr_t)HAL_PAGE_SIZE << order) == 0);
        taken += (uint64_t)1 << order;
    }
    SIM_CHECK(vm_page_free_count() == before - taken);
    for (unsigned order = 0; order <= VM_PAGE_ORDER_MAX; order++)
        vm_page_free(block[order], order);
    SIM_CHECK(vm_page_free_count() == before);
}

/* All pages, one by one, and back. */
static void test_all_pages(void)
{
    uint64_t before = vm_page_free_count(), count = 0;
    void *chain = NULL, *page;

    while ((page = vm_page_alloc(0)) != NULL) {
        *(void **)page = chain;
        chain = page;
        count++;
    }
    SIM_CHECK(count == before && vm_page_free_count() == 0 && vm_page_alloc(1) == NULL &&
              vm_page_alloc_zero(0) == NULL && kmem_alloc_zero(4096) == NULL);
    while (chain != NULL) {
        page = chain;
        chain = *(void **)page;
        vm_page_free(page, 0);
    }
    SIM_CHECK(vm_page_free_count() == before);
    page = vm_page_alloc(VM_PAGE_ORDER_MAX - 2); /* they merged, but for those that the CPU keeps */
    SIM_CHECK(page != NULL);
    vm_page_free(page, VM_PAGE_ORDER_MAX - 2);
}

/* Memory that is too small for its own page structures; more ranges than there is room for. */
static void test_ranges(void)
{
    uint64_t total = vm_page_total_count();
    void *memory = vm_page_alloc(VM_PAGE_ORDER_MAX);
    hal_pa_t base = hal_ptr_to_pa(memory);

    vm_page_add_range(base, 0);
    vm_page_add_range(base, HAL_PAGE_SIZE);
    SIM_CHECK(vm_page_total_count() == total);
    for (unsigned i = 0; i < 500; i++)
        vm_page_add_range(HAL_PA(base.addr + i * 2 * HAL_PAGE_SIZE), 2 * HAL_PAGE_SIZE);
    SIM_CHECK(vm_page_total_count() > total && vm_page_total_count() < total + 500);
}

static void page_free_twice(void)
{
    void *page = vm_page_alloc(0);

    vm_page_free(page, 0);
    vm_page_free(page, 0);
}

static void block_free_twice(void)
{
    void *block = vm_page_alloc(3);

    vm_page_free(block, 3);
    vm_page_free(block, 3);
}

static void block_free_other_order(void)
{
    vm_page_free(vm_page_alloc(3), 2);
}

static void page_free_foreign(void)
{
    vm_page_free(hal_pa_to_ptr(HAL_PA(0)), 0);
}

/* ---- vm/pmap.c ---- */

#define VA UINT64_C(0x12345000)

/* Store a byte at VA in the active address space, as the kernel does. */
static enum hal_status poke(char c)
{
    return hal_copyout(VA, &c, 1);
}

/* Another page in the place of one: what the TLB knew of the first is gone. */
static void test_pmap_replace(void)
{
    struct pmap *pmap = pmap_create(&ledger_kernel.memory);
    char *page[2] = {vm_page_alloc_zero(0), vm_page_alloc_zero(0)};

    SIM_CHECK(pmap != NULL && page[0] != NULL && page[1] != NULL);
    pmap_activate(pmap);
    SIM_CHECK(poke('a') == HAL_FAULT);
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(pmap_enter(pmap, VA, hal_ptr_to_pa(page[i]), VM_PROT_READ | VM_PROT_WRITE) == KERN_SUCCESS);
        SIM_CHECK(poke((char)('a' + i)) == HAL_OK && page[i][0] == 'a' + i &&
                  page[1][0] == (i == 0 ? 0 : 'b'));
    }
    SIM_CHECK(page[0][0] == 'a' && pmap_resident(pmap) == 1);

    SIM_CHECK(pmap_enter(pmap, VA, hal_ptr_to_pa(page[1]), VM_PROT_READ) == KERN_SUCCESS); /* less */
    SIM_CHECK(poke('c') == HAL_FAULT);
    SIM_CHECK(pmap_enter(pmap, VA, hal_ptr_to_pa(page[1]), VM_PROT_READ | VM_PROT_WRITE) ==
              KERN_SUCCESS); /* more */
    SIM_CHECK(poke('d') == HAL_OK && page[1][0] == 'd');
    pmap_remove(pmap, VA, VA + HAL_PAGE_SIZE);
    SIM_CHECK(poke('e') == HAL_FAULT && pmap_resident(pmap) == 0);
    pmap_deactivate();
    pmap_destroy(pmap);
}

/* ---- kern/spinlock.c ---- */

static spinlock_t low, high, same;

static void locks_make(void)
{
    spin_init(&low, LOCK_RANK_TASK);
    spin_init(&high, LOCK_RANK_PAGE);
    spin_init(&same, LOCK_RANK_TASK);
}

static void test_locks(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&low);
    SIM_CHECK(spin_held(&low) && !spin_held(&high));
    SIM_CHECK(spin_trylock(&same) && !spin_trylock(&same)); /* the same rank may be tried for */
    spin_lock(&high);
    spin_unlock(&low); /* any order */
    spin_unlock(&high);
    spin_unlock(&same);
    lock_assert_none();
}

static void lock_order(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&high);
    spin_lock(&low);
}

static void lock_same_rank(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&low);
    spin_lock(&same);
}

static void lock_twice(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&low);
    spin_lock(&low);
}

static void lock_too_many(void) NO_THREAD_SAFETY_ANALYSIS
{
    static spinlock_t locks[9];

    for (unsigned i = 0; i < 9; i++) {
        spin_init(&locks[i], LOCK_RANK_TASK);
        (void)spin_trylock(&locks[i]);
    }
}

static void lock_for_ever(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    low.held = 1;
    low.owner = 2;
    low.file = __FILE__;
    spin_lock(&low);
}

static void unlock_not_held(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_unlock(&low);
}

static void unlock_twice(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&low);
    spin_unlock(&low);
    spin_unlock(&low);
}

static void unlock_not_entered(void)
{
    lock_rank_leave(&low);
}

static void lock_left(void) NO_THREAD_SAFETY_ANALYSIS
{
    locks_make();
    spin_lock(&low);
    lock_assert_none();
}

/* ---- kern/panic.c ---- */

static void plain_panic(void)
{
    panic("reason %u", 42u);
}

static void trap_panic(void)
{
    static const char *const names[5] = {"a", "bb", "ccc", "d", "e"};
    struct hal_trap_frame frame = {
        .cause = "test", .code = 1, .pc = 0x1234, .address = 0x5678, .reg_count = 5, .reg_name = names};

    kern_trap_panic(&frame);
}

/* With as many registers as fill their lines. */
static void trap_panic_even(void)
{
    static const char *const names[4] = {"a", "bb", "ccc", "d"};
    struct hal_trap_frame frame = {.cause = "test", .reg_count = 4, .reg_name = names};

    kern_trap_panic(&frame);
}

static void contract_panic(void)
{
    kern_contract_panic("function", "clause");
}

/* More registers than a frame has room for. */
static void trap_panic_many(void)
{
    static const char *names[HAL_FRAME_REGS];
    struct hal_trap_frame frame = {.cause = "test", .reg_count = HAL_FRAME_REGS + 5, .reg_name = names};

    for (uint32_t i = 0; i < HAL_FRAME_REGS; i++)
        names[i] = "r";
    kern_trap_panic(&frame);
}

static void panic_in_kernel_thread(void)
{
    static struct thread thread = {.kernel = true, .name = "fiddler"};

    hal_cpu_self()->current = &thread;
    panic("out of tune");
}

static void panic_without_thread(void)
{
    hal_cpu_self()->current = NULL;
    panic("nobody is running");
}

/* ---- The table ---- */

static const struct test tests[] = {
    {test_conversions, "conversions of kprintf", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_short_buffers, "ksnprintf cuts", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_blocks, "copying, moving, filling, comparing", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_cmdline, "words of the command line", SIM_FAILED, UNIT_DONE, "one  two=2 three", 0},
    {test_symbols, "an address below all functions", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_runq, "run queue: order", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_timeouts, "timeouts: order, cancel", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_milliseconds, "milliseconds as ticks", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_kicks, "kicked threads while an interrupt waits", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_cache, "object cache: allocate, free, reap", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_kmem, "memory of any size", SIM_FAILED, UNIT_DONE, NULL, 0},
    {free_twice, "object freed twice", SIM_PANIC, "freed twice", NULL, 0},
    {free_reaped, "object freed twice, its page in between", SIM_PANIC, "is no object of it", NULL, 0},
    {free_to_other_cache, "object freed to another cache", SIM_PANIC, "is no object of it", NULL, 0},
    {free_inside, "pointer into an object freed", SIM_PANIC, "not the start of an object", NULL, 0},
    {free_header, "pointer before the objects freed", SIM_PANIC, "not the start of an object", NULL, 0},
    {large_cache, "an assertion: objects too large", SIM_PANIC, "assertion failed", NULL, 0},
    {test_pages, "blocks of pages of every order", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_all_pages, "every page", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_ranges, "ranges of memory: small ones, many", SIM_FAILED, UNIT_DONE, NULL, 0},
    {page_free_twice, "page freed twice", SIM_PANIC, "instead of state", NULL, 0},
    {block_free_twice, "block freed twice", SIM_PANIC, "freed with order", NULL, 0},
    {block_free_other_order, "block freed with another order", SIM_PANIC, "freed with order", NULL, 0},
    {page_free_foreign, "page freed that is none", SIM_PANIC, "is no page of it", NULL, 0},
    {test_pmap_replace, "page tables: replacing a page", SIM_FAILED, UNIT_DONE, NULL, 0},
    {test_locks, "locks", SIM_FAILED, UNIT_DONE, NULL, 0},
    {lock_order, "lock order", SIM_PANIC, "lock order: rank", NULL, 0},
    {lock_same_rank, "locks of one rank", SIM_PANIC, "lock order: rank", NULL, 0},
    {lock_twice, "lock taken twice", SIM_PANIC, "lock taken twice", NULL, 0},
    {lock_too_many, "too many locks", SIM_PANIC, "too many locks", NULL, 0},
    {lock_for_ever, "lock that is never released", SIM_PANIC, "held by CPU 1", NULL, 10000},
    {unlock_not_held, "unlock of a free lock", SIM_PANIC, "does not hold", NULL, 0},
    {unlock_twice, "unlock of a lock that was released", SIM_PANIC, "does not hold", NULL, 0},
    {unlock_not_entered, "leaving a rank not entered", SIM_PANIC, "does not hold", NULL, 0},
    {lock_left, "lock left behind", SIM_PANIC, "a lock is held", NULL, 0},
    {plain_panic, "panic", SIM_PANIC, "reason 42", NULL, 0},
    {trap_panic, "panic by a trap", SIM_PANIC, "test in the kernel", NULL, 0},
    {trap_panic_even, "panic by a trap, full lines", SIM_PANIC, "test in the kernel", NULL, 0},
    {trap_panic_many, "panic by a trap, too many registers", SIM_PANIC, "test in the kernel", NULL, 0},
    {panic_in_kernel_thread, "panic in a thread of the kernel", SIM_PANIC, "out of tune", NULL, 0},
    {contract_panic, "panic by a broken contract", SIM_PANIC, "precondition of function()", NULL, 0},
    {panic_without_thread, "panic without a thread", SIM_PANIC, "nobody is running", NULL, 0},
    {plain_panic, "panic that halts", SIM_STUCK, "", "panic=halt", 0},
};

int main(void)
{
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        run(&tests[i]);
    return unit_end();
}
