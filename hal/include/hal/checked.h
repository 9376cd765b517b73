/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contracts while running: in checked builds the name of a HAL function stands for one that tests PRE_ before the
 * call and POST_ after it (hal/types.h).  The same for every back end, and nothing in release builds.  The fast path is a
 * part of the back end (HAL_BACK_END) and is not tested: it has no stack to panic on.
 */
#ifndef HAL_CHECKED_H
#define HAL_CHECKED_H

#include <hal/hal.h>

#define HAL_CHECK(function, condition)                                                                       \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0))                                                               \
            kern_contract_panic(function, #condition);                                                       \
    } while (0)

/* --- console, CPUs, debugging, power --- */

static inline int checked_console_getc(void)
{
    int result = hal_console_getc();

    HAL_CHECK("hal_console_getc", POST_hal_console_getc(result));
    return result;
}
#define hal_console_getc checked_console_getc

static inline void checked_cpu_boot_set(struct cpu *self)
{
    HAL_CHECK("hal_cpu_boot_set", PRE_hal_cpu_boot_set(self));
    hal_cpu_boot_set(self);
}
#define hal_cpu_boot_set checked_cpu_boot_set

HAL_NODISCARD static inline enum hal_status checked_cpu_start(uint32_t index, struct cpu *self)
{
    HAL_CHECK("hal_cpu_start", PRE_hal_cpu_start(index, self));
    enum hal_status result = hal_cpu_start(index, self);
    HAL_CHECK("hal_cpu_start", POST_hal_cpu_start(result));
    return result;
}
#define hal_cpu_start checked_cpu_start

HAL_NORETURN static inline void checked_cpu_idle(void)
{
    HAL_CHECK("hal_cpu_idle", PRE_hal_cpu_idle());
    hal_cpu_idle();
}
#define hal_cpu_idle checked_cpu_idle

static inline bool checked_frame_next(uint64_t *fp, uint64_t *pc)
{
    HAL_CHECK("hal_frame_next", PRE_hal_frame_next(fp, pc));
    return hal_frame_next(fp, pc);
}
#define hal_frame_next checked_frame_next

/* --- interrupts and time --- */

static inline hal_irq_t checked_irq_claim(void)
{
    HAL_CHECK("hal_irq_claim", PRE_hal_irq_claim());
    hal_irq_t result = hal_irq_claim();
    HAL_CHECK("hal_irq_claim", POST_hal_irq_claim(result));
    HAL_CONTRACT->claimed = result != HAL_IRQ_NONE;
    HAL_CONTRACT->irq = result;
    return result;
}
#define hal_irq_claim checked_irq_claim

static inline void checked_irq_complete(hal_irq_t irq)
{
    HAL_CHECK("hal_irq_complete", PRE_hal_irq_complete(irq));
    HAL_CONTRACT->claimed = false;
    hal_irq_complete(irq);
}
#define hal_irq_complete checked_irq_complete

static inline void checked_irq_enable(hal_irq_t irq, bool enable)
{
    HAL_CHECK("hal_irq_enable", PRE_hal_irq_enable(irq));
    hal_irq_enable(irq, enable);
}
#define hal_irq_enable checked_irq_enable

HAL_NODISCARD static inline enum hal_status checked_irq_route(hal_irq_t irq, enum hal_irq_mode mode,
                                                              uint32_t cpu)
{
    HAL_CHECK("hal_irq_route", PRE_hal_irq_route(irq, cpu));
    enum hal_status result = hal_irq_route(irq, mode, cpu);
    HAL_CHECK("hal_irq_route", POST_hal_irq_route(result));
    return result;
}
#define hal_irq_route checked_irq_route

static inline void checked_ipi_send(uint32_t index)
{
    HAL_CHECK("hal_ipi_send", PRE_hal_ipi_send(index));
    hal_ipi_send(index);
}
#define hal_ipi_send checked_ipi_send

static inline hal_ticks_t checked_time_now(void)
{
    hal_ticks_t result = hal_time_now();

    HAL_CHECK("hal_time_now", POST_hal_time_now(result, HAL_CONTRACT->now));
    HAL_CONTRACT->now = result;
    return result;
}
#define hal_time_now checked_time_now

/* --- page tables --- */

static inline enum hal_pte_kind checked_pte_kind(hal_pte_t pte, unsigned level)
{
    HAL_CHECK("hal_pte_kind", PRE_hal_pte_kind(pte, level));
    return hal_pte_kind(pte, level);
}

static inline hal_pa_t checked_pte_addr(hal_pte_t pte, unsigned level)
{
    HAL_CHECK("hal_pte_addr", PRE_hal_pte_addr(pte, level));
    return hal_pte_addr(pte, level);
}

static inline unsigned checked_pte_attr(hal_pte_t pte, unsigned level)
{
    HAL_CHECK("hal_pte_attr", PRE_hal_pte_attr(pte, level));
    return hal_pte_attr(pte, level);
}

static inline hal_pte_t checked_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    HAL_CHECK("hal_pte_leaf", PRE_hal_pte_leaf(pa, attr, level));
    hal_pte_t result = hal_pte_leaf(pa, attr, level);
    HAL_CHECK("hal_pte_leaf", POST_hal_pte_leaf(result, pa, attr, level));
    return result;
}

static inline hal_pte_t checked_pte_table(hal_pa_t pa, unsigned level)
{
    HAL_CHECK("hal_pte_table", PRE_hal_pte_table(pa, level));
    hal_pte_t result = hal_pte_table(pa, level);
    HAL_CHECK("hal_pte_table", POST_hal_pte_table(result, pa, level));
    return result;
}
/* Renamed last: the predicates use them. */
#define hal_pte_kind(pte, level) checked_pte_kind(pte, level) /* the enum keeps its name */
#define hal_pte_addr checked_pte_addr
#define hal_pte_attr checked_pte_attr
#define hal_pte_leaf checked_pte_leaf
#define hal_pte_table checked_pte_table

static inline void checked_pt_init_root(hal_pa_t root)
{
    HAL_CHECK("hal_pt_init_root", PRE_hal_pt_init_root(root));
    hal_pt_init_root(root);
}
#define hal_pt_init_root checked_pt_init_root

static inline uint64_t checked_pt_token(hal_pa_t root, hal_asid_t asid)
{
    HAL_CHECK("hal_pt_token", PRE_hal_pt_token(root, asid));
    uint64_t result = hal_pt_token(root, asid);
    HAL_CHECK("hal_pt_token", POST_hal_pt_token(result));
    return result;
}
#define hal_pt_token checked_pt_token

static inline void checked_pt_activate(uint64_t token)
{
    HAL_CHECK("hal_pt_activate", PRE_hal_pt_activate(token));
    hal_pt_activate(token);
}
#define hal_pt_activate checked_pt_activate

static inline void checked_pt_publish(hal_va_t va)
{
    HAL_CHECK("hal_pt_publish", PRE_hal_pt_publish(va));
    hal_pt_publish(va);
}
#define hal_pt_publish checked_pt_publish

static inline void checked_tlb_flush_page(hal_asid_t asid, hal_va_t va)
{
    HAL_CHECK("hal_tlb_flush_page", PRE_hal_tlb_flush_page(asid, va));
    hal_tlb_flush_page(asid, va);
}
#define hal_tlb_flush_page checked_tlb_flush_page

static inline void checked_tlb_flush_asid(hal_asid_t asid)
{
    HAL_CHECK("hal_tlb_flush_asid", PRE_hal_tlb_flush_asid(asid));
    hal_tlb_flush_asid(asid);
}
#define hal_tlb_flush_asid checked_tlb_flush_asid

static inline void checked_icache_sync(const void *p, size_t n)
{
    HAL_CHECK("hal_icache_sync", PRE_hal_icache_sync(p, n));
    hal_icache_sync(p, n);
}
#define hal_icache_sync checked_icache_sync

/* --- user contexts, vector state, user memory --- */

static inline void checked_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg)
{
    HAL_CHECK("hal_uctx_init", PRE_hal_uctx_init(u));
    hal_uctx_init(u, pc, sp, tls, arg);
}
#define hal_uctx_init checked_uctx_init

static inline uint64_t checked_uctx_arg(const struct uctx *u, unsigned i)
{
    HAL_CHECK("hal_uctx_arg", PRE_hal_uctx_arg(u, i));
    return hal_uctx_arg(u, i);
}
#define hal_uctx_arg checked_uctx_arg

static inline void checked_uctx_set_result(struct uctx *u, uint64_t value)
{
    HAL_CHECK("hal_uctx_set_result", PRE_hal_uctx_set_result(u));
    hal_uctx_set_result(u, value);
}
#define hal_uctx_set_result checked_uctx_set_result

static inline void checked_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m)
{
    HAL_CHECK("hal_uctx_get_rpc", PRE_hal_uctx_get_rpc(u));
    hal_uctx_get_rpc(u, m);
}
#define hal_uctx_get_rpc checked_uctx_get_rpc

static inline void checked_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result)
{
    HAL_CHECK("hal_uctx_set_rpc", PRE_hal_uctx_set_rpc(u));
    hal_uctx_set_rpc(u, m, result);
}
#define hal_uctx_set_rpc checked_uctx_set_rpc

static inline void checked_uctx_restart(struct uctx *u)
{
    HAL_CHECK("hal_uctx_restart", PRE_hal_uctx_restart(u));
    hal_uctx_restart(u);
}
#define hal_uctx_restart checked_uctx_restart

HAL_NODISCARD static inline enum hal_status checked_uctx_set_tls(struct uctx *u, hal_va_t tls)
{
    enum hal_status result = hal_uctx_set_tls(u, tls);

    HAL_CHECK("hal_uctx_set_tls", POST_hal_uctx_set_tls(result));
    return result;
}
#define hal_uctx_set_tls checked_uctx_set_tls

HAL_NODISCARD static inline kern_return_t checked_uctx_get_state(const struct uctx *u, int flavor,
                                                                 uint32_t *state, uint32_t *count)
{
    uint32_t capacity = *count;
    kern_return_t result = hal_uctx_get_state(u, flavor, state, count);

    HAL_CHECK("hal_uctx_get_state", POST_hal_uctx_get_state(result, count, capacity));
    return result;
}
#define hal_uctx_get_state checked_uctx_get_state

HAL_NODISCARD static inline kern_return_t checked_uctx_set_state(struct uctx *u, int flavor,
                                                                 const uint32_t *state, uint32_t count)
{
    kern_return_t result = hal_uctx_set_state(u, flavor, state, count);

    HAL_CHECK("hal_uctx_set_state", POST_hal_uctx_set_state(result, u));
    return result;
}
#define hal_uctx_set_state checked_uctx_set_state

static inline void checked_fpu_init(void *area)
{
    HAL_CHECK("hal_fpu_init", PRE_hal_fpu_init(area));
    hal_fpu_init(area);
}
#define hal_fpu_init checked_fpu_init

static inline void checked_fpu_load(const void *area)
{
    HAL_CHECK("hal_fpu_load", PRE_hal_fpu_load(area));
    hal_fpu_load(area);
}
#define hal_fpu_load checked_fpu_load

static inline void checked_fpu_save(void *area)
{
    HAL_CHECK("hal_fpu_save", PRE_hal_fpu_save(area));
    hal_fpu_save(area);
}
#define hal_fpu_save checked_fpu_save

HAL_NODISCARD static inline enum hal_status checked_copyin(void *dst, hal_va_t src, size_t n)
{
    HAL_CHECK("hal_copyin", PRE_hal_copyin(dst, src, n));
    enum hal_status result = hal_copyin(dst, src, n);
    HAL_CHECK("hal_copyin", POST_hal_copyin(result));
    return result;
}
#define hal_copyin checked_copyin

HAL_NODISCARD static inline enum hal_status checked_copyout(hal_va_t dst, const void *src, size_t n)
{
    HAL_CHECK("hal_copyout", PRE_hal_copyout(dst, src, n));
    enum hal_status result = hal_copyout(dst, src, n);
    HAL_CHECK("hal_copyout", POST_hal_copyout(result));
    return result;
}
#define hal_copyout checked_copyout

#endif
