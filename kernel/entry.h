/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_ENTRY_H
#define SP_ENTRY_H

/**
 * sp_entry_offset() - how far behind a function's entry an address lies
 * @text: the address as sprint_symbol() prints it, "name+0x4/0x20"
 * @name: the function it must lie in
 * @offset: set to the offset in bytes
 *
 * Return: 0, or -EINVAL if @text is not an address at the entry of @name (an
 * offset above 4, the length of an ENDBR, is not).
 */
int sp_entry_offset(const char *text, const char *name, unsigned long *offset);

#endif /* SP_ENTRY_H */
