; SPDX-License-Identifier: BSD-2-Clause
; (uint32_t)~a == UINT32_MAX - a, for every a below 2^32 (ipc/entry.h).
(set-logic QF_BV)
(declare-const a (_ BitVec 32))
(assert (not (= (bvnot a) (bvsub #xffffffff a))))
(check-sat)
