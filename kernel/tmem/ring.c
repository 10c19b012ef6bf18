// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/timer.h>

#include <xen/interface/io/ring.h>

#include <stillpoint/tmem.h>

#include "pools.h"
#include "ring.h"
#include "slots.h"
#include "window.h"

DEFINE_RING_TYPES(stillpoint_tmem, struct stillpoint_tmem_request, struct stillpoint_tmem_response);

/* A store that was killed says nothing: that it is gone is looked for. */
#define LOOK_EVERY HZ

/* A task looks so long for its answer before it sleeps; so many do not after none came. */
#define POLL_NS 20000
#define POLL_SKIPS_MAX 64U

enum state {
	NO_SESSION,
	HELLO_SENT,
	OPEN,
	REJECTED, /* nothing is sent until another session begins */
};

DEFINE_SPINLOCK(sp_tmem_lock);

static bool started;
static enum state state;
static u32 session;
static struct stillpoint_tmem_front_ring ring;
static struct sp_slots slots;
static struct sp_tmem_op *under_way[SP_TMEM_SLOTS];
/* Bit for each slot whose request nobody waits for, while the store may still do it. */
static u64 given_up;
static struct sp_tmem_op hello = { .op = STILLPOINT_TMEM_HELLO };
static LIST_HEAD(control);
/* How many are not to look for their answers, and how many after the next that look in vain. */
static unsigned int poll_skips;
static unsigned int poll_failed_skips = 1;
/* The store does not signal the next answer, which is looked for. */
static bool unsignalled;

static void serve(struct tasklet_struct *unused);
static void look(struct timer_list *unused);
static DECLARE_TASKLET(serve_tasklet, serve);
static DEFINE_TIMER(look_timer, look);

static void copy_to_slot(const struct sp_tmem_op *op, u8 *slot)
{
	struct bvec_iter at;
	struct bio_vec bv;

	__bio_for_each_segment(bv, op->bio, at, op->at) {
		memcpy_from_bvec(slot, &bv);
		slot += bv.bv_len;
	}
}

static void copy_from_slot(const struct sp_tmem_op *op, const u8 *slot)
{
	struct bvec_iter at;
	struct bio_vec bv;

	__bio_for_each_segment(bv, op->bio, at, op->at) {
		memcpy_to_bvec(&bv, slot);
		slot += bv.bv_len;
	}
}

static void fill_request(struct stillpoint_tmem_request *req, const struct sp_tmem_op *op)
{
	switch (op->op) {
	case STILLPOINT_TMEM_HELLO:
		req->hello.version = STILLPOINT_TMEM_PROTOCOL;
		break;
	case STILLPOINT_TMEM_NEW_POOL:
	case STILLPOINT_TMEM_DESTROY_POOL:
		sp_pools_describe(op->pool, req);
		break;
	default:
		req->pool = op->pool->id;
		req->index = op->index;
		req->object = op->object;
		break;
	}
}

/* Whoever looks for an answer does not wait for this one. */
static void have_next_signalled(void)
{
	RING_IDX produced;

	do {
		produced = READ_ONCE(ring.sring->rsp_prod);
		WRITE_ONCE(ring.sring->rsp_event, produced + 1);
		/* As the store writes one and then reads the other. */
		virt_mb();
	} while (READ_ONCE(ring.sring->rsp_prod) != produced);
	unsignalled = false;
}

static void send(struct sp_tmem_op *op, unsigned int slot)
{
	struct stillpoint_tmem_request req = {
		.id = sp_slots_id(&slots, slot),
		.op = op->op,
		.slot = slot,
	};

	fill_request(&req, op);
	if (op->op == STILLPOINT_TMEM_PUT)
		copy_to_slot(op, sp_window_slot(slot));
	if (unsignalled)
		have_next_signalled();
	*RING_GET_REQUEST(&ring, ring.req_prod_pvt) = req;
	ring.req_prod_pvt++;
	under_way[slot] = op;
}

static struct sp_tmem_op *next(void)
{
	struct sp_tmem_op *op = list_first_entry_or_null(&control, struct sp_tmem_op, link);

	if (op)
		list_del_init(&op->link);
	else if (state == OPEN)
		op = sp_pools_next();
	return op;
}

void sp_ring_pump(void)
{
	struct sp_tmem_op *op;
	int slot, notify;

	lockdep_assert_held(&sp_tmem_lock);
	if (state != OPEN && state != HELLO_SENT)
		return;
	while ((slot = sp_slots_take(&slots)) >= 0) {
		op = next();
		if (!op) {
			sp_slots_put(&slots, slot);
			break;
		}
		send(op, slot);
	}
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring, notify);
	if (notify)
		sp_window_notify();
	if (!sp_slots_are_free(&slots) && !timer_pending(&look_timer))
		mod_timer(&look_timer, jiffies + LOOK_EVERY);
}

/* @failed: where requests go that do not wait for another session. */
static void drop_requests(struct list_head *failed)
{
	struct sp_tmem_op *op, *next_op;
	unsigned int i;

	list_for_each_entry_safe(op, next_op, &control, link)
		list_del_init(&op->link);
	/* From the last to the first, each before the one before. */
	for (i = SP_TMEM_SLOTS; i-- > 0;) {
		if (sp_slots_is_taken(&slots, i) && under_way[i])
			sp_pools_send_again(under_way[i], failed);
		under_way[i] = NULL;
	}
	sp_slots_init(&slots, SP_TMEM_SLOTS);
	given_up = 0;
	sp_pools_session_ended(failed);
}

static void end_session(struct list_head *failed)
{
	if (state == OPEN || state == HELLO_SENT)
		drop_requests(failed);
	state = NO_SESSION;
	session = 0;
}

static void begin_session(u32 number)
{
	struct stillpoint_tmem_sring *sring = sp_window_ring();

	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&ring, sring, XEN_PAGE_SIZE);
	unsignalled = false;
	sp_slots_init(&slots, SP_TMEM_SLOTS);
	session = number;
	state = HELLO_SENT;
	sp_window_set_session(number);
	list_add(&hello.link, &control);
}

static void reject(const char *why)
{
	pr_err("tmem: %s; requests wait for another session\n", why);
	state = REJECTED;
	sp_window_set_session(0);
	sp_window_notify();
}

static void hello_answered(const struct stillpoint_tmem_response *rsp)
{
	if (rsp->status == STILLPOINT_TMEM_UNSUPPORTED) {
		reject("the store speaks no protocol as old as ours");
		return;
	}
	if (rsp->status != STILLPOINT_TMEM_OK || rsp->value != STILLPOINT_TMEM_PROTOCOL) {
		reject("the store's greeting makes no sense");
		return;
	}
	pr_info("tmem: a store serves us, protocol %u\n", rsp->value);
	state = OPEN;
	sp_pools_session_began();
}

static void answered_late(unsigned int slot)
{
	if (!(given_up & BIT_ULL(slot)))
		return;
	given_up &= ~BIT_ULL(slot);
	if (!given_up)
		sp_pools_return();
}

/* False if it is no answer to anything. */
static bool take_answer(const struct stillpoint_tmem_response *rsp, struct list_head *done)
{
	int slot = sp_slots_find(&slots, rsp->id);
	struct sp_tmem_op *op;

	if (slot < 0 || rsp->status > STILLPOINT_TMEM_FAILED)
		return false;
	op = under_way[slot];
	if (op && rsp->op != op->op)
		return false;
	if (op && op->op == STILLPOINT_TMEM_GET && rsp->status == STILLPOINT_TMEM_OK)
		copy_from_slot(op, sp_window_slot(slot));
	under_way[slot] = NULL;
	sp_slots_put(&slots, slot);
	if (!op) {
		answered_late(slot);
		return true;
	}

	op->status = rsp->status;
	op->value = rsp->value;
	if (op == &hello)
		hello_answered(rsp);
	else if (op->done)
		list_add_tail(&op->link, done);
	else
		sp_pools_answered(op->pool);
	return true;
}

static void take_answers(struct list_head *done)
{
	struct stillpoint_tmem_response rsp;
	RING_IDX produced;
	int more;

	do {
		produced = READ_ONCE(ring.sring->rsp_prod);
		/* The answers are read after their number. */
		virt_rmb();
		if (RING_RESPONSE_PROD_OVERFLOW(&ring, produced)) {
			reject("the store answers more than was asked");
			return;
		}
		while (ring.rsp_cons != produced) {
			RING_COPY_RESPONSE(&ring, ring.rsp_cons, &rsp);
			ring.rsp_cons++;
			if (!take_answer(&rsp, done)) {
				reject("the store answers what was not asked");
				return;
			}
			if (state == REJECTED)
				return;
		}
		RING_FINAL_CHECK_FOR_RESPONSES(&ring, more);
	} while (more);
	unsignalled = false;
}

/* Afterwards the store signals the next answer. */
static void take_and_pump(struct list_head *done)
{
	if (state == OPEN || state == HELLO_SENT) {
		take_answers(done);
		if (state == REJECTED)
			drop_requests(done);
	}
	sp_ring_pump();
}

void sp_ring_complete(struct list_head *done)
{
	struct sp_tmem_op *op, *next_op;

	local_bh_disable();
	list_for_each_entry_safe(op, next_op, done, link) {
		list_del_init(&op->link);
		op->done(op);
	}
	local_bh_enable();
}

static void serve(struct tasklet_struct *unused)
{
	LIST_HEAD(done);
	unsigned long flags;
	u32 now;

	spin_lock_irqsave(&sp_tmem_lock, flags);
	if (started) {
		now = sp_window_store_session();
		if (now != session) {
			end_session(&done);
			if (now)
				begin_session(now);
			else
				pr_info("tmem: the store closed; requests wait for it\n");
		}
		take_and_pump(&done);
	}
	spin_unlock_irqrestore(&sp_tmem_lock, flags);
	sp_ring_complete(&done);
}

/* True if all that is under way is for @bio. */
static bool is_alone(const struct bio *bio)
{
	const struct sp_tmem_op *op;

	if (!is_power_of_2(slots.taken))
		return false;
	op = under_way[__ffs64(slots.taken)];
	return op && op->bio == bio;
}

/* The store need not signal if nobody waits for another answer. False if there is no store. */
static bool begin_poll(const struct bio *bio)
{
	unsigned long flags;
	bool open;

	spin_lock_irqsave(&sp_tmem_lock, flags);
	open = started && state == OPEN;
	if (open && is_alone(bio)) {
		WRITE_ONCE(ring.sring->rsp_event, ring.rsp_cons);
		unsignalled = true;
	}
	spin_unlock_irqrestore(&sp_tmem_lock, flags);
	return open;
}

static void take_polled(void)
{
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&sp_tmem_lock, flags);
	if (started)
		take_and_pump(&done);
	spin_unlock_irqrestore(&sp_tmem_lock, flags);
	sp_ring_complete(&done);
}

/* Without the lock: somebody's request is under way, so that the pages are there. */
static bool has_answers(void)
{
	return READ_ONCE(ring.sring->rsp_prod) != READ_ONCE(ring.rsp_cons);
}

static bool has_ended(const struct bio *bio)
{
	return atomic_read(&bio->__bi_remaining) == 1;
}

void sp_ring_poll(const struct bio *bio)
{
	unsigned int skips = READ_ONCE(poll_skips);
	u64 end;

	if (has_ended(bio))
		return;
	if (skips) {
		WRITE_ONCE(poll_skips, skips - 1);
		return;
	}
	if (!begin_poll(bio))
		return;
	end = ktime_get_ns() + POLL_NS;
	do {
		cpu_relax();
		if (has_answers())
			take_polled();
	} while (!has_ended(bio) && !need_resched() && ktime_get_ns() < end);

	/* Whoever took its answer has the next one signalled. */
	if (has_ended(bio)) {
		WRITE_ONCE(poll_failed_skips, 1);
		return;
	}
	take_polled();
	skips = READ_ONCE(poll_failed_skips);
	WRITE_ONCE(poll_skips, skips);
	WRITE_ONCE(poll_failed_skips, min(2 * skips, POLL_SKIPS_MAX));
}

/* A store that is there and does nothing keeps nobody waiting who can do without. */
static void give_up(struct list_head *failed)
{
	struct sp_tmem_op *op;
	unsigned int i;

	for (i = 0; i < SP_TMEM_SLOTS; i++)
		if (under_way[i] && sp_pools_is_late(under_way[i]))
			sp_pools_give_up(under_way[i]->pool, failed);
	sp_pools_look(failed);
	/* Their slots stay taken until they are answered. */
	for (i = 0; i < SP_TMEM_SLOTS; i++) {
		op = under_way[i];
		if (!op || !sp_pools_has_given_up(op))
			continue;
		under_way[i] = NULL;
		given_up |= BIT_ULL(i);
		sp_pools_send_again(op, failed);
	}
	if (!given_up)
		sp_pools_return();
}

static void look(struct timer_list *unused)
{
	LIST_HEAD(done);
	unsigned long flags;

	spin_lock_irqsave(&sp_tmem_lock, flags);
	if (started && (state == OPEN || state == HELLO_SENT)) {
		if (!sp_window_is_bound()) {
			pr_warn("tmem: the store is gone; requests wait for it\n");
			end_session(&done);
		} else if (!sp_slots_are_free(&slots)) {
			/* Time that passed while we did not run is not the store's. */
			take_answers(&done);
			if (state == REJECTED)
				drop_requests(&done);
			else
				give_up(&done);
			sp_ring_pump();
			if (!sp_slots_are_free(&slots))
				mod_timer(&look_timer, jiffies + LOOK_EVERY);
		}
	}
	spin_unlock_irqrestore(&sp_tmem_lock, flags);
	sp_ring_complete(&done);
}

void sp_ring_event(void)
{
	tasklet_schedule(&serve_tasklet);
}

bool sp_ring_has_given_up(void)
{
	lockdep_assert_held(&sp_tmem_lock);
	return given_up;
}

bool sp_ring_is_open(void)
{
	lockdep_assert_held(&sp_tmem_lock);
	return state == OPEN;
}

void sp_ring_control(struct sp_tmem_op *op)
{
	lockdep_assert_held(&sp_tmem_lock);
	list_add_tail(&op->link, &control);
}

void sp_ring_forget(struct sp_tmem_op *op)
{
	unsigned int i;

	lockdep_assert_held(&sp_tmem_lock);
	list_del_init(&op->link);
	/* Its slot stays taken until it is answered. */
	for (i = 0; i < SP_TMEM_SLOTS; i++)
		if (under_way[i] == op)
			under_way[i] = NULL;
}

void sp_ring_start(void)
{
	spin_lock_irq(&sp_tmem_lock);
	started = true;
	spin_unlock_irq(&sp_tmem_lock);
	/* The store's first event may have come before. */
	sp_ring_event();
}

void sp_ring_stop(void)
{
	LIST_HEAD(done);

	spin_lock_irq(&sp_tmem_lock);
	started = false;
	end_session(&done);
	spin_unlock_irq(&sp_tmem_lock);
	sp_ring_complete(&done);
}

void sp_ring_exit(void)
{
	del_timer_sync(&look_timer);
	tasklet_kill(&serve_tasklet);
}
