/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps the guest's users of xenstore out while it parks.
 *
 * Stock suspend is a callback of xenwatch itself, with every task frozen. Here others run until
 * every CPU is stopped: xenwatch may be in the middle of a device's connecting, which a
 * restore does not survive, and tasks may be registering watches, which the order of the kernel's
 * own xs_suspend() deadlocks with.
 */
#ifndef SP_XENSTORE_H
#define SP_XENSTORE_H

/*
 * Waits until no request to xenstore is under way, and xenwatch is in no callback and no disk
 * waits for its backend. Return: 0, or -EBUSY if that does not come. Sleeps.
 */
int sp_xenstore_suspend(void);
/* xenwatch may go on. Comes after sp_xenstore_suspend(), before what follows. */
void sp_xenstore_release_watches(void);
/* As the kernel's xs_suspend_cancel(): the guest runs on where it was. */
void sp_xenstore_cancel(void);
/* As the kernel's xs_resume(): in a restored domain. */
void sp_xenstore_resume(void);

#endif /* SP_XENSTORE_H */
