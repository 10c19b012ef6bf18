// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* xenctrl.h has the barriers that ring.h needs. */
#include <xenctrl.h>

#include <xen/io/ring.h>

#include "msg.h"
#include "tmem/ring.h"

DEFINE_RING_TYPES(stillpoint_tmem, struct stillpoint_tmem_request, struct stillpoint_tmem_response);

/**
 * struct tmem_ring - a session
 * @number: of the session
 * @begun: the guest has made the ring empty for it
 * @over: the guest left, or broke it
 * @greeted: HELLO was answered with OK
 * @sweeping: @request is under way
 * @page: a copy of what the guest may still write
 */
struct tmem_ring {
	struct tmem_ring_pages pages;
	const volatile struct stillpoint_tmem_guest_half *guest;
	volatile struct stillpoint_tmem_store_half *store;
	stillpoint_tmem_back_ring_t back;
	uint32_t number;
	bool begun;
	bool over;
	bool greeted;
	bool sweeping;
	struct stillpoint_tmem_request request;
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE];
};

int tmem_ring_read(const void *halves, struct tmem_ring_names *names)
{
	const volatile struct stillpoint_tmem_guest_half *guest = halves;
	uint64_t magic = guest->magic;
	uint32_t version = guest->abi_version, i;

	if (magic != STILLPOINT_TMEM_MAGIC)
		return msg_error("the tmem page has magic %#llx, expected %#llx",
				 (unsigned long long)magic, STILLPOINT_TMEM_MAGIC);
	if (version != STILLPOINT_TMEM_ABI_VERSION)
		return msg_error(
			"the tmem page has ABI %u, this store %u; install matching versions",
			version, STILLPOINT_TMEM_ABI_VERSION);
	names->ring_ref = guest->ring_ref;
	names->slots = guest->slots;
	if (!names->slots || names->slots > STILLPOINT_TMEM_SLOTS_MAX)
		return msg_error("the tmem page names %u slots, 1 to %u are allowed", names->slots,
				 STILLPOINT_TMEM_SLOTS_MAX);
	for (i = 0; i < names->slots; i++)
		names->slot_ref[i] = guest->slot_ref[i];
	return 0;
}

struct tmem_ring *tmem_ring_open(const struct tmem_ring_pages *pages)
{
	struct tmem_ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		msg_error("out of memory");
		return NULL;
	}
	ring->pages = *pages;
	ring->guest = pages->halves;
	ring->store = (void *)((char *)pages->halves + STILLPOINT_TMEM_STORE_OFFSET);
	/* Should it be the guest's last one by chance, or none, the next is not. */
	if (getrandom(&ring->number, sizeof(ring->number), 0) != sizeof(ring->number))
		ring->number = 1;
	while (!ring->number || ring->number == ring->guest->session)
		ring->number++;
	__atomic_store_n(&ring->store->session, ring->number, __ATOMIC_RELEASE);
	return ring;
}

void tmem_ring_close(struct tmem_ring *ring, bool clean)
{
	if (!ring)
		return;
	if (clean)
		__atomic_store_n(&ring->store->session, 0, __ATOMIC_RELEASE);
	free(ring);
}

static void ring_answer(struct tmem_ring *ring, const struct stillpoint_tmem_response *answer)
{
	*RING_GET_RESPONSE(&ring->back, ring->back.rsp_prod_pvt) = *answer;
	ring->back.rsp_prod_pvt++;
}

static enum stillpoint_tmem_status ring_hello(struct tmem_ring *ring,
					      const struct stillpoint_tmem_request *request,
					      struct stillpoint_tmem_response *answer)
{
	answer->value = STILLPOINT_TMEM_PROTOCOL;
	if (request->hello.version < STILLPOINT_TMEM_PROTOCOL)
		return STILLPOINT_TMEM_UNSUPPORTED;
	ring->greeted = true;
	return STILLPOINT_TMEM_OK;
}

static enum stillpoint_tmem_status ring_new_pool(struct tmem_domain *d,
						 const struct stillpoint_tmem_request *request,
						 struct stillpoint_tmem_response *answer)
{
	enum stillpoint_tmem_status status;
	bool created;

	status = tmem_pool_new(d, request->pool, request->index, request->uuid, &created);
	if (status == STILLPOINT_TMEM_OK)
		answer->value = created ? STILLPOINT_TMEM_CREATED : STILLPOINT_TMEM_FOUND;
	return status;
}

static enum stillpoint_tmem_status ring_put(struct tmem_ring *ring, struct tmem_domain *d,
					    const struct stillpoint_tmem_request *request)
{
	if (request->slot >= ring->pages.slots)
		return STILLPOINT_TMEM_INVALID;
	memcpy(ring->page, ring->pages.slot[request->slot], sizeof(ring->page));
	return tmem_put(d, request->pool, request->object, request->index, ring->page);
}

static enum stillpoint_tmem_status ring_get(struct tmem_ring *ring, struct tmem_domain *d,
					    const struct stillpoint_tmem_request *request)
{
	enum stillpoint_tmem_status status;

	if (request->slot >= ring->pages.slots)
		return STILLPOINT_TMEM_INVALID;
	status = tmem_get(d, request->pool, request->object, request->index, ring->page);
	if (status == STILLPOINT_TMEM_OK)
		memcpy(ring->pages.slot[request->slot], ring->page, sizeof(ring->page));
	return status;
}

/* What is greeted already. *@more: the request needs another turn. */
static enum stillpoint_tmem_status ring_do(struct tmem_ring *ring, struct tmem_domain *d,
					   const struct stillpoint_tmem_request *request,
					   struct stillpoint_tmem_response *answer, bool *more)
{
	switch (request->op) {
	case STILLPOINT_TMEM_NEW_POOL:
		return ring_new_pool(d, request, answer);
	case STILLPOINT_TMEM_DESTROY_POOL:
		return tmem_pool_destroy(d, request->pool);
	case STILLPOINT_TMEM_PUT:
		return ring_put(ring, d, request);
	case STILLPOINT_TMEM_GET:
		return ring_get(ring, d, request);
	case STILLPOINT_TMEM_INVALIDATE_PAGE:
		return tmem_invalidate(d, request->pool, request->object, request->index);
	case STILLPOINT_TMEM_INVALIDATE_OBJECT:
		return tmem_invalidate_object(d, request->pool, request->object, TMEM_RING_TURN,
					      more);
	default:
		return STILLPOINT_TMEM_UNSUPPORTED;
	}
}

/* False if ring->request is not done yet. */
static bool ring_request(struct tmem_ring *ring, struct tmem_domain *d)
{
	const struct stillpoint_tmem_request *request = &ring->request;
	struct stillpoint_tmem_response answer = { .id = request->id, .op = request->op };
	bool more = false;

	if (request->op == STILLPOINT_TMEM_HELLO)
		answer.status = ring_hello(ring, request, &answer);
	else if (!ring->greeted)
		answer.status = STILLPOINT_TMEM_INVALID;
	else
		answer.status = ring_do(ring, d, request, &answer, &more);
	if (more)
		return false;
	if (answer.status == STILLPOINT_TMEM_INVALID ||
	    answer.status == STILLPOINT_TMEM_UNSUPPORTED)
		tmem_domain_count_invalid(d);
	ring_answer(ring, &answer);
	return true;
}

/* Whether the guest is in the session; it makes its ring empty when it comes. */
static enum tmem_ring_state ring_check_session(struct tmem_ring *ring)
{
	uint32_t number = __atomic_load_n(&ring->guest->session, __ATOMIC_ACQUIRE);

	if (ring->over)
		return TMEM_RING_ENDED;
	if (number == ring->number) {
		if (!ring->begun)
			BACK_RING_INIT(&ring->back, (stillpoint_tmem_sring_t *)ring->pages.ring,
				       STILLPOINT_TMEM_PAGE_SIZE);
		ring->begun = true;
		return TMEM_RING_MORE;
	}
	ring->over = ring->begun;
	return ring->begun ? TMEM_RING_ENDED : TMEM_RING_IDLE;
}

/* True if ring->request is the next one. */
static bool ring_next(struct tmem_ring *ring)
{
	RING_IDX ready = __atomic_load_n(&ring->back.sring->req_prod, __ATOMIC_ACQUIRE);

	if (ring->sweeping)
		return true;
	if (ready - ring->back.rsp_prod_pvt > RING_SIZE(&ring->back)) {
		msg_error("the guest's tmem ring has %u requests, at most %u fit",
			  ready - ring->back.rsp_prod_pvt, (unsigned int)RING_SIZE(&ring->back));
		ring->over = true;
		return false;
	}
	if (ready == ring->back.req_cons)
		return false;
	RING_COPY_REQUEST(&ring->back, ring->back.req_cons, &ring->request);
	ring->back.req_cons++;
	return true;
}

/* The requests of one turn. *@empty: there was no other at its end. */
static enum tmem_ring_state ring_turn(struct tmem_ring *ring, struct tmem_domain *d, bool *notify,
				      bool *empty)
{
	enum tmem_ring_state state = ring_check_session(ring);
	bool push = false;
	unsigned int n;

	*notify = false;
	*empty = false;
	if (state != TMEM_RING_MORE)
		return state;
	for (n = 0; n < TMEM_RING_TURN; n++) {
		*empty = !ring_next(ring);
		if (*empty)
			break;
		ring->sweeping = !ring_request(ring, d);
		if (ring->sweeping)
			break;
		push = true;
	}
	if (push)
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring->back, *notify);
	if (ring->over)
		return TMEM_RING_BROKEN;
	return n || !*empty ? TMEM_RING_MORE : TMEM_RING_QUIET;
}

enum tmem_ring_state tmem_ring_poll(struct tmem_ring *ring, struct tmem_domain *d, bool *notify)
{
	bool empty;

	return ring_turn(ring, d, notify, &empty);
}

enum tmem_ring_state tmem_ring_serve(struct tmem_ring *ring, struct tmem_domain *d, bool *notify)
{
	bool empty, more = true;
	enum tmem_ring_state state = ring_turn(ring, d, notify, &empty);

	if (state != TMEM_RING_MORE && state != TMEM_RING_QUIET)
		return state;
	if (empty)
		RING_FINAL_CHECK_FOR_REQUESTS(&ring->back, more);
	return more ? TMEM_RING_MORE : TMEM_RING_IDLE;
}
