// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "control.h"
#include "decide.h"
#include "free.h"
#include "park.h"
#include "publish.h"
#include "request.h"
#include "resume.h"
#include "round.h"
#include "tmem/link.h"
#include "track.h"

static struct workqueue_struct *queue;
static bool connected;
static bool stopping;
static u32 taken;
static unsigned int lease_ms;
static unsigned long lease_end;
static u64 signs;

static void serve(struct work_struct *work);
static void check(struct work_struct *work);
static void check_lease(struct work_struct *work);
static DECLARE_WORK(serve_work, serve);
static DECLARE_WORK(check_work, check);
static DECLARE_DELAYED_WORK(lease_work, check_lease);

/* In interrupt context. */
static void event(void)
{
	queue_work(queue, &serve_work);
}

static int connect(void)
{
	int err = sp_control_connect(event);

	if (err)
		return err;
	err = sp_round_connect();
	if (err)
		goto err_control;
	err = sp_publish();
	if (err)
		goto err_round;
	connected = true;
	return 0;

err_round:
	sp_round_disconnect();
err_control:
	sp_control_disconnect();
	return err;
}

static void disconnect(void)
{
	if (connected) {
		sp_round_disconnect();
		sp_control_disconnect();
	}
	connected = false;
}

/* This domain is a new one: grants and event channels of the old one are gone. */
static void reconnect(void)
{
	int err;

	disconnect();
	err = connect();
	if (err)
		pr_err("cannot publish after a restore: %d; reload the module\n", err);
}

static void log_park(const struct sp_park *park)
{
	switch (park->result) {
	case STILLPOINT_RESULT_RESTORED:
		pr_info("restored from checkpoint %llu\n", park->generation);
		break;
	case STILLPOINT_RESULT_ABANDONED:
		pr_warn("checkpoint %llu abandoned: dom0 did not answer within its deadline\n",
			park->generation);
		break;
	case STILLPOINT_RESULT_FAILED:
		pr_warn("cannot park: %d\n", park->err);
		break;
	default:
		break;
	}
}

static void checkpoint(const struct sp_ask *ask)
{
	struct sp_park park = {
		.number = ask->request,
		.deadline_us = ask->deadline_us,
	};

	sp_free_prepare();
	park.generation = sp_control_next_generation();
	sp_park(&park);
	sp_control_left(&park.times);
	if (park.result == STILLPOINT_RESULT_RESTORED)
		reconnect();
	log_park(&park);
	sp_control_done(park.result, park.err);
	/* Its last set is made; one that did not park has its epoch still. */
	if (park.result != STILLPOINT_RESULT_CANCELLED && park.result != STILLPOINT_RESULT_FAILED)
		sp_track_stop();
}

static void watch_lease(void)
{
	signs = sp_control_signs();
	mod_delayed_work(queue, &lease_work, msecs_to_jiffies(lease_ms));
}

/* Nobody waits any more for a set that is under way, or nobody ever will. */
static bool is_wanted(void)
{
	u64 now = sp_control_signs();

	if (READ_ONCE(stopping) || sp_control_is_cancelled(taken))
		return false;
	if (now != signs) {
		signs = now;
		lease_end = jiffies + msecs_to_jiffies(lease_ms);
	}
	return time_before(jiffies, lease_end);
}

static void harvest(const struct sp_ask *ask)
{
	int err;

	lease_ms = sp_lease_ms(ask->lease_us);
	signs = sp_control_signs();
	lease_end = jiffies + msecs_to_jiffies(lease_ms);
	err = sp_track_harvest(ask->flags & STILLPOINT_TRACK_EXTRAS, is_wanted);
	if (!err) {
		sp_free_prepare();
		sp_free_note_grants();
		sp_free_walk();
		watch_lease();
	}
	sp_control_done(err ? STILLPOINT_RESULT_FAILED : STILLPOINT_RESULT_HARVESTED, err);
}

static void untrack(void)
{
	sp_track_stop();
	sp_control_done(STILLPOINT_RESULT_UNTRACKED, 0);
}

/* dom0 gave no sign since this was queued: it is gone. */
static void check_lease(struct work_struct *work)
{
	if (READ_ONCE(stopping) || !sp_track_is_on())
		return;
	if (sp_control_signs() != signs) {
		watch_lease();
		return;
	}
	pr_info("dom0 asks no more; tracking ends\n");
	sp_track_stop();
	sp_free_release();
}

static void serve(struct work_struct *work)
{
	struct sp_ask ask;
	enum sp_verdict verdict;

	if (READ_ONCE(stopping))
		return;
	sp_control_read(&ask);
	verdict = sp_decide(&ask, taken);
	if (verdict == SP_IGNORE)
		return;

	taken = ask.request;
	sp_control_take(ask.request);
	switch (verdict) {
	case SP_PARK:
		checkpoint(&ask);
		break;
	case SP_HARVEST:
		harvest(&ask);
		break;
	case SP_UNTRACK:
		untrack();
		break;
	case SP_CANCELLED:
		sp_control_done(STILLPOINT_RESULT_CANCELLED, 0);
		break;
	default:
		sp_control_done(STILLPOINT_RESULT_FAILED, -EOPNOTSUPP);
		break;
	}
	if (!sp_track_is_on())
		sp_free_release();
}

/* After a stock suspend: a cancelled one changed nothing, a restore everything. */
static void check(struct work_struct *work)
{
	unsigned int noio, noreclaim;

	if (READ_ONCE(stopping) || sp_is_published())
		return;
	/* As in sp_resume_late(): memory may be waiting for the store. */
	noio = memalloc_noio_save();
	noreclaim = memalloc_noreclaim_save();
	sp_link_resume();
	memalloc_noreclaim_restore(noreclaim);
	memalloc_noio_restore(noio);
	sp_round_restored();
	sp_round_look();
	reconnect();
}

static void stock_resume(void)
{
	queue_work(queue, &check_work);
}

struct call {
	struct work_struct work;
	int (*fn)(void);
	int result;
};

static void call(struct work_struct *work)
{
	struct call *c = container_of(work, struct call, work);

	c->result = c->fn();
}

int sp_request_call(int (*fn)(void))
{
	struct call c = { .fn = fn };

	INIT_WORK_ONSTACK(&c.work, call);
	queue_work(queue, &c.work);
	flush_work(&c.work);
	destroy_work_on_stack(&c.work);
	return c.result;
}

int sp_request_init(void)
{
	int err;

	/*
	 * No WQ_MEM_RECLAIM: the hooks wait for work that is not. The one that brings
	 * a restored guest's swap back is under way then, and needs no new worker.
	 */
	queue = alloc_ordered_workqueue("stillpoint", WQ_HIGHPRI);
	if (!queue)
		return -ENOMEM;
	sp_resume_init(stock_resume);
	err = connect();
	if (!err)
		return 0;
	sp_resume_exit();
	destroy_workqueue(queue);
	return err;
}

void sp_request_exit(void)
{
	sp_resume_exit();
	/* A request under way may connect and publish again: it ends first. */
	WRITE_ONCE(stopping, true);
	flush_workqueue(queue);
	cancel_delayed_work_sync(&lease_work);
	sp_track_stop();
	sp_track_exit();
	sp_free_release();
	sp_unpublish();
	disconnect();
	destroy_workqueue(queue);
}
