/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included in front of everything that is proved.  A proof is about one CPU that holds the locks it should, so
 * what atomics promise beyond their plain effect is left to the models of tests/model.
 */
#ifndef PROOF_PRELUDE_H
#define PROOF_PRELUDE_H

#define __atomic_load_n(p, order) (*(p))
#define __atomic_store_n(p, value, order) ((void)(*(p) = (value)))
#define __atomic_thread_fence(order) ((void)0)
#define __atomic_exchange_n(p, value, order)                                                                 \
    ({                                                                                                       \
        __typeof__(*(p)) proof_old = *(p);                                                                   \
        *(p) = (value);                                                                                      \
        proof_old;                                                                                           \
    })
#define PROOF_FETCH(p, operation)                                                                            \
    ({                                                                                                       \
        __typeof__(*(p)) proof_old = *(p);                                                                   \
        *(p) = proof_old operation;                                                                          \
        proof_old;                                                                                           \
    })
#define __atomic_fetch_add(p, value, order) PROOF_FETCH(p, +(value))
#define __atomic_fetch_sub(p, value, order) PROOF_FETCH(p, -(value))
#define __atomic_fetch_or(p, value, order) PROOF_FETCH(p, | (value))
#define __atomic_fetch_and(p, value, order) PROOF_FETCH(p, &(value))
#define __atomic_sub_fetch(p, value, order) (*(p) -= (value))
#define __atomic_add_fetch(p, value, order) (*(p) += (value))

#include <hal/upcall.h>
#include <kern/panic.h>

/* An assertion of the kernel is to be proved; a panic ends the path. */
/*@ requires assertion: holds; assigns \nothing; ensures holds; exits \false; */
void proof_assert(bool holds);
/*@ assigns \nothing; ensures \false; exits \false; */
void proof_panic(void);

#undef KASSERT
#define KASSERT(condition) proof_assert(condition)
#undef HAL_REQUIRE
#define HAL_REQUIRE(condition) KASSERT(condition)
#define panic(...) proof_panic()

/* Frama-C knows no more than the range of the result. */
/*@ requires x != 0;
    assigns \nothing;
    ensures leading: (x & (1 << (31 - \result))) != 0;
    ensures zeros: \forall integer k; 31 - \result < k < 32 ==> (x & (1 << k)) == 0;
*/
int __builtin_clz(unsigned int x);

/* Branch hints mean nothing here. */
#define __builtin_expect(value, hint) (value)

#endif
