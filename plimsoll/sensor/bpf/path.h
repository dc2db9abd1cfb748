/* Paths as the container sees them: a walk over dentries and mounts up to the task's root, or a text that a
 * program gave. Each step is a global function, which the verifier proves once and not once a round. */
#pragma once

#define NAMES (2 * DEPTH)
#define MOST_STEPS (DEPTH + 12) /* components, and mounts crossed */
#define TEXT_MASK (2 * PATH - 1)

/* Takes the name of the dentry in front and goes on to its parent; 1 at the end. */
__noinline int climb(struct walk *walk)
{
	if (!walk)
		return 1;
	struct dentry *dentry = walk->dentry;
	struct vfsmount *mount = walk->mount;
	if (dentry == walk->root && mount == walk->root_mount)
		return 1;
	struct dentry *typed = TYPED(dentry, struct dentry);
	struct dentry *parent = typed->d_parent;
	u32 length = typed->d_name.len & 255;
	const unsigned char *name = typed->d_name.name;

	if (dentry == walk->mount_root || dentry == parent) {
		struct mount *here = (void *)mount - bpf_core_field_offset(struct mount, mnt);
		struct mount *above = BPF_CORE_READ(here, mnt_parent);
		if (above != here && dentry == walk->mount_root) {
			mount = (void *)above + bpf_core_field_offset(struct mount, mnt);
			walk->dentry = BPF_CORE_READ(here, mnt_mountpoint);
			walk->mount = mount;
			walk->mount_root = BPF_CORE_READ(mount, mnt_root);
			return 0;
		}
		/* A memfd or pipe: a root with a name of its own. */
		u32 from = PATH - (length & 63);
		char letter = '/';
		bpf_probe_read_kernel(&letter, 1, name);
		if (walk->last == walk->first && length > 1 && letter != '/') {
			bpf_probe_read_kernel(&walk->text[from & TEXT_MASK], length & 63, name);
			walk->begin = from;
			walk->flags |= MEMFD;
		}
		return 1;
	}

	u32 begin = walk->begin - length - 1;
	if (walk->begin < length + 1 || !walk->first) {
		walk->flags |= TRUNCATED;
		return 1;
	}
	u32 from = (begin + 1) & (PATH - 1);
	bpf_probe_read_kernel(&walk->text[from], length, name);
	u64 state = 0;
	for (u32 at = 0; at < 256; at += 8) {
		if (at >= length)
			break;
		u64 word = *(u64 *)&walk->text[(from + at) & TEXT_MASK];
		if (length - at < 8)
			word &= (1ULL << ((length - at) & 7) * 8) - 1;
		state = mix(state, word);
	}
	u32 first = (walk->first - 1) & (NAMES - 1);
	walk->names[first] = mix(state, length);
	walk->at[first] = begin;
	walk->first = first;
	walk->text[begin & (PATH - 1)] = '/';
	walk->begin = begin;
	walk->dentry = parent;
	return 0;
}

static __always_inline void begin_walk(struct walk *walk)
{
	walk->first = walk->last = DEPTH;
	walk->begin = walk->end = PATH;
	walk->flags = 0;
	walk->start = walk->length = 0;
	walk->state = walk->word = 0;
}

/* Walks from a dentry up to the task's root. */
static __always_inline void walk_up(struct walk *walk, struct task_struct *task, struct dentry *dentry,
				    struct vfsmount *mount)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	walk->root = BPF_CORE_READ(fs, root.dentry);
	walk->root_mount = BPF_CORE_READ(fs, root.mnt);
	walk->dentry = dentry;
	walk->mount = mount;
	walk->mount_root = BPF_CORE_READ(mount, mnt_root);
	begin_walk(walk);
	for (u32 step = 0; step < MOST_STEPS; step++)
		if (climb(walk))
			return;
	walk->flags |= TRUNCATED;
}

/* Adds one letter of a text; a slash or the closing byte completes a component, `..` takes one away. */
__noinline int spell(struct walk *walk, u32 letter)
{
	if (!walk)
		return 1;
	u32 length = walk->length, end = walk->end;
	if (letter && letter != '/') {
		if (end >= 2 * PATH - 2) {
			walk->flags |= TRUNCATED;
			return 1;
		}
		if (!length) {
			walk->start = end;
			walk->text[end & TEXT_MASK] = '/';
			end++;
		}
		walk->text[end & TEXT_MASK] = letter;
		walk->end = end + 1;
		walk->word |= (u64)(letter & 255) << (length & 7) * 8;
		walk->length = length + 1;
		if ((length & 7) == 7) {
			walk->state = mix(walk->state, walk->word);
			walk->word = 0;
		}
		return 0;
	}
	u32 start = walk->start, last = walk->last;
	if (length == 1 && walk->text[(start + 1) & TEXT_MASK] == '.') {
		walk->end = start;
	} else if (length == 2 && walk->text[(start + 1) & TEXT_MASK] == '.' &&
		   walk->text[(start + 2) & TEXT_MASK] == '.') {
		walk->end = start;
		if (last > walk->first) {
			walk->last = last - 1;
			walk->end = walk->at[(last - 1) & (NAMES - 1)];
		}
	} else if (length) {
		if (last >= NAMES) {
			walk->flags |= TRUNCATED;
			return 1;
		}
		if (length & 7)
			walk->state = mix(walk->state, walk->word);
		walk->names[last & (NAMES - 1)] = mix(walk->state, length);
		walk->at[last & (NAMES - 1)] = start;
		walk->last = last + 1;
	}
	walk->length = 0;
	walk->state = walk->word = 0;
	return letter == 0;
}

#define MOST_LETTERS 512

/* Adds the text in walk->input behind what was walked. Symbolic links in it are not followed: by the time we
 * look, what it named may be gone. */
__noinline int spell_input(struct walk *walk)
{
	if (!walk)
		return 1;
	for (u32 at = 0; at < MOST_LETTERS; at++)
		if (spell(walk, (u8)walk->input[at]))
			return 0;
	walk->flags |= TRUNCATED;
	return 0;
}

/* Folds the names into walk->hash. A path too long to be known whole never equals one that is. */
__noinline int fold(struct walk *walk)
{
	if (!walk)
		return 1;
	u64 state = walk->flags & TRUNCATED ? K2 : 0;
	u32 first = walk->first, count = walk->last - first;
	for (u32 step = 0; step < NAMES && step < count; step++)
		state = mix(state, walk->names[(first + step) & (NAMES - 1)]);
	walk->hash = state;
	if (walk->end <= walk->begin && !(walk->flags & MEMFD)) { /* the root itself */
		walk->begin = PATH;
		walk->text[PATH] = '/';
		walk->end = PATH + 1;
	}
	return 0;
}

/* The path of an open file. */
static __always_inline void walk_file(struct walk *walk, struct task_struct *task, struct file *file)
{
	walk_up(walk, task, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt));
	fold(walk);
}

#define AT_CWD (-100)

static __always_inline struct file *opened_file(struct task_struct *task, s64 number)
{
	struct fdtable *table = task->files->fdt;
	if (number < 0 || number >= table->max_fds)
		return NULL;
	return (struct file *)WORDS(table->fd + number)->tv_sec;
}

/* The path that a program spelled in walk->input, from an open folder or its working directory. */
static __always_inline void walk_text(struct walk *walk, struct task_struct *task, s32 folder)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file = folder == AT_CWD ? NULL : opened_file(task, folder);
	if (walk->input[0] == '/')
		begin_walk(walk);
	else if (file)
		walk_up(walk, task, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt));
	else
		walk_up(walk, task, BPF_CORE_READ(fs, pwd.dentry), BPF_CORE_READ(fs, pwd.mnt));
	spell_input(walk);
	fold(walk);
}

/* Whether the patterns of a profile cover the path for this kind: a walk over edges, one component a step. */
__noinline int covered(struct walk *walk, u32 profile, u32 kind)
{
	if (!walk || walk->flags & TRUNCATED)
		return 0;
	struct edge edge = { .profile = profile };
	u32 first = walk->first, count = walk->last - first, mask = 1 << (kind & 15);
	for (u32 step = 0; step < NAMES && step < count; step++) {
		edge.component = walk->names[(first + step) & (NAMES - 1)];
		struct target *target = bpf_map_lookup_elem(&patterns, &edge);
		if (!target) {
			edge.component = 0;
			target = bpf_map_lookup_elem(&patterns, &edge);
		}
		if (!target)
			return 0;
		if (step + 1 == count)
			return !!(target->here & mask);
		if (target->below & mask)
			return 1;
		edge.node = target->node;
	}
	return 0;
}
