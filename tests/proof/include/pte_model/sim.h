/* SPDX-License-Identifier: BSD-2-Clause */
/* What an entry of the simulated MMU means: the head of arch/sim/include/arch/pte.h. */
/*@ logic integer hal_l_kind(integer pte, integer level) =
      pte % 4 == HAL_PTE_LEAF ? HAL_PTE_LEAF :
      pte % 4 == HAL_PTE_TABLE && level > 0 ? HAL_PTE_TABLE : HAL_PTE_HOLE;

    logic integer hal_l_addr(integer pte, integer level) = pte / 0x1000 % 0x1000000000 * 0x1000;
    logic integer hal_l_attr(integer pte, integer level) = 255 - pte / 4 % 256;
  */
