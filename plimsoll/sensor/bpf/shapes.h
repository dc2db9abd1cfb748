/* What the programs and Python hand to each other. Twin: plimsoll/sensor/shapes.py; a test compares them. */
#pragma once

#define DEPTH 32      /* components of a path that are told apart */
#define PATH 1024     /* longest path, with its closing byte */
#define ARGS 512
#define NAME 16
#define ANCESTORS 4
#define EXE 256       /* longest path of a program that is remembered with its process */
#define TEXTS 4096
#define PROFILE_FACTS 16384 /* that one profile may learn */

enum kind {
	EXEC = 1, SPAWN, READ, WRITE, DELETE, RENAME, LINK, CHMOD,
	CONNECT = 16, CONNECT_NET, CONNECT_PORT, LISTEN, ACCEPT, DNS, DNS_ZONE, ANSWER, SYSCALL, URING,
	BORN = 32, GONE, JOINED,
};
enum mode { OFF, LEARN, ALERT, PREVENT };
enum flag {
	NEW = 1 << 0, KILLED = 1 << 1, DENIED = 1 << 2, SUPPRESSED = 1 << 3, WOULD_STOP = 1 << 4,
	UPPER_LAYER = 1 << 5, MEMFD = 1 << 6, DELETED = 1 << 7, ENTERED = 1 << 8, TRUNCATED = 1 << 9,
	SCRIPT = 1 << 10, CREATED = 1 << 11, DIRECTORY = 1 << 12, PROVISIONAL = 1 << 13, FULL = 1 << 14,
};
enum option {
	KILL_SPAWN = 1 << 0, KILL_WRITE = 1 << 1, KILL_LISTEN = 1 << 2, KILL_URING = 1 << 3,
	HAS_JOINED = 1 << 29, STARTED = 1 << 30, UNBOUND = 1u << 31,
};
/* Why an event did not reach user space. */
enum loss { OF_NODE, OVER_SHARE, RING_FULL, RING_BUSY, NO_SLOT, LOSSES };

/* Where in an event's texts one of them is. */
struct text {
	u16 at, length;
};

struct event {
	u64 time, container, hash, parent;
	u32 kind, flags, profile, mode;
	u32 pid, tid, ppid, uid;
	u32 tty, mounts, network, inner_pid;
	s32 result;
	u32 number;
	u64 argument;
	u8 address[16];
	u16 port, local_port, protocol, gap;
	char comm[NAME];
	char ancestors[ANCESTORS][NAME];
	struct text path, other, exe, cwd, args;
	u32 used; /* bytes of texts */
	char texts[TEXTS + PATH];
};

#define RULES 0xffffffff /* the profile whose patterns are the paths that rules ask for */

/* Who judges a container. Counters live here because the look-up is paid already. */
struct binding {
	u32 profile, mode, options, gap;
	u64 spoken; /* until when what it told has used up its share of the ring */
	u64 hits, misses, drops, kills, denies, suppressed;
};

struct profile {
	u32 budget, tokens; /* distinct facts that may be stopped a minute; 0 = no limit */
	u64 since;
	u64 facts;
};

struct control {
	u64 heartbeat, max_silence; /* nanoseconds; 0 = never too long */
	u32 enforce, default_mode, host_mounts, isolating;
	u32 wanted, gap; /* mask of 1 << kind that rules ask for, known or not */
	u64 epoch;    /* raised by the kernel's side when known paths may have moved, */
	u64 revision; /* and by Python when a profile changed */
};

struct fact {
	u32 profile, kind;
	u64 hash;
};

/* One edge of a profile's patterns: from a node by a component (hash 0 = any) to the next. */
struct edge {
	u32 profile, node;
	u64 component;
};
struct target {
	u32 node;
	u16 here, below; /* masks of 1 << kind that are known at this path, and anywhere below it */
};

/* What a watched system call's arguments are; NONE = it has none such. */
#define NO_ARGUMENT 255
struct rare {
	u8 kind, path, folder, other, other_folder, argument, text, on;
};

struct mark {
	u64 exe, container;
	u32 mounts, length;
	char path[EXE];
};

struct task_line {
	u64 container, hash;
	u32 pid, ppid, uid, mounts, network, inner_pid, length, gap;
	char comm[NAME];
	char path[EXE];
};
