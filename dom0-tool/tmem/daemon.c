// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "msg.h"
#include "tmem/arena.h"
#include "tmem/clients.h"
#include "tmem/daemon.h"
#include "tmem/peers.h"

/* Pages on their way out that go in one turn; events of one turn. */
#define DAEMON_WORK 256
#define DAEMON_EVENTS 16

/* Nobody else waits longer while guests are polled. */
#define DAEMON_POLL_US 1000

/* Of a file system beyond what the store may take: its own records. */
#define DAEMON_SLACK (UINT64_C(1) << 20)

/**
 * struct daemon - what runs
 * @lock: beside the store's directory
 * @signals: SIGTERM and SIGINT arrive there
 * @poll: how long guests are polled after one asked for something, in cycles of the TSC
 * @asked: when a guest asked for something last, in the same
 * @poll_max: after which others are looked at, in the same
 * @watches: stands for xenstore in what epoll says; as @events does for event channels
 */
struct daemon {
	struct xen xen;
	struct tmem_store *store;
	struct peers *peers;
	struct clients *clients;
	int lock;
	int epoll;
	int signals;
	uint64_t poll;
	uint64_t asked;
	uint64_t poll_max;
	char watches;
	char events;
	bool stop;
};

static int daemon_make_dirs(const char *dir)
{
	char path[PATH_MAX], *slash;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return msg_error("the path '%s' is too long", dir);
	slash = strrchr(path, '/');
	if (slash && slash != path) {
		*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return msg_error("cannot make '%s': %s", path, strerror(errno));
	}
	if (mkdir(dir, 0700) && errno != EEXIST)
		return msg_error("cannot make '%s': %s", dir, strerror(errno));
	return 0;
}

/*
 * A file system in memory of its own, which may hold the store and no more; that of /run is
 * smaller, and others need it. It stays when the daemon ends.
 */
static int daemon_mount(const char *dir, uint64_t limit)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	char parent[PATH_MAX + 4], options[64];
	uint64_t size = limit, now;
	struct stat own, above;
	struct statfs fs;

	snprintf(parent, sizeof(parent), "%s/..", dir);
	if (stat(dir, &own) || stat(parent, &above) || statfs(dir, &fs))
		return msg_error("cannot look at '%s': %s", dir, strerror(errno));
	if (own.st_dev != above.st_dev) {
		if (fs.f_type != TMPFS_MAGIC)
			return msg_error("'%s' is on a disk; tmem needs a file system in memory",
					 dir);
		/* Never smaller: what is there may need it. */
		now = fs.f_blocks * (uint64_t)fs.f_bsize;
		size = now > limit + DAEMON_SLACK ? now - DAEMON_SLACK : limit;
		flags |= MS_REMOUNT;
	}
	snprintf(options, sizeof(options), "mode=0700,size=%llu",
		 (unsigned long long)(size + DAEMON_SLACK));
	if (mount("stillpoint-tmem", dir, "tmpfs", flags, options))
		return msg_error("cannot mount a file system in memory at '%s': %s", dir,
				 strerror(errno));
	return 0;
}

/* One daemon at a time mounts, and goes on. */
static int daemon_prepare(struct daemon *d, const char *dir, uint64_t limit)
{
	if (daemon_make_dirs(dir))
		return -1;
	d->lock = arena_lock_beside(dir);
	return d->lock < 0 ? -1 : daemon_mount(dir, limit);
}

/* sd_notify(3): a datagram to the socket that the environment names. */
static void daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t length;
	int fd;

	length = path ? strlen(path) : 0;
	if (!length || length >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, length);
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
		   offsetof(struct sockaddr_un, sun_path) + length) < 0)
		msg_warn("cannot tell the service manager: %s", strerror(errno));
	close(fd);
}

static int daemon_poll(struct daemon *d, int fd, void *ptr)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event))
		return msg_error("cannot poll: %s", strerror(errno));
	return 0;
}

static int daemon_catch(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->signals < 0 || d->epoll < 0)
		return msg_error("cannot set up the daemon: %s", strerror(errno));
	return daemon_poll(d, d->signals, &d->signals);
}

/* Asking for the time would take as long as what it is asked for. */
static int daemon_find_cycles(struct daemon *d, unsigned int poll_us)
{
	xc_physinfo_t info;

	if (xc_physinfo(d->xen.xch, &info))
		return msg_error("cannot ask the hypervisor for the processor's frequency: %s",
				 strerror(errno));
	d->poll = (uint64_t)info.cpu_khz * poll_us / 1000;
	d->poll_max = (uint64_t)info.cpu_khz * DAEMON_POLL_US / 1000;
	return 0;
}

static int daemon_open(struct daemon *d, const struct tmem_daemon_options *opts)
{
	if (xen_open(&d->xen, false) || daemon_find_cycles(d, opts->poll_us) || daemon_catch(d) ||
	    daemon_prepare(d, opts->dir, opts->store.limit))
		return -1;
	d->store = tmem_store_open(opts->dir, &opts->store);
	if (!d->store)
		return -1;
	d->peers = peers_open(&d->xen, d->store);
	if (!d->peers)
		return -1;
	d->clients = clients_open(opts->socket, d->epoll, d->store, peers_host(d->peers));
	if (!d->clients)
		return -1;
	return daemon_poll(d, peers_watch_fd(d->peers), &d->watches) ||
			       daemon_poll(d, peers_event_fd(d->peers), &d->events) ?
		       -1 :
		       0;
}

static void daemon_close(struct daemon *d)
{
	clients_close(d->clients);
	peers_close(d->peers);
	tmem_store_close(d->store);
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->signals >= 0)
		close(d->signals);
	xen_close(&d->xen);
	if (d->lock >= 0)
		close(d->lock);
}

static int daemon_event(struct daemon *d, void *ptr)
{
	if (ptr == &d->watches)
		return peers_watch(d->peers);
	if (ptr == &d->events)
		return peers_event(d->peers);
	if (ptr == &d->signals)
		d->stop = true;
	else
		clients_event(d->clients, ptr);
	return 0;
}

/* In milliseconds, for epoll_wait(). */
static int daemon_sleep(uint64_t until)
{
	uint64_t now;

	if (until == UINT64_MAX)
		return -1;
	now = clock_us();
	if (until <= now)
		return 0;
	return until - now > 1000000 ? 1000 : (int)((until - now + 999) / 1000);
}

/*
 * Serve guests. One that asked for something soon asks for more, and waking us takes longer
 * than what it asks for: it is looked at for a while before we sleep. True if there is more
 * to do.
 */
static bool daemon_serve(struct daemon *d)
{
	uint64_t begun = __builtin_ia32_rdtsc(), now;
	enum peers_state state;

	do {
		state = peers_serve(d->peers, d->poll);
		if (state == PEERS_IDLE)
			return false;
		now = __builtin_ia32_rdtsc();
		if (state == PEERS_MORE)
			d->asked = now;
		else
			__builtin_ia32_pause();
	} while (now - begun < d->poll_max && now - d->asked <= d->poll);
	return now - d->asked <= d->poll || peers_serve(d->peers, false) == PEERS_MORE;
}

/* Each turn does a bounded part of what everybody wants. */
static int daemon_turn(struct daemon *d)
{
	struct epoll_event events[DAEMON_EVENTS];
	uint64_t next = clients_expire(d->clients), retry;
	bool more;
	int n, i;

	more = daemon_serve(d);
	more |= tmem_store_work(d->store, DAEMON_WORK);
	/* A session that ended in this turn counts. */
	retry = peers_retry(d->peers);
	if (retry < next)
		next = retry;
	n = epoll_wait(d->epoll, events, DAEMON_EVENTS, more ? 0 : daemon_sleep(next));
	if (n < 0 && errno != EINTR)
		return msg_error("cannot wait for events: %s", strerror(errno));
	for (i = 0; i < n; i++)
		if (daemon_event(d, events[i].data.ptr))
			return -1;
	return 0;
}

int tmem_daemon_run(const struct tmem_daemon_options *opts)
{
	struct daemon d = { .lock = -1, .epoll = -1, .signals = -1 };
	int ret = daemon_open(&d, opts);

	if (!ret)
		daemon_notify("READY=1");
	while (!ret && !d.stop)
		ret = daemon_turn(&d);
	if (!ret)
		daemon_notify("STOPPING=1");
	daemon_close(&d);
	return ret;
}
