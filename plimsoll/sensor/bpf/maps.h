/* The maps: the profiles, who is judged by which, and what is on its way to user space. */
#pragma once

#define SLOTS 4
#define MAP(kind, entries, flags, key_type, value_type, map_name) \
	struct {                                                  \
		__uint(type, kind);                               \
		__uint(max_entries, entries);                     \
		__uint(map_flags, flags);                         \
		__type(key, key_type);                            \
		__type(value, value_type);                        \
	} map_name SEC(".maps")

#define RING (1 << 23)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING);
} ring SEC(".maps");

MAP(BPF_MAP_TYPE_ARRAY, 1, BPF_F_MMAPABLE, u32, struct control, controls);
MAP(BPF_MAP_TYPE_HASH, 16384, BPF_F_NO_PREALLOC, u64, struct binding, containers);
MAP(BPF_MAP_TYPE_HASH, 8192, BPF_F_NO_PREALLOC, u32, struct profile, profiles);
MAP(BPF_MAP_TYPE_HASH, 1 << 18, BPF_F_NO_PREALLOC, struct fact, u32, allow);
MAP(BPF_MAP_TYPE_HASH, 1 << 16, BPF_F_NO_PREALLOC, struct edge, struct target, patterns);
/* What was told, and when; also what was stopped. */
MAP(BPF_MAP_TYPE_LRU_HASH, 1 << 14, 0, struct fact, u64, told);
/* Opened files that are known, so that the next open needs no walk: each at the place its hash says, the last wins.
 * A word is written and read at once, a look-up is one load. */
#define OPENED (1 << 16)
MAP(BPF_MAP_TYPE_ARRAY, OPENED, 0, u32, u64, opened);
MAP(BPF_MAP_TYPE_ARRAY, 512, 0, u32, struct rare, rares);
MAP(BPF_MAP_TYPE_HASH, 4096, BPF_F_NO_PREALLOC, u64, u32, isolated);
MAP(BPF_MAP_TYPE_HASH, 256, BPF_F_NO_PREALLOC, struct in6_addr, u32, probes);
MAP(BPF_MAP_TYPE_ARRAY, LOSSES, 0, u32, u64, lost); /* how many events, by enum loss */

/* Which program a process runs, kept from its exec inside the container on, inherited by its children. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mark);
} marks SEC(".maps");

/* A path on its way through our hands: names[first..last) and text[begin..end), growing from the middle:
 * a walk towards the root adds in front, a text adds behind. */
struct walk {
	struct dentry *dentry, *root, *mount_root;
	struct vfsmount *mount, *root_mount;
	u32 first, last, begin, end, flags;
	u32 start, length, gap; /* of the component being spelled */
	u64 state, word;
	u64 hash;
	u64 names[2 * DEPTH];
	u16 at[2 * DEPTH];
	char text[2 * PATH + 256];
	char input[PATH];
};

/* A DNS name on its way through our hands: whole, and without its first label. */
struct spelling {
	u64 state, word;
	u32 length, gap;
};
struct question {
	struct spelling whole, zone;
	u32 left, labels;
};

/* Programs can be preempted by others on their CPU, and end in any order: each takes a slot that is free. */
struct slot {
	u32 busy, gap;
	struct walk walk;
	struct question question;
	struct event event;
};
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, SLOTS, 0, u32, struct slot, slots);

static __always_inline void lose(u32 why)
{
	u64 *count = bpf_map_lookup_elem(&lost, &why);
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline struct slot *take(void)
{
	for (u32 index = 0; index < SLOTS; index++) {
		u32 key = index;
		struct slot *slot = bpf_map_lookup_elem(&slots, &key);
		if (slot && !__sync_val_compare_and_swap(&slot->busy, 0, 1))
			return slot;
	}
	lose(NO_SLOT);
	return NULL;
}

static __always_inline void give(struct slot *slot)
{
	__sync_lock_test_and_set(&slot->busy, 0);
}

static __always_inline struct control *control(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&controls, &zero);
}
