/* Telling user space: an event is filled in its slot and copied to the ring, within the container's share. */
#pragma once

static __always_inline void put_ancestors(struct event *event, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
#pragma unroll
	for (u32 n = 0; n < ANCESTORS; n++) {
		event->ancestors[n][0] = 0;
		if (BPF_CORE_READ(parent, pid) > 0) {
			bpf_probe_read_kernel(event->ancestors[n], NAME, &parent->comm);
			parent = BPF_CORE_READ(parent, real_parent);
		}
	}
}

static __always_inline u32 inner_pid_of(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	u32 level = pid->level & 31;
	struct upid inner = {};
	bpf_probe_read_kernel(&inner, sizeof(inner),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid));
	return inner.nr;
}

static __always_inline void put_tty(struct event *event, struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	event->tty = 0;
	if (tty)
		event->tty = BPF_CORE_READ(tty, driver, major) << 20 |
			     (BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index));
}

/* Starts an event: what is known without looking at anything but the container. */
static __always_inline void open_event(struct slot *slot, u64 container)
{
	struct event *event = &slot->event;
	__builtin_memset(event, 0, __builtin_offsetof(struct event, texts));
	event->container = container;
}

/* Whose act it is. */
__noinline int describe(struct slot *slot)
{
	if (!slot)
		return 0;
	struct event *event = &slot->event;
	struct task_struct *task = bpf_get_current_task_btf();
	event->time = bpf_ktime_get_boot_ns();
	event->pid = task->tgid;
	event->tid = task->pid;
	event->ppid = task->real_parent->tgid;
	event->uid = task->real_cred->uid.val;
	if (task->nsproxy) {
		event->mounts = task->nsproxy->mnt_ns->ns.inum;
		event->network = task->nsproxy->net_ns->ns.inum;
	}
	event->inner_pid = inner_pid_of(task);
	put_tty(event, task);
	put_ancestors(event, task);
	bpf_get_current_comm(event->comm, NAME);
	return 0;
}

/* Adds a text behind those there are. */
static __always_inline struct text put(struct event *event, const void *from, u32 length)
{
	u32 at = event->used & (TEXTS - 1);
	struct text text = { .at = at };
	if (length > PATH - 1)
		length = PATH - 1;
	length &= PATH - 1;
	if (length && !bpf_probe_read_kernel(&event->texts[at], length, from)) {
		text.length = length;
		event->used = at + length;
	}
	return text;
}

static __always_inline struct text put_walk(struct event *event, struct walk *walk)
{
	event->flags |= walk->flags;
	return put(event, &walk->text[walk->begin & TEXT_MASK], walk->end - walk->begin);
}

static __always_inline void put_mark(struct event *event, struct mark *mark)
{
	event->exe = put(event, mark->path, mark->length & (EXE - 1));
	event->parent = mark->exe;
}

/* The working directory: a second walk, which only what is told pays for. */
static __always_inline void put_cwd(struct slot *slot, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	walk_up(&slot->walk, task, BPF_CORE_READ(fs, pwd.dentry), BPF_CORE_READ(fs, pwd.mnt));
	fold(&slot->walk);
	u32 flags = slot->event.flags; /* those of the path stay those of the path */
	slot->event.cwd = put_walk(&slot->event, &slot->walk);
	slot->event.flags = flags;
}

#define TRIES 8

/* Copies the event to the ring; returns 0 or why not. Since 6.15 the ring's lock gives up after a quarter of a second,
 * which a virtual processor may rest while it holds it: that refusal is not final. */
static __always_inline u32 write_ring(struct event *event)
{
	u32 size = __builtin_offsetof(struct event, texts) + event->used;
	if (size > sizeof(*event))
		size = sizeof(*event);
	for (u32 n = 0; n < TRIES; n++) {
		if (!bpf_ringbuf_output(&ring, event, size, 0))
			return 0;
		if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + size + 8 > RING)
			return RING_FULL;
	}
	return RING_BUSY;
}

/* What an event takes of its container's share: dearer by four with each eighth of the ring beyond the half that
 * waits for a reader who is late. So a flood leaves room to those who say little. */
static __always_inline u64 price(void)
{
	u64 eighths = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) / EIGHTH;
	return STREAM ? 0 : SHARE_PERIOD << (eighths > 3 ? (eighths - 3) * 2 : 0);
}

/* Tells of a container's act, unless it has had its share of the ring. */
__noinline int send(struct slot *slot, struct binding *binding)
{
	if (!slot || !binding)
		return 0;
	u64 now = bpf_ktime_get_boot_ns(), until = binding->spoken > now ? binding->spoken : now;
	u32 loss = until - now > SHARE_BURST ? OVER_SHARE : write_ring(&slot->event);
	if (loss) {
		__sync_fetch_and_add(&binding->drops, 1);
		lose(loss);
		return 0;
	}
	binding->spoken = until + price();
	return 1;
}

/* Whether it was told; only then it counts as told. */
static __always_inline bool tell(struct slot *slot, struct binding *binding)
{
	struct event *event = &slot->event;
	event->profile = binding->profile;
	event->mode = binding->mode;
	if (is_full(binding))
		event->flags |= FULL;
	bool sent = send(slot, binding);
	if (sent)
		remember(binding, event);
	else
		stay_due(binding, event);
	return sent;
}

static __always_inline void tell_of_node(struct slot *slot)
{
	if (write_ring(&slot->event))
		lose(OF_NODE);
}

/* Ends the current process before it goes on. */
static __always_inline void stop(struct slot *slot, struct binding *binding)
{
	if (!bpf_send_signal(9)) {
		slot->event.flags |= KILLED;
		__sync_fetch_and_add(&binding->kills, 1);
	}
}
