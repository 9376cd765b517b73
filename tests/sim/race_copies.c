/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_vm_copy and mach_vm_write of so many bytes that they are written in parts, while the thread that asked for it is ended, its task
 * or the one that is written to goes, or part of the memory does.  A call that comes back has written what was there at first, or
 * says why not; no copy is left (the audit, and the memory at the end).
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#define ROUNDS 12u
#define QUIET_EVERY 5u
#define PATIENCE_MS 1000u
#define PART ((mach_vm_size_t)1 << 20) /* what is written in one go */
#define SIZE (3 * PART + 5)
#define MARKS 24u /* words of the source that are not 0 */
#define MARK_STEP (SIZE / MARKS & ~(mach_vm_size_t)7)
#define SHIFT 4099u /* how far the ranges of a copy are apart */

enum trick { NONE, END_CALLER, END_TARGET, REMOVE, TRICKS };

static struct {
    mach_port_name_t target; /* in the caller's names */
    mach_vm_address_t base;  /* there */
    mach_vm_address_t data;  /* in the caller */
    bool write;              /* else copy */
    bool begun, ended;
    kern_return_t result;
} r;

static uint64_t mark(uint64_t i)
{
    return 0x1234567 * (i + 1);
}

static void caller(uint64_t unused)
{
    (void)unused;
    if (r.write) {
        SIM_CHECK(mach_vm_allocate(mach_task_self(), &r.data, SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
        for (uint64_t i = 0; i < MARKS; i++)
            sim_store64(r.data + i * MARK_STEP, mark(i));
    }
    __atomic_store_n(&r.begun, true, __ATOMIC_RELEASE);
    r.result = r.write ? mach_vm_write(r.target, r.base + SHIFT, r.data, SIZE)
                       : mach_vm_copy(r.target, r.base, SIZE, r.base + SHIFT);
    __atomic_store_n(&r.ended, true, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* Wait, but not for ever: a caller that was ended does not come back. */
static void await(const bool *flag, uint32_t ms)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE) && ms-- > 0)
        user_sleep(1);
}

static void check(mach_port_t target)
{
    for (uint64_t i = 0; i < MARKS; i++) {
        uint64_t word = 0;
        mach_msg_type_number_t count = sizeof(word);
        SIM_CHECK(mach_vm_read_inband(target, r.base + SHIFT + i * MARK_STEP, sizeof(word),
                                      (unsigned char *)&word, &count) == KERN_SUCCESS);
        SIM_CHECK(word == mark(i));
    }
}

static void marks_write(mach_port_t target)
{
    for (uint64_t i = 0; i < MARKS; i++) {
        uint64_t word = mark(i);
        SIM_CHECK(mach_vm_write_inband(target, r.base + i * MARK_STEP, (unsigned char *)&word,
                                       sizeof(word)) == KERN_SUCCESS);
    }
}

static void disturb(enum trick trick, mach_port_t caller_task, mach_port_t target)
{
    for (uint64_t i = sim_random() % 40; i > 0; i--)
        user_yield();
    if (trick == END_CALLER)
        SIM_CHECK(task_terminate(caller_task) == KERN_SUCCESS);
    else if (trick == END_TARGET)
        SIM_CHECK(task_terminate(target) == KERN_SUCCESS);
    else if (trick == REMOVE)
        SIM_CHECK(mach_vm_deallocate(target, r.base + 2 * PART, PART) == KERN_SUCCESS);
}

static void round_run(enum trick trick, bool write)
{
    mach_port_t caller_task, target;

    r.write = write;
    r.begun = r.ended = false;
    r.target = (mach_port_name_t)0x4101;
    r.base = 0;
    SIM_CHECK(task_create(mach_task_self(), FALSE, &caller_task) == KERN_SUCCESS);
    SIM_CHECK(task_create(mach_task_self(), FALSE, &target) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_allocate(target, &r.base, SIZE + 2 * PART, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(caller_task, r.target, target, MACH_MSG_TYPE_COPY_SEND) == KERN_SUCCESS);
    if (!write)
        marks_write(target);
    SIM_CHECK(user_thread_start(caller_task, caller, 0, NULL) == KERN_SUCCESS);
    await(&r.begun, PATIENCE_MS);
    disturb(trick, caller_task, target);
    await(&r.ended, trick == END_CALLER ? 3 : PATIENCE_MS);
    if (trick != END_CALLER) {
        SIM_CHECK(r.ended && (r.result == KERN_SUCCESS || trick != NONE));
        if (r.result == KERN_SUCCESS && trick == NONE)
            check(target);
        SIM_CHECK(task_terminate(caller_task) == KERN_SUCCESS);
    }
    if (trick != END_TARGET)
        SIM_CHECK(task_terminate(target) == KERN_SUCCESS);
    SIM_CHECK(mach_port_deallocate(mach_task_self(), caller_task) == KERN_SUCCESS);
    SIM_CHECK(mach_port_deallocate(mach_task_self(), target) == KERN_SUCCESS);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);

    property_counts_begin();
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_run((enum trick)(i % TRICKS), i / TRICKS % 2 != 0);
    property_counts_end();
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "copies", .program = first_program, .configure = configure}};

    return driver_main(argc, argv, table, 1);
}
