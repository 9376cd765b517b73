; SPDX-License-Identifier: BSD-2-Clause
; The buddy of a block of order o < 10 at page n < 2^52 (vm/vm_buddy.h).
(set-logic QF_BV)
(declare-const n (_ BitVec 64))
(assert (bvult n #x0010000000000000))
; what the axiom says, for a block of `size` pages
(define-fun claim ((size (_ BitVec 64))) Bool
  (let ((buddy (bvxor n size)) (twice (bvadd size size)))
    (=> (= (bvurem n size) #x0000000000000000)
        (and (= buddy (ite (= (bvurem n twice) #x0000000000000000) (bvadd n size) (bvsub n size)))
             (= (bvurem buddy size) #x0000000000000000)
             (or (= (bvurem n twice) #x0000000000000000) (= (bvurem buddy twice) #x0000000000000000))))))
(push)(assert (not (claim #x0000000000000001)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000002)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000004)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000008)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000010)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000020)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000040)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000080)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000100)))(check-sat)(pop)
(push)(assert (not (claim #x0000000000000200)))(check-sat)(pop)
