// SPDX-License-Identifier: GPL-2.0
/* The store's end of the ring, with a front end that keeps the rules, and one that does not. */
#include "unit.h"

#include <stdlib.h>

#include <xenctrl.h>

#include <xen/io/ring.h>

#include "tempdir.h"
#include "tmem/ring.h"
#include "tmem_model.h"

#define PAGE STILLPOINT_TMEM_PAGE_SIZE
#define SLOTS 8
#define PERSISTENT (STILLPOINT_TMEM_POOL_4K | STILLPOINT_TMEM_POOL_PERSISTENT)

DEFINE_RING_TYPES(stillpoint_tmem, struct stillpoint_tmem_request, struct stillpoint_tmem_response);

static const uint8_t uuid_a[16] = { 1 };
static struct tmem_store *store;
static struct tmem_domain *dom;
static struct tmem_ring_pages pages;
static struct tmem_ring *ring;
static stillpoint_tmem_front_ring_t front;
static struct stillpoint_tmem_guest_half *guest;
static struct stillpoint_tmem_store_half *host;

static int setup(void **state)
{
	const struct tmem_store_options opts = {
		.limit = UINT64_C(16) << 20,
		.codec = { .codec = STILLPOINT_CODEC_LZ4 },
	};
	uint32_t i;

	(void)state;
	tempdir_enter();
	store = tmem_store_open("store", &opts);
	assert_non_null(store);
	dom = tmem_domain_get(store, 5, uuid_a);
	pages.halves = calloc(1, PAGE);
	pages.ring = calloc(1, PAGE);
	pages.slots = SLOTS;
	for (i = 0; i < SLOTS; i++)
		pages.slot[i] = calloc(1, PAGE);
	guest = pages.halves;
	host = (void *)((char *)pages.halves + STILLPOINT_TMEM_STORE_OFFSET);
	guest->magic = STILLPOINT_TMEM_MAGIC;
	guest->abi_version = STILLPOINT_TMEM_ABI_VERSION;
	guest->slots = SLOTS;
	ring = tmem_ring_open(&pages);
	assert_non_null(ring);
	return 0;
}

static int teardown(void **state)
{
	uint32_t i;

	(void)state;
	tmem_ring_close(ring, false);
	for (i = 0; i < SLOTS; i++)
		free(pages.slot[i]);
	free(pages.ring);
	free(pages.halves);
	tmem_store_close(store);
	tempdir_leave();
	return 0;
}

static void guest_enters(void)
{
	stillpoint_tmem_sring_t *shared = pages.ring;

	SHARED_RING_INIT(shared);
	FRONT_RING_INIT(&front, shared, PAGE);
	guest->session = host->session;
}

/* True if the store is to be signalled. */
static bool send(const struct stillpoint_tmem_request *request)
{
	int notify;

	*RING_GET_REQUEST(&front, front.req_prod_pvt) = *request;
	front.req_prod_pvt++;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
	return notify;
}

static enum tmem_ring_state serve(void)
{
	enum tmem_ring_state state;
	bool notify;

	do
		state = tmem_ring_serve(ring, dom, &notify);
	while (state == TMEM_RING_MORE);
	return state;
}

static struct stillpoint_tmem_response receive(void)
{
	struct stillpoint_tmem_response answer;

	assert_true(front.rsp_cons != front.sring->rsp_prod);
	answer = *RING_GET_RESPONSE(&front, front.rsp_cons);
	front.rsp_cons++;
	return answer;
}

static struct stillpoint_tmem_response ask(const struct stillpoint_tmem_request *request)
{
	struct stillpoint_tmem_response answer;

	send(request);
	assert_int_equal(serve(), TMEM_RING_IDLE);
	answer = receive();
	assert_int_equal(answer.id, request->id);
	assert_int_equal(answer.op, request->op);
	assert_true(front.rsp_cons == front.sring->rsp_prod);
	return answer;
}

static void greet(void)
{
	const struct stillpoint_tmem_request hello = {
		.id = 1,
		.op = STILLPOINT_TMEM_HELLO,
		.hello.version = STILLPOINT_TMEM_PROTOCOL,
	};

	assert_int_equal(ask(&hello).status, STILLPOINT_TMEM_OK);
}

static uint16_t do_pool(uint16_t op, uint32_t flags)
{
	const struct stillpoint_tmem_request request = { .op = op, .pool = 7, .index = flags };

	return ask(&request).status;
}

static uint16_t do_page(uint16_t op, uint32_t index, uint16_t slot)
{
	const struct stillpoint_tmem_request request = {
		.id = index,
		.op = op,
		.slot = slot,
		.pool = 7,
		.index = index,
		.object = 3,
	};

	return ask(&request).status;
}

static void nothing_is_served_before_the_guest_is_in_the_session(void **state)
{
	const struct stillpoint_tmem_request hello = { .op = STILLPOINT_TMEM_HELLO };

	(void)state;
	assert_int_not_equal(host->session, 0);
	assert_int_not_equal(host->session, guest->session);
	SHARED_RING_INIT((stillpoint_tmem_sring_t *)pages.ring);
	FRONT_RING_INIT(&front, (stillpoint_tmem_sring_t *)pages.ring, PAGE);
	send(&hello);
	assert_int_equal(serve(), TMEM_RING_IDLE);
	assert_int_equal(front.sring->rsp_prod, 0);
	guest_enters();
	greet();
	guest->session = 0;
	assert_int_equal(serve(), TMEM_RING_ENDED);
	guest->session = host->session;
	assert_int_equal(serve(), TMEM_RING_ENDED);
}

static void session_is_another_one_each_time(void **state)
{
	uint32_t before = host->session;

	(void)state;
	guest_enters();
	tmem_ring_close(ring, true);
	assert_int_equal(host->session, 0);
	ring = tmem_ring_open(&pages);
	assert_int_not_equal(host->session, before);
	assert_int_not_equal(host->session, 0);
}

static void requests_come_after_hello(void **state)
{
	struct stillpoint_tmem_request hello = { .op = STILLPOINT_TMEM_HELLO };
	struct stillpoint_tmem_response answer;

	(void)state;
	guest_enters();
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_INVALID);
	answer = ask(&hello);
	assert_int_equal(answer.status, STILLPOINT_TMEM_UNSUPPORTED);
	assert_int_equal(answer.value, STILLPOINT_TMEM_PROTOCOL);
	hello.hello.version = 77;
	hello.hello.features = ~UINT64_C(0);
	answer = ask(&hello);
	assert_int_equal(answer.status, STILLPOINT_TMEM_OK);
	assert_int_equal(answer.value, STILLPOINT_TMEM_PROTOCOL);
	assert_int_equal(answer.features, 0);
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_OK);
	assert_int_equal(do_pool(99, 0), STILLPOINT_TMEM_UNSUPPORTED);
}

static void pages_go_and_come_back(void **state)
{
	uint8_t page[PAGE];

	(void)state;
	guest_enters();
	greet();
	assert_int_equal(do_page(STILLPOINT_TMEM_PUT, 1, 0), STILLPOINT_TMEM_NO_POOL);
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_OK);
	model_page(5, pages.slot[2]);
	assert_int_equal(do_page(STILLPOINT_TMEM_PUT, 1, 2), STILLPOINT_TMEM_OK);
	assert_int_equal(do_page(STILLPOINT_TMEM_GET, 1, SLOTS - 1), STILLPOINT_TMEM_OK);
	model_page(5, page);
	assert_memory_equal(pages.slot[SLOTS - 1], page, PAGE);
	assert_int_equal(do_page(STILLPOINT_TMEM_GET, 2, 0), STILLPOINT_TMEM_NOT_FOUND);
	assert_int_equal(do_page(STILLPOINT_TMEM_PUT, 1, SLOTS), STILLPOINT_TMEM_INVALID);
	assert_int_equal(do_page(STILLPOINT_TMEM_GET, 1, 0xffff), STILLPOINT_TMEM_INVALID);
	assert_int_equal(do_page(STILLPOINT_TMEM_INVALIDATE_PAGE, 1, 0), STILLPOINT_TMEM_OK);
	assert_int_equal(do_page(STILLPOINT_TMEM_GET, 1, 0), STILLPOINT_TMEM_NOT_FOUND);
	assert_int_equal(do_pool(STILLPOINT_TMEM_DESTROY_POOL, 0), STILLPOINT_TMEM_OK);
	assert_int_equal(do_pool(STILLPOINT_TMEM_DESTROY_POOL, 0), STILLPOINT_TMEM_NO_POOL);
}

static void fill_ring(uint16_t op)
{
	struct stillpoint_tmem_request request = { .op = op, .pool = 7, .object = 3 };
	uint32_t i;

	for (i = 0; i < STILLPOINT_TMEM_RING_SIZE; i++) {
		request.id = i;
		request.index = i;
		request.slot = i % SLOTS;
		send(&request);
	}
}

static void turn_is_bounded(void **state)
{
	bool notify;
	uint32_t i;

	(void)state;
	guest_enters();
	greet();
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_OK);
	fill_ring(STILLPOINT_TMEM_PUT);
	assert_int_equal(tmem_ring_serve(ring, dom, &notify), TMEM_RING_MORE);
	assert_int_equal(front.sring->rsp_prod - front.rsp_cons, TMEM_RING_TURN);
	assert_int_equal(serve(), TMEM_RING_IDLE);
	for (i = 0; i < STILLPOINT_TMEM_RING_SIZE; i++)
		assert_int_equal(receive().status, STILLPOINT_TMEM_OK);
}

static void polled_guest_does_not_signal(void **state)
{
	const struct stillpoint_tmem_request get = {
		.id = 5,
		.op = STILLPOINT_TMEM_GET,
		.pool = 7,
	};
	bool notify;

	(void)state;
	guest_enters();
	greet();
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_OK);
	assert_true(send(&get));
	assert_int_equal(tmem_ring_poll(ring, dom, &notify), TMEM_RING_MORE);
	assert_int_equal(receive().status, STILLPOINT_TMEM_NOT_FOUND);
	assert_int_equal(tmem_ring_poll(ring, dom, &notify), TMEM_RING_QUIET);
	assert_false(notify);
	assert_false(send(&get));
	assert_int_equal(tmem_ring_poll(ring, dom, &notify), TMEM_RING_MORE);
	assert_int_equal(receive().status, STILLPOINT_TMEM_NOT_FOUND);
	assert_int_equal(tmem_ring_poll(ring, dom, &notify), TMEM_RING_QUIET);
	/* What comes before the last look is seen there. */
	assert_false(send(&get));
	assert_int_equal(tmem_ring_serve(ring, dom, &notify), TMEM_RING_IDLE);
	assert_int_equal(receive().status, STILLPOINT_TMEM_NOT_FOUND);
	assert_true(send(&get));
	assert_int_equal(serve(), TMEM_RING_IDLE);
	assert_int_equal(receive().status, STILLPOINT_TMEM_NOT_FOUND);
}

/* Sweeping an object takes turns; nothing else of the guest is done meanwhile. */
static void sweep_takes_turns(void **state)
{
	const struct stillpoint_tmem_request sweep = {
		.id = 5,
		.op = STILLPOINT_TMEM_INVALIDATE_OBJECT,
		.pool = 7,
		.object = 3,
	};
	unsigned int turns = 0;
	bool notify;

	(void)state;
	guest_enters();
	greet();
	assert_int_equal(do_pool(STILLPOINT_TMEM_NEW_POOL, PERSISTENT), STILLPOINT_TMEM_OK);
	fill_ring(STILLPOINT_TMEM_PUT);
	serve();
	front.rsp_cons = front.sring->rsp_prod;
	send(&sweep);
	send(&sweep);
	while (tmem_ring_serve(ring, dom, &notify) == TMEM_RING_MORE)
		turns++;
	assert_true(turns >= STILLPOINT_TMEM_RING_SIZE / TMEM_RING_TURN - 1);
	assert_int_equal(receive().status, STILLPOINT_TMEM_OK);
	assert_int_equal(receive().status, STILLPOINT_TMEM_OK);
	assert_int_equal(do_page(STILLPOINT_TMEM_GET, 9, 0), STILLPOINT_TMEM_NOT_FOUND);
}

static void too_many_requests_end_the_session(void **state)
{
	(void)state;
	guest_enters();
	greet();
	front.sring->req_prod = front.rsp_cons + STILLPOINT_TMEM_RING_SIZE + 1;
	assert_int_equal(serve(), TMEM_RING_BROKEN);
	assert_non_null(strstr(msg_error_text(), "requests"));
	msg_error_clear();
	front.sring->req_prod = 1;
	assert_int_equal(serve(), TMEM_RING_ENDED);
}

static void wrong_names_are_refused(void **state)
{
	struct tmem_ring_names names;

	(void)state;
	assert_works(tmem_ring_read(pages.halves, &names));
	assert_int_equal(names.slots, SLOTS);
	guest->slots = 0;
	assert_fails(tmem_ring_read(pages.halves, &names), "slots");
	guest->slots = STILLPOINT_TMEM_SLOTS_MAX + 1;
	assert_fails(tmem_ring_read(pages.halves, &names), "slots");
	guest->slots = 1;
	guest->abi_version++;
	assert_fails(tmem_ring_read(pages.halves, &names), "ABI");
	guest->magic++;
	assert_fails(tmem_ring_read(pages.halves, &names), "magic");
}

/* Whatever is in the ring, there are as many answers as requests, and nothing else happens. */
static void random_requests_are_answered(void **state)
{
	struct stillpoint_tmem_request request;
	uint64_t seed = 31;
	unsigned int i, answered = 0;
	uint32_t *words = (uint32_t *)&request, n;

	(void)state;
	guest_enters();
	greet();
	for (i = 0; i < 20000; i++) {
		for (n = 0; n < sizeof(request) / sizeof(*words); n++)
			words[n] = model_random(&seed) % 4 ? model_random(&seed) % 16 :
							     model_random(&seed);
		request.id = i;
		send(&request);
		if (i % 64 != 63)
			continue;
		assert_int_equal(serve(), TMEM_RING_IDLE);
		while (front.rsp_cons != front.sring->rsp_prod) {
			assert_int_equal(receive().id, answered);
			answered++;
		}
	}
	assert_int_equal(answered, i / 64 * 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_is_served_before_the_guest_is_in_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(session_is_another_one_each_time, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_come_after_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_go_and_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(turn_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(polled_guest_does_not_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep_takes_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_requests_end_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_names_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(random_requests_are_answered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
