; SPDX-License-Identifier: BSD-2-Clause
; a & 0xfffffffffffff000 == a - a % 4096, for every a below 2^64 (vm/vm_range.h).
(set-logic QF_BV)
(declare-const a (_ BitVec 64))
(assert (not (= (bvand a #xfffffffffffff000) (bvsub a (bvurem a #x0000000000001000)))))
(check-sat)
