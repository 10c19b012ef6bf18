// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <stillpoint/agent.h>

#include "agent.h"
#include "round.h"

static int agent_open(struct inode *inode, struct file *file)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = sp_round_attach();
	return err ? err : stream_open(inode, file);
}

static int agent_release(struct inode *inode, struct file *file)
{
	sp_round_detach();
	return 0;
}

/* Sleeps until there is an event; -ERESTARTSYS if a signal comes first. */
static int wait_for(struct stillpoint_agent_event *next)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err = 0;

	add_wait_queue(sp_round_events(), &wait);
	while (!err && !sp_round_next(next)) {
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
		if (signal_pending(current))
			err = -ERESTARTSYS;
	}
	remove_wait_queue(sp_round_events(), &wait);
	return err;
}

static ssize_t agent_read(struct file *file, char __user *to, size_t bytes, loff_t *pos)
{
	struct stillpoint_agent_event *next;
	int err;

	if (bytes < sizeof(*next))
		return -EINVAL;
	next = kzalloc(sizeof(*next), GFP_KERNEL);
	if (!next)
		return -ENOMEM;
	if (file->f_flags & O_NONBLOCK)
		err = sp_round_next(next) ? 0 : -EAGAIN;
	else
		err = wait_for(next);
	if (!err && copy_to_user(to, next, sizeof(*next)))
		err = -EFAULT;
	kfree(next);
	return err ? err : sizeof(*next);
}

static __poll_t agent_poll(struct file *file, poll_table *table)
{
	poll_wait(file, sp_round_events(), table);
	return (sp_round_has_next() ? EPOLLIN | EPOLLRDNORM : 0) | EPOLLOUT | EPOLLWRNORM;
}

static ssize_t agent_write(struct file *file, const char __user *from, size_t bytes, loff_t *pos)
{
	char *text;
	int err;

	if (!bytes)
		return 0;
	if (bytes > STILLPOINT_REPORT_BYTES)
		return -ENOSPC;
	text = memdup_user(from, bytes);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = sp_round_report(text, bytes);
	kfree(text);
	return err ? err : bytes;
}

static int hold(const struct stillpoint_agent_hold *ask)
{
	struct super_block *sb;
	struct file *file;
	int err;

	file = fget_raw(ask->fd);
	if (!file)
		return -EBADF;
	sb = file_inode(file)->i_sb;
	if (ask->dev_major != MAJOR(sb->s_dev) || ask->dev_minor != MINOR(sb->s_dev))
		err = -EXDEV;
	else
		err = sp_round_hold(ask->round, sb);
	fput(file);
	return err;
}

static int mark(unsigned int cmd, const struct stillpoint_agent_mark *ask)
{
	switch (cmd) {
	case STILLPOINT_AGENT_FROZEN:
		return sp_round_frozen(ask->round);
	case STILLPOINT_AGENT_FAILED:
		return sp_round_failed(ask->round, ask->error);
	case STILLPOINT_AGENT_DONE:
		return sp_round_hooks_done(ask->round);
	case STILLPOINT_AGENT_LOOKED:
		return sp_round_looked(ask->round, ask->error);
	default:
		return -ENOTTY;
	}
}

static long agent_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	union {
		struct stillpoint_agent_hold hold;
		struct stillpoint_agent_mark mark;
	} ask;
	const void __user *from = (void __user *)arg;

	switch (cmd) {
	case STILLPOINT_AGENT_HOLD:
		if (copy_from_user(&ask.hold, from, sizeof(ask.hold)))
			return -EFAULT;
		return hold(&ask.hold);
	case STILLPOINT_AGENT_FROZEN:
	case STILLPOINT_AGENT_FAILED:
	case STILLPOINT_AGENT_DONE:
	case STILLPOINT_AGENT_LOOKED:
		if (copy_from_user(&ask.mark, from, sizeof(ask.mark)))
			return -EFAULT;
		return mark(cmd, &ask.mark);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations agent_fops = {
	.owner = THIS_MODULE,
	.open = agent_open,
	.release = agent_release,
	.read = agent_read,
	.write = agent_write,
	.poll = agent_poll,
	.unlocked_ioctl = agent_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice agent = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = STILLPOINT_AGENT_NAME,
	.mode = 0600,
	.fops = &agent_fops,
};

int sp_agent_init(void)
{
	return misc_register(&agent);
}

void sp_agent_exit(void)
{
	misc_deregister(&agent);
}
