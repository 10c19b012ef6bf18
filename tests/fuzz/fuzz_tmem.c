// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile guest at its ring, and a confused peer at the daemon's socket, in any order. Another
 * domain's pages stay what they are, and when the guest is gone, so is all that it had.
 */
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include <xen/io/ring.h>

#include "fuzz.h"
#include "tmem/ring.h"
#include "tmem/server.h"
#include "tmem_actions.h"

#define PAGE STILLPOINT_TMEM_PAGE_SIZE
#define SLOTS 4
#define GUEST 5
#define VICTIM 6
#define VICTIM_PAGES 4

DEFINE_RING_TYPES(stillpoint_tmem, struct stillpoint_tmem_request, struct stillpoint_tmem_response);

/* Of the guest; the pages of halves, ring and window are behind each other. */
static uint8_t memory[(2 + SLOTS) * PAGE] __attribute__((aligned(PAGE)));
static struct tmem_ring_pages pages;
static struct tmem_store *store;
static struct tmem_ring *ring;
static struct tmem_client *client;
static uint64_t message[TMEM_MSG_MAX / 8], reply[TMEM_MSG_MAX / 8];
static unsigned int done;
/* What the store said last of its answers, and turns since. */
static uint32_t answered, turns;

static int host_identify(struct tmem_host *host, uint32_t domid, uint8_t uuid[16])
{
	(void)host;
	memset(uuid, domid, 16);
	return domid == GUEST || domid == VICTIM ? 0 : -1;
}

static bool host_connected(struct tmem_host *host, uint32_t domid)
{
	(void)host;
	return domid == GUEST;
}

static const struct tmem_host_ops host_ops = { host_identify, host_connected };
static struct tmem_host host = { &host_ops };

static struct tmem_domain *domain(uint32_t domid)
{
	struct tmem_domain *d;
	uint8_t uuid[16];

	memset(uuid, domid, sizeof(uuid));
	d = tmem_domain_get(store, domid, uuid);
	fuzz_check(d);
	return d;
}

static void victim_page(uint32_t n, uint8_t *page)
{
	memset(page, n, PAGE);
	page[n] = 0xa5;
}

/* The store is made once, and lives on: each input leaves it as it was. */
static void begin(void)
{
	const struct tmem_store_options opts = {
		.limit = TMEM_STORE_LIMIT_MIN,
		.quota = 300,
		.codec = { .codec = STILLPOINT_CODEC_LZ4 },
	};
	static const uint8_t no_uuid[16];
	uint8_t page[PAGE];
	bool created;
	uint32_t i;

	if (!store) {
		store = tmem_store_open("store", &opts);
		fuzz_check(store);
	}
	tmem_pool_new(domain(VICTIM), 0, STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_4K,
		      no_uuid, &created);
	for (i = 0; i < VICTIM_PAGES; i++) {
		victim_page(i, page);
		fuzz_check(!tmem_put(domain(VICTIM), 0, 0, i, page));
	}
	memset(memory, 0, sizeof(memory));
	pages.halves = memory;
	pages.ring = memory + PAGE;
	pages.slots = SLOTS;
	for (i = 0; i < SLOTS; i++)
		pages.slot[i] = memory + (2 + i) * PAGE;
	ring = tmem_ring_open(&pages);
	client = tmem_client_new(store, &host);
	fuzz_check(ring && client);
	done = 0;
	answered = 0;
	turns = 0;
}

static void end(void)
{
	struct tmem_stats stats;
	uint8_t page[PAGE], expected[PAGE];
	uint32_t i;

	tmem_ring_close(ring, true);
	tmem_client_free(client);
	tmem_domain_drop(domain(GUEST));
	while (tmem_store_work(store, 64))
		;
	for (i = 0; i < VICTIM_PAGES; i++) {
		fuzz_check(!tmem_get(domain(VICTIM), 0, 0, i, page));
		victim_page(i, expected);
		fuzz_check(!memcmp(page, expected, PAGE));
	}
	tmem_domain_drop(domain(VICTIM));
	while (tmem_store_work(store, 64))
		;
	tmem_store_stats(store, &stats);
	fuzz_check(!stats.pages && !stats.blobs && !stats.pools && !stats.stored_bytes);
	fuzz_check(!stats.domains && stats.used_bytes <= stats.limit_bytes);
}

static void act_send(struct fuzz_input *in)
{
	stillpoint_tmem_sring_t *shared = pages.ring;
	uint32_t at = shared->req_prod % STILLPOINT_TMEM_RING_SIZE;

	fuzz_take(in, &shared->ring[at].req, sizeof(shared->ring[at].req));
	shared->req_prod++;
}

static void act_poke(struct fuzz_input *in)
{
	uint16_t at;
	uint32_t value;

	fuzz_take(in, &at, sizeof(at));
	fuzz_take(in, &value, sizeof(value));
	memcpy(memory + at % (sizeof(memory) - sizeof(value)), &value, sizeof(value));
}

static void act_serve(void)
{
	const stillpoint_tmem_sring_t *shared = pages.ring;
	struct tmem_domain *d = domain(GUEST);
	uint32_t before = shared->rsp_prod;
	bool notify;

	if (tmem_domain_is_held(d))
		return;
	if (tmem_ring_serve(ring, d, &notify) == TMEM_RING_BROKEN)
		fuzz_verdict(-1);
	turns++;
	/* The guest writes there, too: what is as it was may be the guest's. */
	if (shared->rsp_prod == before)
		return;
	fuzz_check(shared->rsp_prod - answered <= TMEM_RING_TURN * turns);
	for (; answered != shared->rsp_prod; answered++)
		done += !shared->ring[answered % STILLPOINT_TMEM_RING_SIZE].rsp.status;
	turns = 0;
}

static void act_enter(void)
{
	stillpoint_tmem_sring_t *shared = pages.ring;
	struct stillpoint_tmem_guest_half *guest = pages.halves;

	SHARED_RING_INIT(shared);
	memcpy(&guest->session, memory + STILLPOINT_TMEM_STORE_OFFSET, sizeof(guest->session));
}

/* A peer that is cut off is replaced by the next. */
static void say(size_t size)
{
	const struct tmem_msg *answer = (struct tmem_msg *)reply;
	ssize_t n = tmem_client_message(client, message, size, reply);

	fuzz_check(n <= (ssize_t)TMEM_MSG_MAX);
	if (n < 0) {
		tmem_client_free(client);
		client = tmem_client_new(store, &host);
		fuzz_check(client);
		return;
	}
	fuzz_check(n >= (ssize_t)sizeof(*answer));
	done += answer->status == TMEM_STATUS_OK;
}

static void act_message(struct fuzz_input *in)
{
	static const size_t sizes[] = {
		[TMEM_MSG_HELLO] = sizeof(struct tmem_hello),
		[TMEM_MSG_LIST] = sizeof(struct tmem_list),
		[TMEM_MSG_STATS] = sizeof(struct tmem_msg),
		[TMEM_MSG_SET] = sizeof(struct tmem_set),
		[TMEM_MSG_EXPORT] = sizeof(struct tmem_export_request),
		[TMEM_MSG_NEXT] = sizeof(struct tmem_next),
		[TMEM_MSG_HOLD] = sizeof(struct tmem_hold),
		[TMEM_MSG_RELEASE] = sizeof(struct tmem_release),
		[TMEM_MSG_IMPORT] = sizeof(struct tmem_import_request),
		[TMEM_MSG_RECORDS] = sizeof(struct tmem_records),
		[TMEM_MSG_IMPORT_END] = sizeof(struct tmem_totals),
		[TMEM_MSG_BIND] = sizeof(struct tmem_bind),
	};
	struct tmem_msg *msg = (struct tmem_msg *)message;
	uint32_t type = fuzz_take_u8(in) % (sizeof(sizes) / sizeof(sizes[0]));

	msg->type = type;
	msg->status = 0;
	fuzz_take(in, msg + 1, type ? sizes[type] - sizeof(*msg) : 8);
	/* A token that the peer was given cannot be guessed. */
	if (type == TMEM_MSG_BIND)
		memcpy(&((struct tmem_bind *)message)->token,
		       &((struct tmem_import_reply *)reply)->token, sizeof(uint64_t));
	say(type ? sizes[type] : 16);
}

static void act_records(struct fuzz_input *in)
{
	struct tmem_records *records = (struct tmem_records *)message;
	uint16_t size;

	fuzz_take(in, &size, sizeof(size));
	*records = (struct tmem_records){ .msg.type = TMEM_MSG_RECORDS, .size = size % 8192 };
	fuzz_take(in, records->records, records->size);
	say(sizeof(*records) + records->size);
}

static void act_raw(struct fuzz_input *in)
{
	uint8_t size = fuzz_take_u8(in);

	fuzz_take(in, message, size);
	say(size);
}

static void act_page(struct fuzz_input *in)
{
	uint64_t *words = pages.slot[fuzz_take_u8(in) % SLOTS], state;
	uint32_t seed;
	unsigned int i;

	fuzz_take(in, &seed, sizeof(seed));
	state = seed;
	memset(words, 0, PAGE);
	for (i = 0; seed && i < seed % (PAGE / 8 + 1); i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		words[i] = state;
	}
}

static void act_rarely(uint8_t action)
{
	switch (action) {
	case ACTION_EXPIRE:
		tmem_client_expire(client, UINT64_MAX);
		break;
	case ACTION_WORK:
		tmem_store_work(store, 8);
		break;
	case ACTION_CONNECT:
		tmem_ring_close(ring, true);
		ring = tmem_ring_open(&pages);
		fuzz_check(ring);
		answered = 0;
		turns = 0;
		break;
	case ACTION_ACCEPT:
		tmem_client_free(client);
		client = tmem_client_new(store, &host);
		fuzz_check(client);
		break;
	default:
		tmem_domain_drop(domain(GUEST));
	}
}

static void act(uint8_t action, struct fuzz_input *in)
{
	switch (action) {
	case ACTION_SEND:
		return act_send(in);
	case ACTION_POKE:
		return act_poke(in);
	case ACTION_SERVE:
		return act_serve();
	case ACTION_ENTER:
		return act_enter();
	case ACTION_MESSAGE:
		return act_message(in);
	case ACTION_RECORDS:
		return act_records(in);
	case ACTION_RAW:
		return act_raw(in);
	case ACTION_PAGE:
		return act_page(in);
	default:
		return act_rarely(action);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	begin();
	while (in.size)
		act(fuzz_take_u8(&in) % ACTIONS, &in);
	end();
	if (done)
		fuzz_verdict(0);
	return 0;
}
