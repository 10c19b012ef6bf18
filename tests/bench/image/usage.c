// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "msg.h"
#include "usage.h"

#define USAGE_LOOK_MS 20

/* How long children may take to end, in looks. */
#define USAGE_LOOKS 250

/* Processes below each other: QEMU, a shell, a compressor. */
#define USAGE_DEPTH 4

static uint64_t usage_anon_kib(pid_t pid)
{
	unsigned long long kib = 0;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	f = fopen(line, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Memory of what is below @pid; *children counts it. */
static uint64_t usage_below(pid_t pid, unsigned int depth, unsigned int *children)
{
	char path[300];
	struct dirent *e;
	uint64_t kib = 0;
	DIR *tasks;
	int child;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = depth ? opendir(path) : NULL;
	if (!tasks)
		return 0;
	while ((e = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!f)
			continue;
		for (; fscanf(f, "%d", &child) == 1; ++*children)
			kib += usage_anon_kib(child) + usage_below(child, depth - 1, children);
		fclose(f);
	}
	closedir(tasks);
	return kib;
}

/* In microseconds: fields 14 to 17 of proc(5), behind a name that may have any bytes. */
static uint64_t usage_cpu_us(pid_t pid)
{
	unsigned long long user, system, user_below, system_below;
	char text[1024], *p;
	size_t n;
	FILE *f;

	snprintf(text, sizeof(text), "/proc/%d/stat", (int)pid);
	f = fopen(text, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
			 &user, &system, &user_below, &system_below) != 4)
		return 0;
	return (user + system + user_below + system_below) * 1000000 / sysconf(_SC_CLK_TCK);
}

static void *usage_look(void *arg)
{
	struct usage *u = arg;
	unsigned int children;
	struct timespec ts;
	uint64_t kib;

	pthread_mutex_lock(&u->lock);
	while (!u->stop) {
		children = 0;
		kib = usage_anon_kib(u->pid) + usage_below(u->pid, USAGE_DEPTH, &children);
		if (kib > u->peak_kib)
			u->peak_kib = kib;
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += USAGE_LOOK_MS * 1000000L;
		ts.tv_sec += ts.tv_nsec / 1000000000L;
		ts.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&u->wake, &u->lock, &ts);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

int usage_begin(struct usage *u, pid_t pid)
{
	int ret;

	memset(u, 0, sizeof(*u));
	u->pid = pid;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->wake, NULL);
	u->cpu_us = usage_cpu_us(pid);
	ret = pthread_create(&u->thread, NULL, usage_look, u);
	if (ret)
		return msg_error("cannot start a thread: %s", strerror(ret));
	u->us = clock_us();
	return 0;
}

void usage_done(struct usage *u)
{
	u->us = clock_us() - u->us;
}

void usage_end(struct usage *u)
{
	unsigned int children, looks;

	for (looks = 0; looks < USAGE_LOOKS; looks++) {
		children = 0;
		usage_below(u->pid, USAGE_DEPTH, &children);
		if (!children)
			break;
		clock_sleep_us(USAGE_LOOK_MS * 1000);
	}
	u->cpu_us = usage_cpu_us(u->pid) - u->cpu_us;
	pthread_mutex_lock(&u->lock);
	u->stop = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	pthread_join(u->thread, NULL);
}
