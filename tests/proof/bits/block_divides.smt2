; SPDX-License-Identifier: BSD-2-Clause
; What a block of order j divides, one of order i <= j <= 10 divides (vm/vm_buddy.h).
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
(declare-const i (_ BitVec 64))
(declare-const j (_ BitVec 64))
(assert (bvule j #x000000000000000a))
(assert (bvult i j))
(assert (= (bvurem n (block j)) #x0000000000000000))
(assert (not (and (= (bvurem n (block i)) #x0000000000000000) (bvult (block i) (block j)))))
(check-sat)
