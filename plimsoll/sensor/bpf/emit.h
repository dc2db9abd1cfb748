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

/* Copies the event to the ring, unless the container has had its share of it. */
__noinline int send(struct slot *slot, struct binding *binding)
{
	if (!slot || !binding)
		return 0;
	struct event *event = &slot->event;
	u64 now = bpf_ktime_get_boot_ns(), until = binding->spoken > now ? binding->spoken : now;
	u32 size = __builtin_offsetof(struct event, texts) + event->used;
	if (size > sizeof(*event))
		size = sizeof(*event);
	if (until - now > SHARE_BURST || bpf_ringbuf_output(&ring, event, size, 0)) {
		__sync_fetch_and_add(&binding->drops, 1);
		return 0;
	}
	binding->spoken = until + SHARE_PERIOD;
	return 1;
}

static __always_inline void tell(struct slot *slot, struct binding *binding)
{
	struct event *event = &slot->event;
	event->profile = binding->profile;
	event->mode = binding->mode;
	if (is_full(binding))
		event->flags |= FULL;
	if (send(slot, binding))
		remember(binding, event);
}

static __always_inline void tell_of_host(struct slot *slot)
{
	struct event *event = &slot->event;
	u32 zero = 0, size = __builtin_offsetof(struct event, texts) + event->used;
	if (size > sizeof(*event))
		size = sizeof(*event);
	if (bpf_ringbuf_output(&ring, event, size, 0)) {
		u64 *count = bpf_map_lookup_elem(&lost, &zero);
		if (count)
			__sync_fetch_and_add(count, 1);
	}
}

/* Ends the current process before it goes on. */
static __always_inline void stop(struct slot *slot, struct binding *binding)
{
	if (!bpf_send_signal(9)) {
		slot->event.flags |= KILLED;
		__sync_fetch_and_add(&binding->kills, 1);
	}
}
