/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do the contracts of the HAL contradict one another?  Calls every function whose result or state a contract describes,
 * one after the other, within its precondition.  False may not follow: the check must stay unproved.
 */
#include <hal/hal.h>

/*@ requires \valid(u) && \valid(m) && \valid(self) && \valid(pc) && \valid(sp) && \valid(state + (0 .. *count - 1));
    requires \valid(count) && \separated(u, m, self, pc, sp, count, state + (0 .. *count - 1), &hal_info, HAL_CONTRACT);
    requires HAL_UCTX_CALL(u) && !HAL_CONTRACT->claimed && hal_info.cpu_count == 2 && hal_info.asid_bits == 8;
    requires hal_info.mem_limit.addr == 0x100000 && hal_info.user_base == 0x1000 && hal_info.user_limit == 0x2000;
    requires hal_info.irq_count == 8; */
void probe_hal(struct uctx *u, struct hal_rpc *m, struct cpu *self, hal_va_t *pc, hal_va_t *sp,
               uint32_t *state, uint32_t *count)
{
    (void)hal_console_getc();
    (void)hal_cpu_self();
    (void)hal_cpu_start(1, self);
    (void)hal_frame_next(pc, sp);
    hal_irq_t irq = hal_irq_claim();
    if (irq != HAL_IRQ_NONE)
        hal_irq_complete(irq);
    hal_irq_enable(0, true);
    (void)hal_irq_route(0, HAL_IRQ_LEVEL, 1);
    hal_ipi_send(1);
    (void)hal_time_now();
    hal_pte_t leaf = hal_pte_leaf(HAL_PA(0x2000), HAL_ATTR_R, 0);
    if (hal_pte_kind(leaf, 0) == HAL_PTE_LEAF)
        (void)hal_pte_attr(leaf, 0);
    (void)hal_pte_addr(leaf, 0);
    (void)hal_pte_kind(hal_pte_table(HAL_PA(0x1000), 1), 1);
    hal_pt_init_root(HAL_PA(0x1000));
    hal_pt_activate(hal_pt_token(HAL_PA(0x1000), 1));
    hal_pt_publish(0x1000);
    hal_tlb_flush_page(1, 0x1000);
    hal_tlb_flush_asid(HAL_ASID_ALL);
    (void)hal_uctx_arg(u, 1);
    hal_uctx_get_rpc(u, m);
    hal_uctx_set_rpc(u, m, 0);
    hal_uctx_restart(u);
    hal_uctx_set_result(u, 0);
    (void)hal_uctx_set_tls(u, 0);
    hal_uctx_where(u, pc, sp);
    (void)hal_uctx_get_state(u, 1, state, count);
    (void)hal_uctx_set_state(u, 1, state, *count);
    hal_uctx_init(u, 0, 0, 0, 0);
    /*@ check contradiction: \false; */
}
