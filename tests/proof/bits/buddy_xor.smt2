; SPDX-License-Identifier: BSD-2-Clause
; The buddy of a block of order o < 10 at page n < 2^52 (vm/vm_buddy.h).
(set-logic QF_BV)
(define-fun block ((o (_ BitVec 64))) (_ BitVec 64)
  (ite (= o #x0000000000000000) #x0000000000000001
    (ite (= o #x0000000000000001) #x0000000000000002
    (ite (= o #x0000000000000002) #x0000000000000004
    (ite (= o #x0000000000000003) #x0000000000000008
    (ite (= o #x0000000000000004) #x0000000000000010
    (ite (= o #x0000000000000005) #x0000000000000020
    (ite (= o #x0000000000000006) #x0000000000000040
    (ite (= o #x0000000000000007) #x0000000000000080
    (ite (= o #x0000000000000008) #x0000000000000100
    (ite (= o #x0000000000000009) #x0000000000000200
    (ite (= o #x000000000000000a) #x0000000000000400
    #x0000000000000800))))))))))))
(declare-const n (_ BitVec 64))
(declare-const order (_ BitVec 64))
(define-fun size () (_ BitVec 64) (block order))
(define-fun buddy () (_ BitVec 64) (bvxor n size))
(assert (bvult n #x0010000000000000))
(assert (bvult order #x000000000000000a))
(assert (= (bvurem n size) #x0000000000000000))
(assert (not (and
  (= buddy (ite (= (bvurem n (block (bvadd order #x0000000000000001))) #x0000000000000000) (bvadd n size) (bvsub n size)))
  (= (bvurem buddy size) #x0000000000000000)
  (or (= (bvurem n (block (bvadd order #x0000000000000001))) #x0000000000000000) (= (bvurem buddy (block (bvadd order #x0000000000000001))) #x0000000000000000)))))
(check-sat)
