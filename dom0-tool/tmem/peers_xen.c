// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* xenctrl.h must be the first of Xen's headers: it makes the others the tools' variant. */
#include "tmem/peers.h"

#include <xenevtchn.h>
#include <xengnttab.h>

#include <stillpoint/xenstore.h>

#include "clock.h"
#include "msg.h"
#include "tmem/ring.h"

/* event_channel.h: a domain has at most 131072 FIFO event channels. */
#define PEERS_PORT_MAX 131071

/* Domains that one call asks for; watches and events of one turn. */
#define PEERS_BATCH 128

/* A guest's trouble is told at most this often. */
#define PEERS_QUIET_US 10000000

/* A guest without a session gets another one after this time, then twice it, and so on. */
#define PEERS_RETRY_US 10000000
#define PEERS_RETRY_MAX_US 640000000

/**
 * struct peer - a domain
 * @alive: it was seen in the last scan
 * @look: it wrote to its key
 * @quiet_until: in clock_us()
 * @retry_at: when it gets another session, in clock_us(); 0 if it has one, or published none
 * @retry_us: after how long the next time
 * @begun_us: when its last session began
 * @port: our end of its event channel, negative if it is not bound
 * @masked: the channel was pending, and waits until we have looked at the ring
 */
struct peer {
	struct peer *next;
	uint32_t domid;
	uint8_t uuid[16];
	bool alive;
	bool look;
	uint64_t quiet_until;
	uint64_t retry_at;
	uint64_t retry_us;
	uint64_t begun_us;
	struct tmem_ring_pages pages;
	void *slots;
	xenevtchn_port_or_error_t port;
	bool masked;
	bool ready;
	struct tmem_ring *ring;
};

struct peers {
	struct tmem_host host;
	struct xen *xen;
	struct tmem_store *store;
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
	struct peer *first;
};

static struct peers *peers_of(struct tmem_host *host)
{
	return (struct peers *)host;
}

static void peer_path(char path[96], uint32_t domid, const char *key)
{
	snprintf(path, 96, "/local/domain/%u/" STILLPOINT_XS_TMEM_DIR "/%s", domid, key);
}

/* The recorded error is of this guest. */
static void peer_complain(struct peer *peer)
{
	uint64_t now = clock_us();

	if (now >= peer->quiet_until)
		msg_warn("domain %u: %s", peer->domid, msg_error_text());
	peer->quiet_until = now + PEERS_QUIET_US;
	msg_error_clear();
}

/* It has no session: what kept it from having one may pass. */
static void peer_retry_later(struct peer *peer)
{
	uint64_t now = clock_us();

	if (peer->retry_at)
		return;
	/* One that lasted was a good one. */
	if (peer->begun_us && now - peer->begun_us > PEERS_RETRY_MAX_US)
		peer->retry_us = PEERS_RETRY_US;
	peer->begun_us = 0;
	peer->retry_at = now + peer->retry_us;
	peer->retry_us *= 2;
	if (peer->retry_us > PEERS_RETRY_MAX_US)
		peer->retry_us = PEERS_RETRY_MAX_US;
}

static void peer_disconnect(struct peers *p, struct peer *peer, bool clean)
{
	tmem_ring_close(peer->ring, clean);
	peer->ring = NULL;
	if (peer->port >= 0) {
		if (clean)
			xenevtchn_notify(p->evtchn, peer->port);
		xenevtchn_unbind(p->evtchn, peer->port);
	}
	peer->port = -1;
	if (peer->slots)
		xengnttab_unmap(p->gnttab, peer->slots, peer->pages.slots);
	if (peer->pages.ring)
		xengnttab_unmap(p->gnttab, peer->pages.ring, 1);
	if (peer->pages.halves)
		xengnttab_unmap(p->gnttab, peer->pages.halves, 1);
	memset(&peer->pages, 0, sizeof(peer->pages));
	peer->slots = NULL;
	peer->ready = false;
	peer->masked = false;
}

/* What the guest wrote in its xenstore: only digits will do. */
static int peer_read_number(struct peers *p, struct peer *peer, const char *key, uint32_t max,
			    uint32_t *number)
{
	unsigned int len = 0, i;
	uint64_t value = 0;
	char path[96];
	char *text;

	peer_path(path, peer->domid, key);
	text = xs_read(p->xen->xs, XBT_NULL, path, &len);
	for (i = 0; text && i < len && i < 10 && isdigit((unsigned char)text[i]); i++)
		value = value * 10 + (text[i] - '0');
	free(text);
	if (!text || !len || i != len || value > max)
		return msg_error("'tmem/%s' in xenstore is no number up to %u", key, max);
	*number = value;
	return 0;
}

static void *peer_map(struct peers *p, struct peer *peer, uint32_t *refs, uint32_t n,
		      const char *what)
{
	void *at = xengnttab_map_domain_grant_refs(p->gnttab, n, peer->domid, refs,
						   PROT_READ | PROT_WRITE);

	if (!at)
		msg_error("cannot map %s of the guest's tmem (grant %u): %s", what, refs[0],
			  strerror(errno));
	return at;
}

static int peer_map_all(struct peers *p, struct peer *peer, uint32_t ref)
{
	struct tmem_ring_names names;
	uint32_t i;

	peer->pages.halves = peer_map(p, peer, &ref, 1, "the page");
	if (!peer->pages.halves || tmem_ring_read(peer->pages.halves, &names))
		return -1;
	peer->pages.ring = peer_map(p, peer, &names.ring_ref, 1, "the ring");
	if (!peer->pages.ring)
		return -1;
	peer->slots = peer_map(p, peer, names.slot_ref, names.slots, "the window");
	if (!peer->slots)
		return -1;
	peer->pages.slots = names.slots;
	for (i = 0; i < names.slots; i++)
		peer->pages.slot[i] = (char *)peer->slots + (size_t)i * STILLPOINT_TMEM_PAGE_SIZE;
	return 0;
}

static int peer_try_connect(struct peers *p, struct peer *peer)
{
	uint32_t abi, ref, port;

	if (peer_read_number(p, peer, STILLPOINT_XS_TMEM_ABI, UINT32_MAX, &abi))
		return -1;
	if (abi != STILLPOINT_TMEM_ABI_VERSION)
		return msg_error(
			"the guest's module speaks tmem ABI %u, this store %u; install matching versions",
			abi, STILLPOINT_TMEM_ABI_VERSION);
	if (peer_read_number(p, peer, STILLPOINT_XS_TMEM_REF, UINT32_MAX, &ref) ||
	    peer_read_number(p, peer, STILLPOINT_XS_TMEM_PORT, PEERS_PORT_MAX, &port) ||
	    peer_map_all(p, peer, ref))
		return -1;
	peer->port = xenevtchn_bind_interdomain(p->evtchn, peer->domid, port);
	if (peer->port < 0)
		return msg_error("cannot bind the guest's tmem event channel (port %u): %s", port,
				 strerror(errno));
	peer->ring = tmem_ring_open(&peer->pages);
	return peer->ring ? 0 : -1;
}

static void peer_connect(struct peers *p, struct peer *peer)
{
	struct tmem_domain *d;

	if (peer_try_connect(p, peer)) {
		peer_complain(peer);
		peer_disconnect(p, peer, false);
		peer_retry_later(peer);
		return;
	}
	d = tmem_domain_get(p->store, peer->domid, peer->uuid);
	if (!d) {
		msg_error("there are too many domains with tmem");
		peer_complain(peer);
		peer_disconnect(p, peer, true);
		peer_retry_later(peer);
		return;
	}
	tmem_domain_count_session(d);
	peer->begun_us = clock_us();
	peer->ready = true;
	xenevtchn_notify(p->evtchn, peer->port);
}

static bool peer_is_published(struct peers *p, struct peer *peer)
{
	char path[96], *text;
	unsigned int len;
	bool there;

	peer_path(path, peer->domid, STILLPOINT_XS_TMEM_ABI);
	text = xs_read(p->xen->xs, XBT_NULL, path, &len);
	there = text;
	free(text);
	return there;
}

/* What it published is new each time. */
static void peer_look(struct peers *p, struct peer *peer)
{
	peer->retry_at = 0;
	peer_disconnect(p, peer, false);
	if (peer_is_published(p, peer))
		peer_connect(p, peer);
}

static struct peer *peer_find(struct peers *p, uint32_t domid)
{
	struct peer *peer = p->first;

	while (peer && peer->domid != domid)
		peer = peer->next;
	return peer;
}

static void peer_watch(struct peers *p, const struct peer *peer, bool on)
{
	char path[96], token[16];

	peer_path(path, peer->domid, STILLPOINT_XS_TMEM_ABI);
	snprintf(token, sizeof(token), "%u", peer->domid);
	if (on)
		xs_watch(p->xen->xs, path, token);
	else
		xs_unwatch(p->xen->xs, path, token);
}

/* The watch fires once at the start, whereupon the peer is looked at. */
static int peer_add(struct peers *p, const xc_domaininfo_t *info)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return msg_error("out of memory");
	peer->domid = info->domain;
	memcpy(peer->uuid, info->handle, sizeof(peer->uuid));
	peer->port = -1;
	peer->retry_us = PEERS_RETRY_US;
	peer->alive = true;
	peer->next = p->first;
	p->first = peer;
	peer_watch(p, peer, true);
	return 0;
}

static void peer_remove(struct peers *p, struct peer **link, bool clean)
{
	struct peer *peer = *link;

	peer_watch(p, peer, false);
	peer_disconnect(p, peer, clean);
	*link = peer->next;
	free(peer);
}

static int peers_see(struct peers *p, const xc_domaininfo_t *info)
{
	struct peer *peer = peer_find(p, info->domain);

	if (!info->domain || info->flags & XEN_DOMINF_dying)
		return 0;
	if (!peer)
		return peer_add(p, info);
	/* Another domain of that number is found by the next scan, the peer being removed. */
	peer->alive = !memcmp(peer->uuid, info->handle, sizeof(peer->uuid));
	return 0;
}

/* Pools belong to one domain's life: another of its number has another uuid. */
static void peers_drop_pools(struct peers *p)
{
	struct tmem_domain *d;
	struct peer *peer;
	uint8_t uuid[16];
	uint32_t n, domid;

	for (n = 0; (d = tmem_domain_next(p->store, &n)); n++) {
		tmem_domain_identity(d, &domid, uuid);
		peer = domid ? peer_find(p, domid) : NULL;
		if (domid && (!peer || memcmp(peer->uuid, uuid, sizeof(uuid))))
			tmem_domain_drop(d);
	}
}

/*
 * Find out which domains there are. *@again if it is to be done once more. A domain that was
 * missed would lose its pools: whatever fails here is an error.
 */
static int peers_scan_once(struct peers *p, bool *again)
{
	static xc_domaininfo_t infos[PEERS_BATCH];
	uint32_t next = 0;
	struct peer **link, *peer;
	int n, i;

	*again = false;
	for (peer = p->first; peer; peer = peer->next)
		peer->alive = false;
	do {
		n = xc_domain_getinfolist(p->xen->xch, next, PEERS_BATCH, infos);
		if (n < 0)
			return msg_error("cannot list the domains: %s", strerror(errno));
		for (i = 0; i < n; i++)
			if (peers_see(p, &infos[i]))
				return -1;
		next = n ? infos[n - 1].domain + 1u : 0;
	} while (n == PEERS_BATCH);
	for (link = &p->first; *link;) {
		if ((*link)->alive) {
			link = &(*link)->next;
		} else {
			peer_remove(p, link, false);
			*again = true;
		}
	}
	return 0;
}

static int peers_scan(struct peers *p)
{
	bool again;

	if (peers_scan_once(p, &again) || (again && peers_scan_once(p, &again)))
		return -1;
	peers_drop_pools(p);
	return 0;
}

static int peers_identify(struct tmem_host *host, uint32_t domid, uint8_t uuid[16])
{
	struct peers *p = peers_of(host);
	xc_domaininfo_t info;

	if (!domid || xc_domain_getinfolist(p->xen->xch, domid, 1, &info) != 1 ||
	    info.domain != domid || info.flags & XEN_DOMINF_dying)
		return -1;
	memcpy(uuid, info.handle, 16);
	return 0;
}

static bool peers_connected(struct tmem_host *host, uint32_t domid)
{
	const struct peer *peer = peer_find(peers_of(host), domid);

	return peer && peer->ring;
}

static const struct tmem_host_ops peers_ops = {
	.identify = peers_identify,
	.connected = peers_connected,
};

static int peers_open_all(struct peers *p)
{
	int fd;

	p->gnttab = xengnttab_open(p->xen->log, 0);
	if (!p->gnttab)
		return msg_error("cannot open the grant device: %s; load xen-gntdev",
				 strerror(errno));
	p->evtchn = xenevtchn_open(p->xen->log, 0);
	if (!p->evtchn)
		return msg_error("cannot open the event channel device: %s; load xen-evtchn",
				 strerror(errno));
	fd = xenevtchn_fd(p->evtchn);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return msg_error("cannot set up the event channel device: %s", strerror(errno));
	if (!xs_watch(p->xen->xs, "@introduceDomain", "introduced") ||
	    !xs_watch(p->xen->xs, "@releaseDomain", "released"))
		return msg_error("cannot watch for domains: %s", strerror(errno));
	return peers_scan(p);
}

struct peers *peers_open(struct xen *xen, struct tmem_store *s)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p) {
		msg_error("out of memory");
		return NULL;
	}
	p->host.ops = &peers_ops;
	p->xen = xen;
	p->store = s;
	if (!peers_open_all(p))
		return p;
	peers_close(p);
	return NULL;
}

void peers_close(struct peers *p)
{
	if (!p)
		return;
	while (p->first)
		peer_remove(p, &p->first, true);
	if (p->evtchn)
		xenevtchn_close(p->evtchn);
	if (p->gnttab)
		xengnttab_close(p->gnttab);
	free(p);
}

struct tmem_host *peers_host(struct peers *p)
{
	return &p->host;
}

int peers_watch_fd(const struct peers *p)
{
	return xs_fileno(p->xen->xs);
}

int peers_event_fd(const struct peers *p)
{
	return xenevtchn_fd(p->evtchn);
}

int peers_watch(struct peers *p)
{
	struct peer *peer;
	bool scan = false;
	unsigned int n;
	char **event;

	/* A guest that writes to its key all the time gets one look for many watches. */
	for (n = 0; n < PEERS_BATCH && (event = xs_check_watch(p->xen->xs)); n++) {
		if (event[XS_WATCH_PATH][0] == '@') {
			scan = true;
		} else {
			peer = peer_find(p, strtoul(event[XS_WATCH_TOKEN], NULL, 10));
			if (peer)
				peer->look = true;
		}
		free(event);
	}
	if (n < PEERS_BATCH && errno != EAGAIN)
		return msg_error("lost the connection to xenstore: %s", strerror(errno));
	for (peer = p->first; peer; peer = peer->next) {
		if (peer->look) {
			peer->retry_us = PEERS_RETRY_US;
			peer_look(p, peer);
		}
		peer->look = false;
	}
	return scan ? peers_scan(p) : 0;
}

/* Of all that are pending, as many as there is room for, which xenevtchn_pending() has not. */
int peers_event(struct peers *p)
{
	evtchn_port_t ports[PEERS_BATCH];
	struct peer *peer;
	ssize_t n, i;

	n = read(xenevtchn_fd(p->evtchn), ports, sizeof(ports));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ?
			       0 :
			       msg_error("lost the event channel device: %s", strerror(errno));
	for (i = 0; i < n / (ssize_t)sizeof(ports[0]); i++) {
		for (peer = p->first; peer && peer->port != (xenevtchn_port_or_error_t)ports[i];
		     peer = peer->next)
			;
		if (!peer)
			continue;
		peer->masked = true;
		peer->ready = true;
	}
	return 0;
}

/* A turn of a guest that is ready. */
static enum peers_state peer_serve(struct peers *p, struct peer *peer, bool poll)
{
	struct tmem_domain *d = tmem_domain_get(p->store, peer->domid, peer->uuid);
	enum tmem_ring_state state;
	bool notify;

	if (!d || tmem_domain_is_held(d))
		return PEERS_IDLE;
	state = poll ? tmem_ring_poll(peer->ring, d, &notify) :
		       tmem_ring_serve(peer->ring, d, &notify);
	if (notify)
		xenevtchn_notify(p->evtchn, peer->port);
	if (state == TMEM_RING_MORE)
		return PEERS_MORE;
	if (state == TMEM_RING_QUIET)
		return PEERS_QUIET;
	peer->ready = false;
	if (state == TMEM_RING_BROKEN) {
		peer_complain(peer);
		peer_disconnect(p, peer, true);
	} else if (peer->masked) {
		peer->masked = false;
		xenevtchn_unmask(p->evtchn, peer->port);
	}
	if (state == TMEM_RING_BROKEN || state == TMEM_RING_ENDED)
		peer_retry_later(peer);
	return PEERS_IDLE;
}

uint64_t peers_retry(struct peers *p)
{
	uint64_t next = UINT64_MAX;
	struct peer *peer;

	for (peer = p->first; peer; peer = peer->next) {
		if (peer->retry_at && peer->retry_at <= clock_us())
			peer_look(p, peer);
		if (peer->retry_at && peer->retry_at < next)
			next = peer->retry_at;
	}
	return next;
}

enum peers_state peers_serve(struct peers *p, bool poll)
{
	enum peers_state state = PEERS_IDLE, of_peer;
	struct peer *peer;

	for (peer = p->first; peer; peer = peer->next) {
		of_peer = peer->ready ? peer_serve(p, peer, poll) : PEERS_IDLE;
		if (of_peer > state)
			state = of_peer;
	}
	return state;
}
