/* Files: what is opened, made, moved and removed. */
#pragma once

#define WRITABLE 2              /* FMODE_WRITE */
#define MADE 0x100000           /* FMODE_CREATED */
#define TYPE_MASK 0xf000
#define IS_REGULAR 0x8000
#define IS_BLOCK 0x6000
#define IS_FOLDER 0x4000
#define IS_CHARACTER 0x2000
#define EPERM 1
#define EACCES 13
#define EROFS 30

/* An open file by pointers, not by inode: one inode has several paths, and overlayfs gives a number again. The
 * name's hash is salted with the parent's address, so a moved file is another one; a moved folder raises the epoch. */
static __always_inline u64 identity_of(struct file *file, u64 epoch)
{
	struct timespec64 *where = WORDS(&file->f_path); /* mount and dentry */
	u64 mount = where->tv_sec, place = where->tv_nsec;
	struct dentry *dentry = TYPED(place, struct dentry);
	u64 state = mix(place + epoch, dentry->d_name.hash_len);
	return mix(state, mount ^ dentry->d_parent->d_name.hash_len);
}

static __always_inline bool is_wanted_path(struct slot *slot, u32 kind)
{
	return is_wanted(kind) && covered(&slot->walk, RULES, kind);
}

/* Tells of a fact about slot->walk, and stops it where prevent mode may. */
static __always_inline void judge_path(struct slot *slot, struct who *who, struct task_struct *task, u32 kind,
				       bool known, bool wanted)
{
	struct event *event = &slot->event;
	u64 hash = slot->walk.hash;
	u32 stoppable = kind == READ ? 0 : who->binding->options & KILL_WRITE;
	int verdict = known ? SILENT : unknown(who->binding, slot, kind, hash, stoppable);
	if (verdict >= STOP)
		stop(slot, who->binding);
	verdict = heard(who->binding, slot, kind, hash, verdict, wanted);
	if (verdict != TELL && verdict != STOP)
		return;
	event->path = put_walk(event, &slot->walk);
	put_mark(event, who->mark);
	put_cwd(slot, task);
	describe(slot);
	tell(slot, who->binding);
}

static __always_inline bool path_known(struct slot *slot, struct binding *binding, u32 kind)
{
	return known(binding->profile, kind, slot->walk.hash) ||
	       (!STREAM && covered(&slot->walk, binding->profile, kind));
}

static __always_inline int judge_open(struct syscall_exit *call, struct task_struct *task, struct who *who,
				      struct control *ctl)
{
	struct file *raw = opened_file(task, call->result);
	if (!raw)
		return 0;
	struct file *file = TYPED(raw, struct file);
	struct inode *inode = file->f_inode;
	u32 kind = file->f_mode & WRITABLE ? WRITE : READ, type = inode->i_mode & TYPE_MASK;
	u64 open = mix(identity_of(file, ctl->epoch + (ctl->revision << 32)), (u64)who->binding->profile << 32 | kind);
	u32 place = open >> 32 & (OPENED - 1);
	u64 *last = bpf_map_lookup_elem(&opened, &place);
	if (!last)
		return 0;
	if (*last == open) {
		hit(who->binding); /* of a container runtime too, which does no harm */
		return 0;
	}
	if (!is_inside(task, who))
		return 0;
	if (type != IS_REGULAR && type != IS_FOLDER && type != IS_BLOCK && type != IS_CHARACTER)
		return 0;
	struct slot *slot = take();
	if (!slot)
		return 0;
	walk_file(&slot->walk, task, file);
	bool known = path_known(slot, who->binding, kind), wanted = is_wanted_path(slot, kind);
	if (known)
		hit(who->binding);
	if (known && !wanted) {
		*last = open;
	} else {
		open_event(slot, who->container);
		slot->event.number = call->number;
		slot->event.argument = file->f_flags;
		slot->event.result = call->result;
		slot->event.flags |= file->f_mode & MADE ? CREATED : 0;
		slot->event.flags |= type == IS_FOLDER ? DIRECTORY : 0;
		judge_path(slot, who, task, kind, known, wanted);
	}
	give(slot);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int on_open(struct syscall_exit *call)
{
	struct who who;
	struct task_struct *task = bpf_get_current_task_btf();
	if (call->result < 0 || !is_bound(task, &who))
		return 0;
	struct control *ctl = control();
	return ctl ? judge_open(call, task, &who, ctl) : 0;
}

static __always_inline u64 argument_of(struct task_struct *task, u32 number)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	switch (number) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->r10;
	case 4: return regs->r8;
	}
#else
	switch (number) {
	case 0: return regs->orig_x0;
	case 1: return regs->regs[1];
	case 2: return regs->regs[2];
	case 3: return regs->regs[3];
	case 4: return regs->regs[4];
	}
#endif
	return 0;
}

/* Walks the path that argument `path` spells, from the folder in argument `folder`. */
static __always_inline bool walk_argument(struct slot *slot, struct task_struct *task, u32 path, u32 folder)
{
	s32 base = folder == NO_ARGUMENT ? AT_CWD : (s32)argument_of(task, folder);
	if (bpf_probe_read_user_str(slot->walk.input, PATH, (void *)argument_of(task, path)) <= 1)
		return false;
	walk_text(&slot->walk, task, base);
	return true;
}

/* One side of a call on names; `beside` is the other, for people. */
static __always_inline void judge_name(struct slot *slot, struct who *who, struct task_struct *task,
				       struct syscall_exit *call, u32 kind, u64 beside)
{
	struct event *event = &slot->event;
	bool known = path_known(slot, who->binding, kind), wanted = is_wanted_path(slot, kind);
	if (known) {
		hit(who->binding);
		if (!wanted)
			return;
	}
	open_event(slot, who->container);
	event->number = call->number;
	event->result = call->result;
	if (beside) {
		u32 at = event->used & (TEXTS - 1);
		s64 length = bpf_probe_read_user_str(&event->texts[at], PATH, (void *)beside);
		if (length > 1) {
			event->other = (struct text){ at, length - 1 };
			event->used = at + ((length - 1) & (PATH - 1));
		}
	}
	judge_path(slot, who, task, kind, known, wanted);
}

/* unlink, rename, link, mkdir, chmod … : calls that name their files. What failed for another reason than a
 * refusal changed nothing and tells nothing. */
static __always_inline int judge_names(struct syscall_exit *call, struct task_struct *task, struct who *who,
				       struct rare *rare)
{
	if (call->result < 0 && call->result != -EPERM && call->result != -EACCES && call->result != -EROFS)
		return 0;
	struct slot *slot = take();
	if (!slot)
		return 0;
	bool two = rare->other != NO_ARGUMENT;
	u32 kind = rare->kind;
	if (kind == RENAME) {
		struct control *ctl = control();
		if (ctl)
			__sync_fetch_and_add(&ctl->epoch, 1);
		kind = DELETE;
	}
	if (walk_argument(slot, task, rare->path, rare->folder))
		judge_name(slot, who, task, call, kind, two ? argument_of(task, rare->other) : 0);
	if (two && walk_argument(slot, task, rare->other, rare->other_folder))
		judge_name(slot, who, task, call, WRITE, argument_of(task, rare->path));
	give(slot);
	return 0;
}
