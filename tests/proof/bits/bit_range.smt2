; SPDX-License-Identifier: BSD-2-Clause
; 0 < (1 << p) <= 0x80000000, for every p below 32 (sched/runq.h).
(set-logic QF_BV)
(declare-const p (_ BitVec 64))
(define-fun bit () (_ BitVec 64) (bvshl #x0000000000000001 p))
(assert (bvult p #x0000000000000020))
(assert (not (and (bvult #x0000000000000000 bit) (bvule bit #x0000000080000000))))
(check-sat)
