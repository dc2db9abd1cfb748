/* Programs: what a container executes, and which program started which. */
#pragma once

#define OVERLAYFS 0x794c7630

/* What tells a program that did not come with the image: overlayfs keeps it in the upper layer (the pointer to
 * the upper dentry follows the inode), or it has no name any more. */
static __always_inline u32 drift_of(struct inode *inode)
{
	u32 flags = BPF_CORE_READ(inode, i_nlink) ? 0 : DELETED;
	void *upper = NULL;
	if (BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAYFS)
		bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper ? flags | UPPER_LAYER : flags;
}

static __always_inline void put_arguments(struct event *event, struct task_struct *task)
{
	unsigned long from = BPF_CORE_READ(task, mm, arg_start), length = BPF_CORE_READ(task, mm, arg_end) - from;
	u32 at = event->used & (TEXTS - 1);
	if (length > ARGS - 1)
		length = ARGS - 1;
	length &= ARGS - 1;
	if (length && !bpf_probe_read_user(&event->texts[at], length, (void *)from)) {
		event->args = (struct text){ at, length };
		event->used = at + length;
	}
}

/* The task runs this program from now on; its mark before. */
static __always_inline void set_mark(struct mark *mark, struct walk *walk, u64 container, u32 mounts)
{
	u32 length = walk->end - walk->begin;
	if (length > EXE - 1)
		length = EXE - 1;
	length &= EXE - 1;
	mark->exe = walk->hash;
	mark->container = container;
	mark->mounts = mounts;
	mark->length = length;
	bpf_probe_read_kernel(mark->path, length, &walk->text[walk->begin & TEXT_MASK]);
}

static __always_inline int judge_exec(struct slot *slot, struct binding *binding, u64 exe, u64 parent)
{
	u64 pair = mix(parent, exe);
	bool plain = !STREAM && exe == slot->walk.hash;
	int verdict;
	if (!known(binding->profile, EXEC, exe) && !(plain && covered(&slot->walk, binding->profile, EXEC)))
		verdict = unknown(binding, slot, EXEC, exe, 1);
	else if (!known(binding->profile, SPAWN, pair))
		verdict = unknown(binding, slot, SPAWN, pair, binding->options & KILL_SPAWN);
	else {
		hit(binding);
		verdict = SILENT;
	}
	if (verdict >= STOP)
		stop(slot, binding);
	verdict = heard(binding, slot, EXEC, exe, verdict, is_wanted(EXEC));
	return verdict == STOP_SILENTLY ? SILENT : verdict;
}

/* Who learns a program learns with it who started it. */
static __always_inline void learn_pair(struct binding *binding, u64 pair)
{
	struct fact fact = { binding->profile, SPAWN, pair };
	u32 one = 1;
	struct profile *profile = bpf_map_lookup_elem(&profiles, &fact.profile);
	if (binding->mode != LEARN || binding->options & UNBOUND || is_full(binding))
		return;
	if (!bpf_map_update_elem(&allow, &fact, &one, BPF_NOEXIST) && profile)
		__sync_fetch_and_add(&profile->facts, 1);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, s32 old_pid, struct linux_binprm *binprm)
{
	u64 container = container_of_task(task), parent = 0;
	struct binding *binding = container ? bpf_map_lookup_elem(&containers, &container) : NULL;
	struct control *ctl = control();
	if (!binding || !ctl)
		return 0;
	struct mark *mark = bpf_task_storage_get(&marks, task, 0, 0);
	u32 mounts = task->nsproxy->mnt_ns->ns.inum;
	bool inside = mark && mark->container == container;
	if (!inside && mounts == (mark ? mark->mounts : ctl->host_mounts))
		return 0; /* the runtime: it joined the cgroup, but not yet the container's mounts */
	if (!mark)
		mark = bpf_task_storage_get(&marks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct slot *slot = mark ? take() : NULL;
	if (!slot)
		return 0;

	struct file *file = binprm->file;
	struct walk *walk = &slot->walk;
	struct event *event = &slot->event;
	open_event(slot, container);
	walk_file(walk, task, file);
	u32 drift = drift_of(file->f_inode) | (walk->flags & MEMFD);
	/* A program that is not of the image is another one than that of the same name. */
	u64 exe = drift ? mix(walk->hash, drift) : walk->hash;
	if (inside)
		parent = mark->exe;
	else if (binding->options & STARTED && inner_pid_of(task) != 1) {
		event->flags |= ENTERED;
		parent = 1;
	}
	binding->options |= STARTED;

	/* The kernel tells the interpreter; the script is what it was asked for. */
	event->flags |= drift;
	event->exe = put_walk(event, walk);
	u32 started_by = inside ? mark->length & (EXE - 1) : 0;
	if (started_by)
		event->other = put(event, mark->path, started_by);
	set_mark(mark, walk, container, mounts);
	mark->exe = exe;
	if (binding->mode == OFF)
		goto out;
	const char *asked = binprm->filename;
	if (asked != binprm->interp) {
		bpf_probe_read_kernel_str(walk->input, PATH, asked);
		walk_text(walk, task, AT_CWD);
		event->flags |= SCRIPT;
		exe = walk->hash;
	}
	event->parent = parent;
	int verdict = judge_exec(slot, binding, exe, parent);
	if (verdict) {
		event->path = put_walk(event, walk);
		put_arguments(event, task);
		put_cwd(slot, task);
		describe(slot);
		if (tell(slot, binding) && event->kind == EXEC && event->flags & NEW)
			learn_pair(binding, mix(parent, exe));
	}
out:
	give(slot);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct mark *from = bpf_task_storage_get(&marks, parent, 0, 0);
	if (!from)
		return 0;
	struct mark *mark = bpf_task_storage_get(&marks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (mark)
		*mark = *from;
	return 0;
}
