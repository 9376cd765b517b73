/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The upcalls, and how cases get to see them as results of a call.
 *
 * Each CPU has a stack of its own for cases.  An upcall, on the CPU's stack, leaves its event in struct test_processor and
 * switches to the case; the case asks to resume a context, or to idle, by switching back, and the upcall does so.
 *
 * Panics that a case expects are taken on one more stack and abandoned there.
 */
#include "test.h"

#define STACK_WORDS 2048u

struct stack {
    uint64_t word[STACK_WORDS] __attribute__((aligned(16)));
};

struct test_processor {
    struct cpu cpu; /* first: hal_cpu_self() */
    struct test_event event;
    struct uctx *next; /* what the upcall resumes; NULL: idle */
    void (*on_stack)(void);
    test_filter_t filter;
    uint64_t case_sp, upcall_sp;
    uint64_t entry_frame[TEST_KINDS];
    uint64_t upcalls, upcalls_bad;

    /* a job for another CPU: `job` is set last by the boot CPU and cleared last by the other one */
    void (*job)(void *arg);
    void *job_arg;

    /* an expected panic */
    bool expecting;
    enum test_panic panic;
    struct hal_trap_frame frame;
    void (*panicking)(uint64_t arg);
    uint64_t panicking_arg;
    uint64_t expecting_sp;
    uint64_t report_sp; /* where the first fault of the kernel was reported; 0: none was */

    struct test_right right;
    struct test_start start;
    struct stack stack, panic_stack;
} __attribute__((aligned(64)));

static struct test_processor processors[TEST_CPU_MAX];
struct test_boot test_boot;

static struct test_processor *self(void)
{
    return (struct test_processor *)hal_cpu_self();
}

uint32_t test_cpu_index(void)
{
    return (uint32_t)(self() - processors);
}

struct cpu *test_cpu_structure(uint32_t index)
{
    return &processors[index].cpu;
}

const struct test_start *test_cpu_started(uint32_t index)
{
    return &processors[index].start;
}

uint32_t test_cpu_count(void)
{
    return hal_info.cpu_count < TEST_CPU_MAX ? hal_info.cpu_count : TEST_CPU_MAX;
}

uint64_t test_upcalls(void)
{
    return self()->upcalls;
}

uint64_t test_cpu_upcalls(uint32_t index)
{
    return __atomic_load_n(&processors[index].upcalls, __ATOMIC_RELAXED);
}

uint64_t test_upcalls_bad(void)
{
    return self()->upcalls_bad;
}

/* ---- Between upcalls and cases ---- */

/* sp of a stack on which machine_switch() enters `function`. */
static uint64_t stack_prepare(uint64_t top, void (*function)(void))
{
    uint64_t *frame = (uint64_t *)(uintptr_t)(top - MACHINE_FRAME_WORDS * sizeof(uint64_t));

    for (unsigned i = 0; i < MACHINE_FRAME_WORDS; i++)
        frame[i] = 0;
    frame[MACHINE_FRAME_PC] = (uint64_t)(uintptr_t)function;
    return (uint64_t)(uintptr_t)frame;
}

static uint64_t stack_top(struct stack *stack)
{
    return (uint64_t)(uintptr_t)(stack + 1);
}

/* On the CPU's stack: hand over to the case until it wants user code to run. */
static struct uctx *case_run(struct test_processor *p)
{
    for (;;) {
        machine_switch(&p->upcall_sp, p->case_sp);
        if (p->on_stack == NULL)
            break;
        p->on_stack();
        p->on_stack = NULL;
    }
    if (p->next == NULL)
        hal_cpu_idle();
    return p->next;
}

#define DECODE_BYTES 512u /* of stack that a back end may use to find out what a fault was */

/*
 * Every upcall of one kind begins at the same place of the CPU's stack, masked, with the kernel's own state.  `frame`:
 * frame address of the upcall.
 */
static void entry_check(struct test_processor *p, enum test_kind kind, uint64_t frame)
{
    uint64_t slack = kind == TEST_TRAP || kind == TEST_INTERRUPT ? 0 : DECODE_BYTES;

    if (p->entry_frame[kind] == 0)
        p->entry_frame[kind] = frame;
    p->upcalls++;
    if (frame - p->entry_frame[kind] + slack > 2 * slack || !machine_entry_good())
        p->upcalls_bad++;
}

static struct uctx *upcall(const struct test_event *event, uint64_t frame)
{
    struct test_processor *p = self();

    entry_check(p, event->kind, frame);
    if (p->filter != NULL) {
        struct uctx *u = p->filter(event);
        if (u != NULL)
            return u;
    }
    p->event = *event;
    return case_run(p);
}

#define FRAME ((uint64_t)(uintptr_t)__builtin_frame_address(0))

/* The case of a CPU that has none: idle until a job comes. */
static void job_loop(void)
{
    struct test_processor *p = self();

    for (;;) {
        void (*job)(void *arg) = __atomic_load_n(&p->job, __ATOMIC_ACQUIRE);
        if (job != NULL) {
            job(p->job_arg);
            __atomic_store_n(&p->job, NULL, __ATOMIC_RELEASE);
        } else {
            (void)test_idle_wait();
            (void)test_drain();
        }
    }
}

struct uctx *kern_boot(const struct hal_info *info)
{
    struct test_processor *p = &processors[0];

    test_boot = (struct test_boot){.info = info, .early_self = hal_cpu_self()};
    hal_cpu_boot_set(&p->cpu);
    entry_check(p, TEST_BOOT, FRAME);
    p->case_sp = stack_prepare(stack_top(&p->stack), test_main);
    return case_run(p);
}

struct uctx *kern_cpu_main(struct cpu *cpu)
{
    struct test_processor *p = (struct test_processor *)cpu;

    p->start.mains++;
    p->start.self_passed = p >= processors && p < processors + TEST_CPU_MAX;
    p->start.self_answered = hal_cpu_self() == cpu;
    entry_check(p, TEST_CPU_MAIN, FRAME);
    p->case_sp = stack_prepare(stack_top(&p->stack), job_loop);
    return case_run(p);
}

struct uctx *kern_syscall(struct uctx *u, uint64_t number)
{
    return upcall(&(struct test_event){.kind = TEST_TRAP, .u = u, .number = number}, FRAME);
}

uint64_t kern_message_right(struct uctx *u, unsigned step)
{
    struct test_processor *p = self();

    p->right.u[step] = u;
    p->right.asked[step]++;
    return step == HAL_RIGHT_BEGIN && p->right.goes;
}

struct test_right *test_right(void)
{
    return &self()->right;
}

struct uctx *kern_page_fault(struct uctx *u, hal_va_t va, unsigned access)
{
    return upcall(&(struct test_event){.kind = TEST_PAGE_FAULT, .u = u, .va = va, .access = access}, FRAME);
}

struct uctx *kern_exception(struct uctx *u, int exception, int64_t code, int64_t subcode)
{
    return upcall(
        &(struct test_event){
            .kind = TEST_EXCEPTION, .u = u, .exception = exception, .code = code, .subcode = subcode},
        FRAME);
}

struct uctx *kern_fpu_fault(struct uctx *u)
{
    return upcall(&(struct test_event){.kind = TEST_FPU_FAULT, .u = u}, FRAME);
}

struct uctx *kern_interrupt(struct uctx *u)
{
    return upcall(&(struct test_event){.kind = TEST_INTERRUPT, .u = u}, FRAME);
}

struct test_event test_resume(struct uctx *u)
{
    struct test_processor *p = self();

    p->next = u;
    machine_switch(&p->case_sp, p->upcall_sp);
    return self()->event;
}

struct test_event test_idle_wait(void)
{
    return test_resume(NULL);
}

void test_filter(test_filter_t filter)
{
    self()->filter = filter;
}

void test_on_cpu_stack(void (*function)(void))
{
    struct test_processor *p = self();

    p->on_stack = function;
    machine_switch(&p->case_sp, p->upcall_sp);
}

/* ---- Other CPUs ---- */

void test_cpus_start(void)
{
    for (uint32_t i = 1; i < test_cpu_count(); i++) {
        processors[i].start.status = hal_cpu_start(i, &processors[i].cpu);
        hal_ticks_t end = hal_time_now() + test_ticks(2000000);
        while (__atomic_load_n(&processors[i].case_sp, __ATOMIC_ACQUIRE) == 0 && hal_time_now() < end)
            hal_cpu_pause();
        if (hal_time_now() >= end)
            test_bail_out("hal_cpu_start: CPU %u does not come up", i);
    }
}

void test_cpu_begin(uint32_t index, void (*function)(void *arg), void *arg)
{
    struct test_processor *p = &processors[index];

    p->job_arg = arg;
    __atomic_store_n(&p->job, function, __ATOMIC_RELEASE);
    hal_ipi_send(index);
}

void test_cpu_wait(uint32_t index)
{
    while (__atomic_load_n(&processors[index].job, __ATOMIC_ACQUIRE) != NULL)
        hal_cpu_pause();
}

void test_cpu_run(uint32_t index, void (*function)(void *arg), void *arg)
{
    test_cpu_begin(index, function, arg);
    test_cpu_wait(index);
}

/* ---- Panics ---- */

static void panicking_run(void)
{
    struct test_processor *p = self();

    p->panicking(p->panicking_arg);
    p->panic = TEST_NO_PANIC;
    machine_switch(&p->upcall_sp, p->expecting_sp);
}

enum test_panic test_panics(void (*function)(uint64_t arg), uint64_t arg, struct hal_trap_frame *frame)
{
    struct test_processor *p = self();
    uint64_t upcall_sp = p->upcall_sp;
    /*
     * A back end may keep one stack for the faults of a kernel whose days are numbered: what runs on after the first
     * report must stay on it.
     */
    uint64_t top = p->report_sp != 0 ? p->report_sp : stack_top(&p->panic_stack);

    p->panicking = function;
    p->panicking_arg = arg;
    p->expecting = true;
    machine_switch(&p->expecting_sp, stack_prepare(top, panicking_run));
    if (p->panic == TEST_TRAP_PANIC)
        machine_panic_over();
    p->expecting = false;
    p->upcall_sp = upcall_sp;
    if (frame != NULL)
        *frame = p->frame;
    return p->panic;
}

static void panic_return(struct test_processor *p, enum test_panic panic)
{
    uint64_t abandoned;

    p->panic = panic;
    machine_switch(&abandoned, p->expecting_sp);
}

void kern_trap_panic(const struct hal_trap_frame *frame)
{
    struct test_processor *p = self();

    if (p->expecting) {
        p->frame = *frame;
        if (p->report_sp == 0)
            p->report_sp = FRAME & ~UINT64_C(15);
        panic_return(p, TEST_TRAP_PANIC);
    }
    test_bail_out("CPU %u: %s in the kernel: code 0x%lx, pc 0x%lx, sp 0x%lx, address 0x%lx", test_cpu_index(),
                  frame->cause, frame->code, frame->pc, frame->sp, frame->address);
}

#ifdef KERN_CHECKED
void kern_contract_panic(const char *function, const char *clause)
{
    struct test_processor *p = self();

    if (p->expecting)
        panic_return(p, TEST_CONTRACT_PANIC);
    test_bail_out("CPU %u: precondition of %s() does not hold: %s", test_cpu_index(), function, clause);
}
#endif
