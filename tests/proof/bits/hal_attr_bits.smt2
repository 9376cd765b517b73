; SPDX-License-Identifier: BSD-2-Clause
; A number below 256 is the sum of its eight bits, taken out by division.
(set-logic QF_BV)
(define-fun digit ((a (_ BitVec 64)) (n (_ BitVec 64))) (_ BitVec 64) (bvmul n (bvurem (bvudiv a n) (_ bv2 64))))
(declare-const a (_ BitVec 64))
(assert (bvule a (_ bv255 64)))
(assert (not (= a (bvadd (digit a (_ bv1 64)) (digit a (_ bv2 64)) (digit a (_ bv4 64)) (digit a (_ bv8 64))
    (digit a (_ bv16 64)) (digit a (_ bv32 64)) (digit a (_ bv64 64)) (digit a (_ bv128 64))))))
(check-sat)
