// SPDX-License-Identifier: GPL-2.0
/* What the daemon answers at its socket. */
#include "unit.h"

#include <stdlib.h>

#include "tempdir.h"
#include "tmem/server.h"
#include "tmem_model.h"

#define DOMID 5
#define PAGE STILLPOINT_TMEM_PAGE_SIZE

static struct tmem_store *store;
static struct tmem_domain *dom;
static struct tmem_client *client, *other;
static void *reply;
static uint32_t domains_there;

static const struct tmem_next_reply *next_reply(void)
{
	return reply;
}

static const struct tmem_import_reply *import_reply(void)
{
	return reply;
}

static int identify(struct tmem_host *host, uint32_t domid, uint8_t uuid[16])
{
	(void)host;
	memset(uuid, domid, 16);
	return domid && domid <= domains_there ? 0 : -1;
}

static bool connected(struct tmem_host *host, uint32_t domid)
{
	(void)host;
	return domid == DOMID;
}

static const struct tmem_host_ops ops = { .identify = identify, .connected = connected };
static struct tmem_host host = { .ops = &ops };

/* Returns the length of the answer; its status is of no interest. */
static ssize_t say(struct tmem_client *c, uint32_t type, void *message, size_t size)
{
	((struct tmem_msg *)message)->type = type;
	return tmem_client_message(c, message, size, reply);
}

static uint32_t ask(struct tmem_client *c, uint32_t type, void *message, size_t size)
{
	const struct tmem_msg *answer = reply;

	assert_true(say(c, type, message, size) >= (ssize_t)sizeof(*answer));
	assert_int_equal(answer->type, type);
	return answer->status;
}

static uint32_t greet(struct tmem_client *c)
{
	struct tmem_hello hello = { .version = TMEM_PROTOCOL_VERSION };

	return ask(c, TMEM_MSG_HELLO, &hello, sizeof(hello));
}

static uint32_t do_export(struct tmem_client *c, uint32_t domid)
{
	struct tmem_export_request request = { .domid = domid };

	return ask(c, TMEM_MSG_EXPORT, &request, sizeof(request));
}

static uint32_t do_next(struct tmem_client *c)
{
	struct tmem_next next = { .max = TMEM_RECORDS_MAX };

	return ask(c, TMEM_MSG_NEXT, &next, sizeof(next));
}

static uint32_t next_state(struct tmem_client *c)
{
	assert_int_equal(do_next(c), TMEM_STATUS_OK);
	return next_reply()->state;
}

static uint32_t do_hold(struct tmem_client *c, uint64_t us)
{
	struct tmem_hold hold = { .timeout_us = us };

	return ask(c, TMEM_MSG_HOLD, &hold, sizeof(hold));
}

static uint32_t do_release(struct tmem_client *c, uint32_t flags)
{
	struct tmem_release release = { .flags = flags };

	return ask(c, TMEM_MSG_RELEASE, &release, sizeof(release));
}

static void put(struct tmem_domain *d, uint32_t index, uint32_t n)
{
	uint8_t page[PAGE];

	model_page(n, page);
	assert_int_equal(tmem_put(d, 0, 0, index, page), STILLPOINT_TMEM_OK);
}

static int setup(void **state)
{
	const struct tmem_store_options opts = {
		.limit = UINT64_C(16) << 20,
		.codec = { .codec = STILLPOINT_CODEC_LZ4 },
	};
	static const uint8_t none[16];
	uint8_t uuid[16];
	bool created;

	(void)state;
	tempdir_enter();
	reply = malloc(TMEM_MSG_MAX);
	domains_there = 6;
	store = tmem_store_open("store", &opts);
	assert_non_null(store);
	identify(&host, DOMID, uuid);
	dom = tmem_domain_get(store, DOMID, uuid);
	assert_int_equal(tmem_pool_new(dom, 0, model_pool_flags(0), none, &created), 0);
	put(dom, 1, 5);
	client = tmem_client_new(store, &host);
	other = tmem_client_new(store, &host);
	assert_int_equal(greet(client), TMEM_STATUS_OK);
	assert_int_equal(greet(other), TMEM_STATUS_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tmem_client_free(client);
	tmem_client_free(other);
	tmem_store_close(store);
	free(reply);
	tempdir_leave();
	return 0;
}

static void what_is_no_message_is_cut_off(void **state)
{
	uint64_t words[TMEM_MSG_MAX / 8 + 1] = { 0 };
	struct tmem_client *rude = tmem_client_new(store, &host);
	struct tmem_records *records = (struct tmem_records *)words;
	struct tmem_hello hello = { .version = TMEM_PROTOCOL_VERSION + 1 };

	(void)state;
	assert_int_equal(say(rude, TMEM_MSG_STATS, words, sizeof(struct tmem_msg)), -1);
	assert_int_equal(ask(rude, TMEM_MSG_HELLO, &hello, sizeof(hello)), TMEM_STATUS_VERSION);
	assert_int_equal(say(rude, TMEM_MSG_STATS, words, sizeof(struct tmem_msg)), -1);
	tmem_client_free(rude);
	assert_int_equal(say(client, TMEM_MSG_STATS, words, 4), -1);
	assert_int_equal(say(client, TMEM_MSG_STATS, words, sizeof(struct tmem_msg) + 8), -1);
	assert_int_equal(say(client, 0, words, sizeof(struct tmem_msg)), -1);
	assert_int_equal(say(client, 99, words, sizeof(struct tmem_msg)), -1);
	assert_int_equal(say(client, TMEM_MSG_STATS, words, sizeof(words)), -1);
	records->size = 100;
	assert_int_equal(say(client, TMEM_MSG_RECORDS, words, sizeof(*records) + 99), -1);
	records->size = UINT32_MAX;
	assert_int_equal(say(client, TMEM_MSG_RECORDS, words, sizeof(*records) - 1), -1);
	records->msg.status = 1;
	assert_int_equal(say(client, TMEM_MSG_STATS, words, sizeof(struct tmem_msg)), -1);
}

static void list_names_domains(void **state)
{
	const struct tmem_list_reply *list = reply;
	struct tmem_list request = { .start = 0 };

	(void)state;
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_hold(client, 1000), TMEM_STATUS_OK);
	assert_int_equal(ask(other, TMEM_MSG_LIST, &request, sizeof(request)), TMEM_STATUS_OK);
	assert_int_equal(list->n, 1);
	assert_int_equal(list->next, 0);
	assert_int_equal(list->domains[0].domid, DOMID);
	assert_int_equal(list->domains[0].persistent, 1);
	assert_int_equal(list->domains[0].flags,
			 TMEM_DOMAIN_CONNECTED | TMEM_DOMAIN_EXPORTED | TMEM_DOMAIN_HELD);
	request.start = UINT32_MAX;
	assert_int_equal(ask(other, TMEM_MSG_LIST, &request, sizeof(request)), TMEM_STATUS_OK);
	assert_int_equal(list->n, 0);
}

static void set_is_checked(void **state)
{
	struct tmem_set set = { .domid = 7, .what = TMEM_SET_WEIGHT, .weight = 5 };
	struct tmem_domain_info info;

	(void)state;
	assert_int_equal(ask(client, TMEM_MSG_SET, &set, sizeof(set)), TMEM_STATUS_NO_DOMAIN);
	set.domid = DOMID;
	assert_int_equal(ask(client, TMEM_MSG_SET, &set, sizeof(set)), TMEM_STATUS_OK);
	tmem_domain_info(dom, &info);
	assert_int_equal(info.weight, 5);
	set.weight = 0;
	assert_int_equal(ask(client, TMEM_MSG_SET, &set, sizeof(set)), TMEM_STATUS_BAD);
	set.what = 1u << 20;
	assert_int_equal(ask(client, TMEM_MSG_SET, &set, sizeof(set)), TMEM_STATUS_BAD);
	set.what = TMEM_SET_SHARE;
	assert_int_equal(ask(client, TMEM_MSG_SET, &set, sizeof(set)), TMEM_STATUS_BAD);
}

static void hold_lasts_until_release(void **state)
{
	(void)state;
	assert_int_equal(do_hold(client, 1000), TMEM_STATUS_ORDER);
	assert_int_equal(do_next(client), TMEM_STATUS_ORDER);
	assert_int_equal(do_export(client, 7), TMEM_STATUS_NO_DOMAIN);
	assert_int_equal(do_export(client, 6), TMEM_STATUS_NO_POOLS);
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_export(other, DOMID), TMEM_STATUS_BUSY);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_ORDER);
	assert_int_equal(next_state(client), TMEM_NEXT_IDLE);
	assert_int_equal(do_hold(client, 0), TMEM_STATUS_BAD);
	assert_int_equal(do_hold(client, UINT64_MAX), TMEM_STATUS_BAD);
	assert_false(tmem_domain_is_held(dom));
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_true(tmem_domain_is_held(dom));
	assert_int_equal(do_hold(client, 1000), TMEM_STATUS_ORDER);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_OK);
	assert_false(tmem_domain_is_held(dom));
	put(dom, 2, 9);
	assert_int_equal(next_state(client), TMEM_NEXT_END);
	assert_int_equal(next_reply()->totals.persistent, 1);
	assert_int_equal(next_reply()->size, 0);
}

static void hold_that_is_forgotten_may_come_again(void **state)
{
	(void)state;
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_int_equal(do_release(client, TMEM_RELEASE_FORGET), TMEM_STATUS_OK);
	put(dom, 2, 9);
	assert_int_equal(next_state(client), TMEM_NEXT_IDLE);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_OK);
	assert_int_equal(next_state(client), TMEM_NEXT_END);
	assert_int_equal(next_reply()->totals.persistent, 2);
}

static void hold_ends_by_itself(void **state)
{
	(void)state;
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_true(tmem_client_deadline(client) == UINT64_MAX);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_true(tmem_client_deadline(client) < UINT64_MAX);
	tmem_client_expire(client, tmem_client_deadline(client) - 1);
	assert_true(tmem_domain_is_held(dom));
	tmem_client_expire(client, tmem_client_deadline(client));
	assert_false(tmem_domain_is_held(dom));
	put(dom, 2, 9);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_EXPIRED);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_ORDER);
	/* The mark is void, the export is not. */
	assert_int_equal(next_state(client), TMEM_NEXT_IDLE);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_OK);
	assert_int_equal(next_state(client), TMEM_NEXT_END);
}

static void hold_ends_with_the_connection(void **state)
{
	(void)state;
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	tmem_client_free(client);
	client = NULL;
	assert_false(tmem_domain_is_held(dom));
	assert_int_equal(do_export(other, DOMID), TMEM_STATUS_OK);
}

static void hold_of_a_domain_that_goes_ends(void **state)
{
	(void)state;
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	tmem_domain_drop(dom);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_OK);
	assert_int_equal(next_state(client), TMEM_NEXT_END);
	assert_int_equal(next_reply()->totals.persistent, 1);
}

/* What one connection takes, another gives to a domain. */
static void pools_go_from_one_to_another(void **state)
{
	static uint64_t message[TMEM_MSG_MAX / 8];
	const struct tmem_next_reply *next = reply;
	struct tmem_records *records = (struct tmem_records *)message;
	struct tmem_import_request import = { .codecs = 3 };
	struct tmem_bind bind = { .domid = 6 };
	struct tmem_totals totals;
	uint8_t uuid[16];

	(void)state;
	put(dom, 9, 6);
	assert_int_equal(do_export(client, DOMID), TMEM_STATUS_OK);
	assert_int_equal(do_hold(client, 1000000000), TMEM_STATUS_OK);
	assert_int_equal(do_release(client, 0), TMEM_STATUS_OK);
	assert_int_equal(next_state(client), TMEM_NEXT_END);
	totals = next->totals;
	records->size = next->size;
	memcpy(records->records, next->records, next->size);
	import.coming = totals;
	assert_int_equal(ask(client, TMEM_MSG_IMPORT, &import, sizeof(import)), TMEM_STATUS_ORDER);
	assert_int_equal(ask(other, TMEM_MSG_IMPORT, &import, sizeof(import)), TMEM_STATUS_OK);
	bind.token = import_reply()->token;
	assert_int_equal(ask(other, TMEM_MSG_RECORDS, message, sizeof(*records) + records->size),
			 TMEM_STATUS_OK);
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_ORDER);
	assert_int_equal(ask(other, TMEM_MSG_IMPORT_END, &totals, sizeof(totals)), TMEM_STATUS_OK);
	bind.token++;
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_BAD);
	bind.token--;
	bind.domid = 7;
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_NO_DOMAIN);
	bind.domid = DOMID;
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_EXISTS);
	bind.domid = 6;
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_OK);
	assert_int_equal(ask(other, TMEM_MSG_BIND, &bind, sizeof(bind)), TMEM_STATUS_ORDER);
	identify(&host, 6, uuid);
	assert_int_equal(model_look(tmem_domain_find(store, 6, uuid), 0, 0, 9, 6, 0), 6);
	assert_int_equal(model_look(tmem_domain_find(store, 6, uuid), 0, 0, 1, 5, 0), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_no_message_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(list_names_domains, setup, teardown),
		cmocka_unit_test_setup_teardown(set_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_lasts_until_release, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_that_is_forgotten_may_come_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hold_ends_by_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_ends_with_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_of_a_domain_that_goes_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(pools_go_from_one_to_another, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
