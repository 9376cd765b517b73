; SPDX-License-Identifier: BSD-2-Clause
; What is left of an address after a shift and the mask 511 is an index of a page table.
(set-logic QF_BV)
(declare-const va (_ BitVec 64))
(declare-const level (_ BitVec 64))
(assert (bvult level (_ bv5 64)))
(define-fun index () (_ BitVec 64)
    (bvand (bvlshr va (bvadd (_ bv12 64) (bvmul (_ bv9 64) level))) (_ bv511 64)))
(assert (not (bvult index (_ bv512 64))))
(check-sat)
