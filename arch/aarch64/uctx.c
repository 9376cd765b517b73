/* SPDX-License-Identifier: BSD-2-Clause */
/* User contexts as the machine-independent kernel makes, changes and shows them. */
#include <hal/info.h>
#include <hal/uctx.h>
#include <hal/upcall.h>
#include <mach/aarch64/thread_status.h>

#define PSTATE_FLAGS 0xf0000000ul /* N, Z, C, V: all of PSTATE that is the user's business */
#define TRAP_INSTRUCTION_SIZE 4u

#define STATE_X 0u
#define STATE_SP 31u
#define STATE_PC 32u
#define STATE_PSTATE 33u
#define STATE_TLS 34u
#define STATE_WORDS 35u
_Static_assert(STATE_WORDS * 2 == AARCH64_THREAD_STATE_COUNT, "the layout of struct aarch64_thread_state");

static void context_clear(struct uctx *u)
{
    uint64_t *word = (uint64_t *)u;

    for (unsigned i = 0; i < sizeof *u / sizeof *word; i++)
        word[i] = 0;
}

void hal_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg)
{
    HAL_REQUIRE(u != NULL);
    context_clear(u);
    u->pc = pc;
    u->sp = sp;
    u->tls = tls;
    u->x0[0] = arg;
    u->kind = UCTX_FULL;
}

void hal_uctx_restart(struct uctx *u)
{
    HAL_REQUIRE(u->kind == UCTX_RPC);
    u->pc -= TRAP_INSTRUCTION_SIZE;
}

static bool user_address(uint64_t va)
{
    return va <= hal_info.user_limit;
}

enum hal_status hal_uctx_set_tls(struct uctx *u, hal_va_t tls)
{
    HAL_REQUIRE(u != NULL);
    if (!user_address(tls))
        return HAL_INVALID;
    u->tls = tls;
    return HAL_OK;
}

void hal_uctx_where(const struct uctx *u, hal_va_t *pc, hal_va_t *sp)
{
    HAL_REQUIRE(u != NULL && pc != NULL && sp != NULL);
    *pc = u->pc;
    *sp = u->sp;
}

/* Does the frame hold general register `n`? */
static bool frame_holds(const struct uctx *u, unsigned n)
{
    if (u->kind == UCTX_FULL || (n >= 19 && n <= 29) || n == 8)
        return true;
    return u->kind == UCTX_RPC && n <= 9;
}

static uint64_t *frame_register(struct uctx *u, unsigned n)
{
    if (n < 8)
        return &u->x0[n];
    if (n == 8)
        return &u->x8;
    if (n < 19)
        return &u->x9[n - 9];
    if (n < 29)
        return &u->x19[n - 19];
    return n == 29 ? &u->fp : &u->lr;
}

static void state_put(uint32_t *state, unsigned index, uint64_t value)
{
    state[2 * index] = (uint32_t)value;
    state[2 * index + 1] = (uint32_t)(value >> 32);
}

static uint64_t state_word(const uint32_t *state, unsigned index)
{
    return (uint64_t)state[2 * index + 1] << 32 | state[2 * index];
}

kern_return_t hal_uctx_get_state(const struct uctx *u, int flavor, uint32_t *state, uint32_t *count)
{
    HAL_REQUIRE(u != NULL && count != NULL);
    if (flavor != AARCH64_THREAD_STATE || *count < AARCH64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    for (unsigned n = 0; n < 31; n++) {
        /* frame_register() only computes an address. */
        uint64_t value = frame_holds(u, n) ? *frame_register((struct uctx *)(uintptr_t)u, n) : 0;
        state_put(state, STATE_X + n, value);
    }
    state_put(state, STATE_SP, u->sp);
    state_put(state, STATE_PC, u->pc);
    state_put(state, STATE_PSTATE, u->kind == UCTX_FULL ? u->pstate & PSTATE_FLAGS : 0);
    state_put(state, STATE_TLS, u->tls);
    *count = AARCH64_THREAD_STATE_COUNT;
    return KERN_SUCCESS;
}

kern_return_t hal_uctx_set_state(struct uctx *u, int flavor, const uint32_t *state, uint32_t count)
{
    HAL_REQUIRE(u != NULL);
    if (flavor != AARCH64_THREAD_STATE || count != AARCH64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    if (!user_address(state_word(state, STATE_SP)) || !user_address(state_word(state, STATE_PC)) ||
        !user_address(state_word(state, STATE_TLS)))
        return KERN_INVALID_ARGUMENT;
    context_clear(u);
    for (unsigned n = 0; n < 31; n++)
        *frame_register(u, n) = state_word(state, STATE_X + n);
    u->sp = state_word(state, STATE_SP);
    u->pc = state_word(state, STATE_PC);
    u->tls = state_word(state, STATE_TLS);
    u->pstate = state_word(state, STATE_PSTATE) & PSTATE_FLAGS;
    u->kind = UCTX_FULL;
    return KERN_SUCCESS;
}
