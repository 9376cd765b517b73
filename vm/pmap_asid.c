/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address-space identifiers, and the switch between address spaces.
 *
 * ASIDs are handed out in order, each once per generation.  When they run out, a new generation begins
 * (rollover):
 *   1. The tokens of all pmaps become 0.
 *   2. By smp_call(), every CPU reports the pmap that it has active, and flushes its TLB.
 *   3. Those pmaps keep their ASIDs and get their tokens back; all other ASIDs may be handed out again.
 *
 * Why that is safe against a CPU that has just read a token, in pmap_activate() or on the IPC fast path,
 * which holds no lock: from the load of the token to the stores that make the address space active
 * (hal_pt_activate() and cpu->pmap) such a CPU neither spins nor leaves the kernel, so it does not serve a
 * call in between.  When it serves the call of step 2, its cpu->pmap is the pmap whose ASID it really uses,
 * whether the token was cleared before or after it was read; that ASID is kept.  After the call it finds only
 * tokens of 0 and waits in pmap_activate() for asid_lock until step 3 is done. A pmap can't vanish meanwhile:
 * pmap_asid_remove() needs asid_lock.
 *
 * pmap->cpus holds every CPU that ever activated the pmap.  Bits are set before activation and never cleared:
 * a thread that waits on a CPU may be resumed there by the fast path, which sets none, but it has run there
 * before.  The first activation on a CPU, and the first with a new ASID, flushes the ASID after switching: a
 * shootdown that did not see the bit (or the ASID) wrote its page-table entries before that flush, so nothing
 * older than them survives it.
 *
 * Without ASIDs (hal_info.asid_bits == 0) a token is constant, and activation itself flushes.
 *
 * Lock: asid_lock, below which only smp_call() is used.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <vm/pmap_i.h>
#include <vm/vm_page.h>

#define ASID_KERNEL 0u /* of the root without user mappings; never handed out */

static spinlock_t asid_lock;
static struct list asid_pmaps GUARDED_BY(asid_lock);
static uint32_t asid_next GUARDED_BY(asid_lock);
static uint32_t asid_limit;
static hal_asid_t asid_kept[HAL_CPU_MAX] GUARDED_BY(asid_lock); /* in use since an earlier generation */
static uint32_t asid_kept_count GUARDED_BY(asid_lock);

/* Step 2 of a rollover: each CPU writes its own element; the initiator reads after smp_call(). */
static struct pmap *asid_active[HAL_CPU_MAX];

static uint64_t pmap_kernel_token;

void pmap_asid_init(void)
{
    void *root = vm_page_alloc_zero(0);

    if (root == NULL)
        panic("no memory for the kernel's user root");
    hal_pt_init_root(hal_ptr_to_pa(root));
    pmap_kernel_token = hal_pt_token(hal_ptr_to_pa(root), ASID_KERNEL);

    asid_limit = (uint32_t)1 << hal_info.asid_bits;
    if (hal_info.asid_bits > 0 && asid_limit < hal_info.cpu_count + 2)
        panic("%u ASIDs are too few for %u CPUs", asid_limit, hal_info.cpu_count);
    spin_init(&asid_lock, LOCK_RANK_ASID);
    spin_lock(&asid_lock);
    list_init(&asid_pmaps);
    asid_next = ASID_KERNEL + 1;
    asid_kept_count = 0;
    spin_unlock(&asid_lock);
}

void pmap_asid_insert(struct pmap *pmap)
{
    pmap->asid = ASID_KERNEL;
    pmap->cpus = 0;
    pmap->token = hal_info.asid_bits > 0 ? 0 : hal_pt_token(pmap->root, ASID_KERNEL);
    spin_lock(&asid_lock);
    list_insert_tail(&asid_pmaps, &pmap->link);
    spin_unlock(&asid_lock);
}

/* On each CPU: leave the pmap `arg`. */
static void asid_leave_here(void *arg)
{
    if (hal_cpu_self()->pmap == arg)
        pmap_deactivate();
}

void pmap_asid_remove(struct pmap *pmap)
{
    cpu_mask_t idle = 0;

    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        if (cpu_table[i] != NULL && __atomic_load_n(&cpu_table[i]->pmap, __ATOMIC_RELAXED) == pmap)
            idle |= (cpu_mask_t)1 << i;
    if (idle != 0)
        smp_call(idle, asid_leave_here, pmap);
    spin_lock(&asid_lock);
    list_remove(&pmap->link);
    spin_unlock(&asid_lock);
}

static bool asid_is_kept(uint32_t asid) REQUIRES(asid_lock)
{
    for (uint32_t i = 0; i < asid_kept_count; i++)
        if (asid_kept[i] == asid)
            return true;
    return false;
}

/* release: a CPU that uses the token flushes, when it is asked to, the ASID that is in it */
static void asid_restore_token(struct pmap *pmap) REQUIRES(asid_lock)
{
    __atomic_store_n(&pmap->token, hal_pt_token(pmap->root, (hal_asid_t)pmap->asid), __ATOMIC_RELEASE);
}

/* On each CPU, at a point where it switches no address space. */
static void asid_rollover_here(void *arg)
{
    struct cpu *self = hal_cpu_self();

    (void)arg;
    asid_active[self->index] = self->pmap;
    hal_tlb_flush_asid(HAL_ASID_ALL);
}

static void asid_rollover(void) REQUIRES(asid_lock)
{
    LIST_FOR_EACH(node, &asid_pmaps)
    __atomic_store_n(&CONTAINER_OF(node, struct pmap, link)->token, 0, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        asid_active[i] = NULL;
    smp_call(smp_online(), asid_rollover_here, NULL);

    asid_kept_count = 0;
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        struct pmap *pmap = asid_active[i];
        if (pmap == NULL || __atomic_load_n(&pmap->token, __ATOMIC_RELAXED) != 0)
            continue;
        asid_kept[asid_kept_count++] = (hal_asid_t)pmap->asid;
        asid_restore_token(pmap);
    }
    asid_next = ASID_KERNEL + 1;
}

/* Give `pmap` an ASID and a token. */
static void asid_assign(struct pmap *pmap) REQUIRES(asid_lock)
{
    while (asid_next < asid_limit && asid_is_kept(asid_next))
        asid_next++;
    if (asid_next == asid_limit) {
        asid_rollover();
        if (pmap->token != 0) /* active on another CPU: it kept its own */
            return;
        while (asid_is_kept(asid_next)) /* ends: there are more ASIDs than CPUs */
            asid_next++;
    }
    __atomic_store_n(&pmap->asid, asid_next, __ATOMIC_RELAXED);
    asid_next++;
    asid_restore_token(pmap);
}

/* relaxed: pmap_asid_remove() looks at it from other CPUs, and then asks them */
static inline void cpu_pmap_set(struct cpu *self, struct pmap *pmap)
{
    __atomic_store_n(&self->pmap, pmap, __ATOMIC_RELAXED);
}

/* The pmap has no token, or was never active on this CPU. */
static __attribute__((noinline)) void pmap_activate_slow(struct pmap *pmap, struct cpu *self)
{
    spin_lock(&asid_lock);
    if (pmap->token == 0)
        asid_assign(pmap);
    __atomic_fetch_or(&pmap->cpus, (cpu_mask_t)1 << self->index, __ATOMIC_SEQ_CST);
    hal_pt_activate(pmap->token);
    cpu_pmap_set(self, pmap);
    hal_tlb_flush_asid((hal_asid_t)pmap->asid);
    spin_unlock(&asid_lock);
}

void pmap_activate(struct pmap *pmap)
{
    struct cpu *self = hal_cpu_self();
    cpu_mask_t cpus = __atomic_load_n(&pmap->cpus, __ATOMIC_RELAXED);
    /* relaxed: no spin between this load and cpu->pmap, see the top */
    uint64_t token = __atomic_load_n(&pmap->token, __ATOMIC_RELAXED);

    if (token == 0 || (cpus & (cpu_mask_t)1 << self->index) == 0) {
        pmap_activate_slow(pmap, self);
        return;
    }
    hal_pt_activate(token);
    cpu_pmap_set(self, pmap);
}

void pmap_deactivate(void)
{
    hal_pt_activate(pmap_kernel_token);
    cpu_pmap_set(hal_cpu_self(), NULL);
}
