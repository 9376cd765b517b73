/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken preconditions: checked builds catch them.  Without checks there is nothing to see, and the cases are skipped. */
#include "test.h"

#ifdef KERN_CHECKED
#define CHECKED true
#else
#define CHECKED false
#endif

static void expect_caught(void (*function)(uint64_t arg), uint64_t arg)
{
    if (CHECKED)
        EXPECT_EQ(test_panics(function, arg, NULL), TEST_CONTRACT_PANIC);
    else
        test_skip("a build without checks");
}

static void restart_call(uint64_t arg)
{
    hal_uctx_restart((struct uctx *)(uintptr_t)arg);
}

static void restart_full(void)
{
    expect_caught(restart_call, (uint64_t)(uintptr_t)test_thread(0, user_break, 0));
}

static void restart_result(void)
{
    struct uctx *u = test_thread(0, user_trap_loop, 0);

    (void)test_resume_through_interrupts(u);
    hal_uctx_restart(u);
    (void)test_resume_through_interrupts(u);
    struct hal_rpc m = {0};
    hal_uctx_set_rpc(u, &m, 0);
    hal_uctx_set_result(u, 0);
    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
}

static void copyin_call(uint64_t src)
{
    uint64_t word;

    (void)hal_copyin(&word, src, sizeof word);
}

static void copyin_range(void)
{
    expect_caught(copyin_call, 0);
    expect_caught(copyin_call, MACHINE_KERNEL_VA);
    expect_caught(copyin_call, hal_info.user_limit - 7);
    expect_caught(copyin_call, UINT64_MAX - 3);
}

static void copyout_call(uint64_t dst)
{
    uint64_t word = 0;

    (void)hal_copyout(dst, &word, sizeof word);
}

static void copyout_range(void)
{
    expect_caught(copyout_call, 0);
    expect_caught(copyout_call, MACHINE_KERNEL_VA);
    expect_caught(copyout_call, hal_info.user_limit - 7);
    expect_caught(copyout_call, UINT64_MAX - 3);
}

static void complete_call(uint64_t irq)
{
    hal_irq_complete((hal_irq_t)irq);
}

static void complete_none(void)
{
    expect_caught(complete_call, HAL_IRQ_NONE);
}

static void enable_call(uint64_t irq)
{
    hal_irq_enable((hal_irq_t)irq, true);
}

static void enable_range(void)
{
    expect_caught(enable_call, HAL_IRQ_MAX);
}

static void route_call(uint64_t irq)
{
    (void)hal_irq_route((hal_irq_t)irq, HAL_IRQ_LEVEL, 0);
}

static void route_cpu_call(uint64_t cpu)
{
    (void)hal_irq_route(MACHINE_LINE, HAL_IRQ_LEVEL, (uint32_t)cpu);
}

static void route_range(void)
{
    expect_caught(route_call, HAL_IRQ_MAX);
    expect_caught(route_cpu_call, HAL_CPU_MAX);
}

static void ipi_call(uint64_t index)
{
    hal_ipi_send((uint32_t)index);
}

static void ipi_range(void)
{
    expect_caught(ipi_call, HAL_CPU_MAX);
    expect_caught(ipi_call, hal_info.cpu_count);
}

static void start_call(uint64_t index)
{
    (void)hal_cpu_start((uint32_t)index, test_cpu_structure(0));
}

static void start_range(void)
{
    expect_caught(start_call, 0);
    expect_caught(start_call, hal_info.cpu_count);
}

static void root_call(uint64_t addr)
{
    hal_pt_init_root(HAL_PA(addr));
}

static void root_aligned(void)
{
    expect_caught(root_call, test_page().addr + 8);
}

static void icache_call(uint64_t n)
{
    hal_icache_sync(machine_user_begin, n);
}

static void icache_nothing(void)
{
    expect_caught(icache_call, 0);
}

static void asid_call(uint64_t asid)
{
    hal_tlb_flush_page((hal_asid_t)asid, TEST_HOLE);
}

static void asid_range(void)
{
    if (hal_info.asid_bits == 16) {
        test_skip("every value is an ASID");
        return;
    }
    expect_caught(asid_call, UINT64_C(1) << hal_info.asid_bits);
}

static uint8_t area[HAL_PAGE_SIZE] __attribute__((aligned(64)));

static void load_call(uint64_t arg)
{
    (void)arg;
    hal_fpu_load(area);
}

static void load_twice(void)
{
    hal_fpu_init(area);
    hal_fpu_load(area);
    expect_caught(load_call, 0);
    hal_fpu_save(NULL);
}

static void save_call(uint64_t arg)
{
    (void)arg;
    hal_fpu_save(area);
}

static void save_disabled(void)
{
    expect_caught(save_call, 0);
}

static const struct test_case cases[] = {
    {"kern_contract_panic", "hal_uctx_restart() of a full frame", restart_full},
    {"hal_uctx_restart", "a call frame may be restarted, answered, and trap again", restart_result},
    {"kern_contract_panic", "hal_copyin() outside of user space", copyin_range},
    {"kern_contract_panic", "hal_copyout() outside of user space", copyout_range},
    {"kern_contract_panic", "hal_irq_complete() of HAL_IRQ_NONE", complete_none},
    {"kern_contract_panic", "hal_irq_enable() of no line", enable_range},
    {"kern_contract_panic", "hal_irq_route() of no line, to no CPU", route_range},
    {"kern_contract_panic", "hal_ipi_send() to no CPU", ipi_range},
    {"kern_contract_panic", "hal_cpu_start() of the boot CPU, of no CPU", start_range},
    {"kern_contract_panic", "hal_pt_init_root() of no page", root_aligned},
    {"kern_contract_panic", "hal_icache_sync() of nothing", icache_nothing},
    {"kern_contract_panic", "hal_tlb_flush_page() of no ASID", asid_range},
    {"kern_contract_panic", "hal_fpu_load() while enabled", load_twice},
    {"kern_contract_panic", "hal_fpu_save() while disabled", save_disabled},
};
TEST_GROUP(test_contract, "contract", cases);
