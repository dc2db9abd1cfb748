/* Which container a task belongs to, and whether it is judged at all. */
#pragma once

#define V1 (1ULL << 63)

/* The id of its cgroup; where it sits in the root of v2, that of the v1 pids controller, marked by the top bit.
 * 0 is the host. */
static __always_inline u64 container_of_task(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	u64 id = set->dfl_cgrp->kn->id;
	if (id > 1)
		return id;
	u32 pids = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	void *states = (void *)set + bpf_core_field_offset(struct css_set, subsys);
	u64 state = WORDS(states + pids * sizeof(void *))->tv_sec;
	id = TYPED(state, struct cgroup_subsys_state)->cgroup->kn->id;
	return id > 1 ? id | V1 : 0;
}

struct who {
	u64 container;
	struct binding *binding;
	struct mark *mark;
};

/* Whether its container is judged, by a profile of its own. */
static __always_inline bool is_bound(struct task_struct *task, struct who *who)
{
	who->container = container_of_task(task);
	who->binding = who->container ? bpf_map_lookup_elem(&containers, &who->container) : NULL;
	return who->binding && who->binding->mode != OFF;
}

/* A container runtime joins the container's cgroup long before it becomes the container's program: mounting,
 * masking, dropping rights. None of that is the workload's doing. A task is judged from its first exec inside
 * the container on, and its children with it. */
static __always_inline bool is_inside(struct task_struct *task, struct who *who)
{
	who->mark = bpf_task_storage_get(&marks, task, 0, 0);
	return who->mark && who->mark->container == who->container;
}

static __always_inline bool judged(struct task_struct *task, struct who *who)
{
	return is_bound(task, who) && is_inside(task, who);
}
