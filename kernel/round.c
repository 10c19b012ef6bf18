// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <stillpoint/control.h>

#include "due.h"
#include "freeze.h"
#include "quiesce.h"
#include "round.h"

/**
 * struct round - the one under way, or the last one
 * @state: as dom0 sees it
 * @number: of the round
 * @result: how it ended
 * @wish: dom0's when it was taken up
 * @sign: dom0's last heartbeat
 * @taken_us: when it was taken up, as all times here by now_us()
 * @frozen_us: when it was frozen
 * @over_us: when it ended
 * @lease_end_us: until when dom0 must have given another sign
 * @thawed: it ended, and nothing is held
 * @told_freeze: the agent was
 * @told_thaw: the agent was
 */
struct round {
	enum stillpoint_quiesce_state state;
	u32 number;
	enum stillpoint_quiesce_result result;
	struct sp_wish wish;
	u32 sign;
	u64 taken_us;
	u64 frozen_us;
	u64 over_us;
	u64 lease_end_us;
	bool thawed;
	bool told_freeze;
	bool told_thaw;
};

/* For all that follows. Nothing that may take long is done with it. */
static DEFINE_MUTEX(lock);
static struct round now;
static u64 rounds; /* that were frozen */
static u64 broken; /* of these, those that did not end as THAWED */
static struct stillpoint_quiesce_guest *page;
static bool connected;
static bool has_agent;
static bool tell_restored; /* the agent */

static bool restored; /* since the last look */
static DECLARE_WAIT_QUEUE_HEAD(events);
static struct workqueue_struct *queue;
static void look(struct work_struct *work);
static DECLARE_DELAYED_WORK(look_work, look);

/* Goes on while the guest is parked, unlike the clocks that do not count suspends. */
static u64 now_us(void)
{
	return ktime_get_boottime_ns() / NSEC_PER_USEC;
}

static void set_state(enum stillpoint_quiesce_state state)
{
	now.state = state;
	WRITE_ONCE(page->held, sp_freeze_count());
	sp_quiesce_state(state);
}

static void set_result(enum stillpoint_quiesce_result result, u32 error)
{
	now.result = result;
	WRITE_ONCE(page->result, result);
	WRITE_ONCE(page->error, error);
}

static void count_broken(void)
{
	broken++;
	WRITE_ONCE(page->broken, broken);
}

static bool is_under_way(void)
{
	return now.state == STILLPOINT_QUIESCE_PREPARING || now.state == STILLPOINT_QUIESCE_FROZEN;
}

static void finish(void)
{
	/* dom0 that sees the number sees the rest. */
	smp_store_release(&page->done, now.number);
	set_state(STILLPOINT_QUIESCE_IDLE);
	/* Another may be waiting. */
	mod_delayed_work(queue, &look_work, 0);
}

static void log_end(enum stillpoint_quiesce_result result)
{
	static const char *const reasons[] = {
		[STILLPOINT_QUIESCE_EXPIRED] = "their time is up",
		[STILLPOINT_QUIESCE_DOM0_GONE] = "dom0 gave no sign",
		[STILLPOINT_QUIESCE_AGENT_GONE] = "the agent is gone",
		[STILLPOINT_QUIESCE_BROKEN] = "not all of them were frozen any more",
		[STILLPOINT_QUIESCE_RESTORED] = "the guest was restored",
		[STILLPOINT_QUIESCE_LATE] = "they were not frozen in time",
	};

	if (result < ARRAY_SIZE(reasons) && reasons[result])
		pr_warn("file systems thaw: %s\n", reasons[result]);
}

/* The round is over: whatever is held thaws. */
static void end(enum stillpoint_quiesce_result result, u32 error)
{
	bool frozen = now.state == STILLPOINT_QUIESCE_FROZEN;

	now.over_us = now_us();
	if (frozen)
		WRITE_ONCE(page->held_us, now.over_us - now.frozen_us);
	else
		WRITE_ONCE(page->prepare_us, now.over_us - now.taken_us);
	if (frozen && result != STILLPOINT_QUIESCE_THAWED)
		count_broken();
	set_result(result, error);
	set_state(STILLPOINT_QUIESCE_THAWING);
	sp_freeze_end();
	log_end(result);
}

/* What freeze.c calls when nothing is held any more. */
static void none_left(void)
{
	mutex_lock(&lock);
	now.thawed = true;
	WRITE_ONCE(page->held, 0);
	WRITE_ONCE(page->thaw_us, now_us() - now.over_us);
	/* dom0 that sees the number sees the rest. */
	smp_store_release(&page->thawed, now.number);
	set_state(STILLPOINT_QUIESCE_THAWING);
	/* An agent that knows of the round runs its hooks first. */
	if (!has_agent || !now.told_freeze)
		finish();
	mutex_unlock(&lock);
	wake_up_all(&events);
}

/* Takes a request up. */
static void begin(const struct sp_wish *wish)
{
	now = (struct round){
		.number = wish->request,
		.wish = *wish,
		.sign = wish->heartbeat,
		.taken_us = now_us(),
	};
	now.lease_end_us = now.taken_us + wish->lease_us;
	sp_quiesce_report_start();
	set_result(STILLPOINT_QUIESCE_NONE, 0);
	WRITE_ONCE(page->frozen, 0);
	WRITE_ONCE(page->prepare_us, 0);
	WRITE_ONCE(page->held_us, 0);
	WRITE_ONCE(page->thaw_us, 0);
	WRITE_ONCE(page->taken, now.number);
	sp_freeze_begin();
	set_state(STILLPOINT_QUIESCE_PREPARING);

	if (wish->op != STILLPOINT_QUIESCE_OP_FREEZE)
		end(STILLPOINT_QUIESCE_FAILED, EOPNOTSUPP);
	else if (wish->thaw == wish->request)
		end(STILLPOINT_QUIESCE_CANCELLED, 0);
	else if (!has_agent)
		end(STILLPOINT_QUIESCE_NO_AGENT, 0);
	wake_up_all(&events);
}

static void look_for_request(const struct sp_wish *wish)
{
	if (wish->request && stillpoint_seq_after(wish->request, now.number))
		begin(wish);
}

static void look_for_end(const struct sp_wish *wish, bool woke)
{
	struct sp_due due = {
		.frozen = now.state == STILLPOINT_QUIESCE_FROZEN,
		.restored = woke,
		.whole = sp_freeze_is_whole(),
		.asked = wish->thaw == now.number,
		.now_us = now_us(),
	};
	enum stillpoint_quiesce_result result;

	if (wish->heartbeat != now.sign) {
		now.sign = wish->heartbeat;
		now.lease_end_us = due.now_us + now.wish.lease_us;
	}
	due.prepare_end_us = now.taken_us + now.wish.prepare_us;
	due.hold_end_us = now.frozen_us + now.wish.hold_us;
	due.lease_end_us = now.lease_end_us;
	WRITE_ONCE(page->held, sp_freeze_count());
	if (due.frozen)
		WRITE_ONCE(page->held_us, due.now_us - now.frozen_us);
	result = sp_due(&due);
	if (result)
		end(result, 0);
}

static void look(struct work_struct *work)
{
	struct sp_wish wish = {};
	bool woke;

	mutex_lock(&lock);
	/* One look judges all of a restore. What is asked for in the page is from before it. */
	woke = xchg(&restored, false);
	if (woke)
		sp_quiesce_forget();
	else if (connected)
		sp_quiesce_read(&wish);
	if (is_under_way())
		look_for_end(&wish, woke);
	if (woke) {
		tell_restored = true;
		wake_up_all(&events);
	}
	if (now.state == STILLPOINT_QUIESCE_IDLE)
		look_for_request(&wish);
	if (is_under_way())
		mod_delayed_work(queue, &look_work, msecs_to_jiffies(STILLPOINT_LOOK_MS));
	mutex_unlock(&lock);
}

int sp_round_init(void)
{
	int err = sp_quiesce_init();

	if (err)
		return err;
	page = sp_quiesce_page();
	err = sp_freeze_init(none_left);
	if (err)
		goto err_page;
	queue = alloc_workqueue("stillpoint-round", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 1);
	if (!queue)
		goto err_freeze;
	return 0;

err_freeze:
	sp_freeze_exit();
	err = -ENOMEM;
err_page:
	sp_quiesce_exit();
	return err;
}

/* The agent has the module in use, so that no round is under way; it may still thaw. */
void sp_round_exit(void)
{
	wait_event(events, READ_ONCE(now.state) == STILLPOINT_QUIESCE_IDLE);
	sp_freeze_exit();
	cancel_delayed_work_sync(&look_work);
	destroy_workqueue(queue);
	sp_quiesce_exit();
}

int sp_round_connect(void)
{
	int err;

	mutex_lock(&lock);
	err = sp_quiesce_connect(sp_round_look);
	connected = !err;
	mutex_unlock(&lock);
	return err;
}

void sp_round_disconnect(void)
{
	mutex_lock(&lock);
	if (connected)
		sp_quiesce_disconnect();
	connected = false;
	mutex_unlock(&lock);
}

void sp_round_restored(void)
{
	WRITE_ONCE(restored, true);
}

void sp_round_look(void)
{
	mod_delayed_work(queue, &look_work, 0);
}

int sp_round_attach(void)
{
	bool first;

	mutex_lock(&lock);
	first = !has_agent;
	if (first) {
		has_agent = true;
		/* It does not know of a round in which another ended. */
		now.told_freeze = false;
		WRITE_ONCE(page->agent, 1);
	}
	mutex_unlock(&lock);
	return first ? 0 : -EBUSY;
}

void sp_round_detach(void)
{
	mutex_lock(&lock);
	has_agent = false;
	WRITE_ONCE(page->agent, 0);
	if (is_under_way())
		end(STILLPOINT_QUIESCE_AGENT_GONE, 0);
	else if (now.state == STILLPOINT_QUIESCE_THAWING && now.thawed)
		finish();
	mutex_unlock(&lock);
	wake_up_all(&events);
}

static enum stillpoint_agent_event_type next_type(void)
{
	/* Nothing comes between a freeze and its thaw. */
	if (now.told_freeze && !now.told_thaw)
		return now.thawed ? STILLPOINT_AGENT_THAW : 0;
	if (tell_restored)
		return STILLPOINT_AGENT_RESTORED;
	if (!now.told_freeze && now.state == STILLPOINT_QUIESCE_PREPARING)
		return STILLPOINT_AGENT_FREEZE;
	return 0;
}

static void tell_freeze(struct stillpoint_agent_event *next)
{
	u64 passed = now_us() - now.taken_us;

	now.told_freeze = true;
	next->round = now.number;
	next->prepare_us = now.wish.prepare_us - min(passed, now.wish.prepare_us);
	next->hold_us = now.wish.hold_us;
	next->excludes_bytes = sp_quiesce_excludes(next->excludes);
}

bool sp_round_next(struct stillpoint_agent_event *next)
{
	mutex_lock(&lock);
	*next = (struct stillpoint_agent_event){ .type = next_type() };
	switch (next->type) {
	case STILLPOINT_AGENT_FREEZE:
		tell_freeze(next);
		break;
	case STILLPOINT_AGENT_THAW:
		now.told_thaw = true;
		next->round = now.number;
		next->result = now.result;
		break;
	case STILLPOINT_AGENT_RESTORED:
		tell_restored = false;
		break;
	default:
		break;
	}
	mutex_unlock(&lock);
	return next->type;
}

bool sp_round_has_next(void)
{
	bool has;

	mutex_lock(&lock);
	has = next_type();
	mutex_unlock(&lock);
	return has;
}

wait_queue_head_t *sp_round_events(void)
{
	return &events;
}

static bool is_preparing(u32 number)
{
	return number == now.number && now.state == STILLPOINT_QUIESCE_PREPARING;
}

int sp_round_hold(u32 number, struct super_block *sb)
{
	bool preparing;

	mutex_lock(&lock);
	preparing = is_preparing(number);
	mutex_unlock(&lock);
	return preparing ? sp_freeze_hold(sb) : -ESTALE;
}

static int frozen(void)
{
	if (!sp_freeze_is_whole() || !sp_freeze_count()) {
		end(STILLPOINT_QUIESCE_BROKEN, 0);
		return -EIO;
	}
	now.frozen_us = now_us();
	WRITE_ONCE(page->prepare_us, now.frozen_us - now.taken_us);
	WRITE_ONCE(page->frozen, sp_freeze_count());
	rounds++;
	WRITE_ONCE(page->rounds, rounds);
	set_state(STILLPOINT_QUIESCE_FROZEN);
	return 0;
}

int sp_round_frozen(u32 number)
{
	int err = -ESTALE;

	mutex_lock(&lock);
	if (is_preparing(number))
		err = frozen();
	mutex_unlock(&lock);
	return err;
}

int sp_round_failed(u32 number, u32 error)
{
	int err = -ESTALE;

	error = clamp_t(u32, error, 1, MAX_ERRNO);
	mutex_lock(&lock);
	if (number == now.number && is_under_way()) {
		end(now.state == STILLPOINT_QUIESCE_FROZEN ? STILLPOINT_QUIESCE_BROKEN :
							     STILLPOINT_QUIESCE_FAILED,
		    error);
		err = 0;
	}
	mutex_unlock(&lock);
	return err;
}

static void looked(u32 error)
{
	if (error && now.result == STILLPOINT_QUIESCE_THAWED) {
		count_broken();
		set_result(STILLPOINT_QUIESCE_BROKEN, min_t(u32, error, MAX_ERRNO));
	}
	/* dom0 that sees the number sees the rest. */
	smp_store_release(&page->looked, now.number);
	set_state(STILLPOINT_QUIESCE_THAWING);
}

int sp_round_looked(u32 number, u32 error)
{
	int err = -ESTALE;

	mutex_lock(&lock);
	if (number == now.number && now.told_thaw && now.state == STILLPOINT_QUIESCE_THAWING) {
		looked(error);
		err = 0;
	}
	mutex_unlock(&lock);
	return err;
}

int sp_round_hooks_done(u32 number)
{
	int err = -ESTALE;

	mutex_lock(&lock);
	if (number == now.number && now.told_thaw && now.state == STILLPOINT_QUIESCE_THAWING) {
		finish();
		err = 0;
	}
	mutex_unlock(&lock);
	wake_up_all(&events);
	return err;
}

int sp_round_report(const char *text, size_t bytes)
{
	int err = -ESTALE;

	mutex_lock(&lock);
	if (now.told_freeze && now.state != STILLPOINT_QUIESCE_IDLE)
		err = sp_quiesce_report_add(text, bytes);
	mutex_unlock(&lock);
	return err;
}
