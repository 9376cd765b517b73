/* SPDX-License-Identifier: BSD-2-Clause */
/* What an entry of 4-level paging means: Intel SDM volume 3, tables 4-14 to 4-20. */
/*@ logic integer pte_bit(integer pte, integer bit) = pte % 0x1000 / bit % 2; // one of the low 12

    logic integer hal_l_kind(integer pte, integer level) =
      pte_bit(pte, 0x1) == 0 ? HAL_PTE_HOLE :
      level > 0 && pte_bit(pte, 0x80) == 0 ? HAL_PTE_TABLE : HAL_PTE_LEAF;

    logic integer hal_l_addr(integer pte, integer level) = pte / 0x1000 % 0x10000000000 * 0x1000;

    // R always; R/W; not XD; U/S; G; PCD; A; D
    logic integer hal_l_attr(integer pte, integer level) =
      1 + 2 * pte_bit(pte, 0x2) + 4 * (1 - pte / 0x8000000000000000) + 8 * pte_bit(pte, 0x4) +
      16 * pte_bit(pte, 0x100) + 32 * pte_bit(pte, 0x10) + 64 * pte_bit(pte, 0x20) + 128 * pte_bit(pte, 0x40);
  */
