/* SPDX-License-Identifier: BSD-2-Clause */
/* What an entry of Sv39, Sv48 and Sv57 means: RISC-V privileged architecture, 4.4.1. */
/*@ logic integer pte_field(integer pte, integer first, integer values) = pte % 0x400 / first % values; // below the PPN

    logic integer hal_l_kind(integer pte, integer level) =
      pte_field(pte, 0x1, 2) == 0 ? HAL_PTE_HOLE :
      pte_field(pte, 0x2, 8) != 0 ? HAL_PTE_LEAF : level > 0 ? HAL_PTE_TABLE : HAL_PTE_HOLE;

    logic integer hal_l_addr(integer pte, integer level) = pte / 0x400 % 0x100000000000 * 0x1000;

    // R W X U G; the first RSW bit, where the kernel keeps DEVICE; A D
    logic integer hal_l_attr(integer pte, integer level) =
      pte_field(pte, 0x2, 32) + 32 * pte_field(pte, 0x100, 2) + 64 * pte_field(pte, 0x40, 4);
  */
