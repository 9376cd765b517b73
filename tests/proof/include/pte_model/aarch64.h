/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VMSAv8-64 descriptor means: Arm ARM D8.3. */
/*@ logic integer pte_bit_low(integer pte, integer bit) = pte % 0x1000 / bit % 2; // one of the low 12
    logic integer pte_bit_high(integer pte, integer bit) = pte / 0x20000000000000 / bit % 2; // one of bits 53 and up

    // Type: at level 0 (the architecture's level 3) 3 is a page; above, 3 is a table and 1 a block
    logic integer hal_l_kind(integer pte, integer level) =
      pte_bit_low(pte, 0x1) == 0 ? HAL_PTE_HOLE :
      pte_bit_low(pte, 0x2) == 1 ? (level > 0 ? HAL_PTE_TABLE : HAL_PTE_LEAF) :
      (level > 0 ? HAL_PTE_LEAF : HAL_PTE_HOLE);

    logic integer hal_l_addr(integer pte, integer level) = pte / 0x1000 % 0x1000000000 * 0x1000;

    // R always; software W; PXN or UXN clear; AP[1]; not nG; AttrIndx[0]; AF; software DIRTY
    logic integer hal_l_attr(integer pte, integer level) =
      1 + 2 * pte_bit_high(pte, 4) + (pte_bit_high(pte, 1) + pte_bit_high(pte, 2) < 2 ? 4 : 0) + 8 * pte_bit_low(pte, 0x40) +
      16 * (1 - pte_bit_low(pte, 0x800)) + 32 * pte_bit_low(pte, 0x4) + 64 * pte_bit_low(pte, 0x400) + 128 * pte_bit_high(pte, 8);
  */
