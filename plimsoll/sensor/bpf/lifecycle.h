/* Containers come and go: announced before their first process, and those that already run are found. */
#pragma once

/* The key of a cgroup, 0 where it is of a hierarchy that tells nothing of containers. */
static __always_inline u64 container_of_group(struct cgroup *group)
{
	u32 pids = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	u64 id = group->kn->id;
	if (!group->root->hierarchy_id)
		return id;
	return group->root->subsys_mask >> pids & 1 ? id | V1 : 0;
}

static __always_inline void announce(u32 kind, u64 container, const char *path, struct task_struct *joined)
{
	struct slot *slot = take();
	if (!slot)
		return;
	struct event *event = &slot->event;
	open_event(slot, container);
	event->kind = kind;
	s64 length = bpf_probe_read_kernel_str(event->texts, PATH, path);
	if (length > 1) {
		event->path.length = length - 1;
		event->used = (length - 1) & (PATH - 1);
	}
	describe(slot);
	if (joined)
		event->argument = joined->tgid;
	tell_of_node(slot);
	give(slot);
}

/* A new group is judged at once: like the group it is made in where that is a container's, else provisionally, so
 * that nothing is missed until user space has found out whose it is. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_mkdir, struct cgroup *group, const char *path)
{
	u64 container = container_of_group(group);
	struct control *ctl = control();
	if (!container || !ctl)
		return 0;
	struct cgroup_subsys_state *above = BPF_CORE_READ(group, self.parent);
	u64 parent = BPF_CORE_READ(above, cgroup, kn, id) | (container & V1);
	struct binding *outer = bpf_map_lookup_elem(&containers, &parent);
	struct binding binding = { .mode = ctl->default_mode, .options = UNBOUND };
	if (outer && !(outer->options & UNBOUND)) {
		binding.profile = outer->profile;
		binding.mode = outer->mode;
		binding.options = outer->options;
	}
	bpf_map_update_elem(&containers, &container, &binding, BPF_NOEXIST);
	announce(BORN, container, path, NULL);
	return 0;
}

/* A bound group's counters stay until user space has added them up. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_rmdir, struct cgroup *group, const char *path)
{
	u64 container = container_of_group(group);
	if (!container)
		return 0;
	struct binding *binding = bpf_map_lookup_elem(&containers, &container);
	if (binding && binding->options & UNBOUND)
		bpf_map_delete_elem(&containers, &container);
	bpf_map_delete_elem(&isolated, &container);
	announce(GONE, container, path, NULL);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_join, struct cgroup *group, const char *path, struct task_struct *task, bool whole)
{
	u64 container = container_of_group(group);
	struct binding *binding = container ? bpf_map_lookup_elem(&containers, &container) : NULL;
	if (!binding || binding->options & (STARTED | HAS_JOINED))
		return 0;
	binding->options |= HAS_JOINED;
	announce(JOINED, container, path, task);
	return 0;
}

/* Marks every process that runs inside a container already, and tells it to user space. */
SEC("iter/task")
int seed(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct control *ctl = control();
	if (!task || !ctl || !task->nsproxy)
		return 0;
	u32 mounts = task->nsproxy->mnt_ns->ns.inum;
	u64 container = container_of_task(task);
	if (task->pid == 1 && inner_pid_of(task) == 1)
		ctl->host_mounts = mounts;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	if (!container || mounts == ctl->host_mounts || !file)
		return 0;
	struct slot *slot = take();
	if (!slot)
		return 0;
	walk_file(&slot->walk, task, file);
	u32 drift = drift_of(BPF_CORE_READ(file, f_inode)) | (slot->walk.flags & MEMFD);
	u64 exe = drift ? mix(slot->walk.hash, drift) : slot->walk.hash;
	struct mark *mark = bpf_task_storage_get(&marks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (mark) {
		set_mark(mark, &slot->walk, container, mounts);
		mark->exe = exe;
	}
	if (mark && task->pid == task->tgid) {
		struct task_line line = {
			.container = container, .hash = exe, .pid = task->tgid, .ppid = task->real_parent->tgid,
			.uid = task->real_cred->uid.val, .mounts = mounts,
			.network = task->nsproxy->net_ns->ns.inum, .inner_pid = inner_pid_of(task),
			.length = mark->length,
		};
		bpf_probe_read_kernel(line.comm, NAME, &task->comm);
		bpf_probe_read_kernel(line.path, EXE, mark->path);
		bpf_seq_write(context->meta->seq, &line, sizeof(line));
	}
	give(slot);
	return 0;
}
