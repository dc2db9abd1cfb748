/* Rare and telling system calls. One program, attached to the exit of each: other calls pay nothing. */
#pragma once

#define ENOSYS 38

static __always_inline int judge_call(struct syscall_exit *call, struct task_struct *task, struct who *who,
				      struct rare *rare)
{
	u64 argument = rare->argument == NO_ARGUMENT ? 0 : argument_of(task, rare->argument);
	u64 hash = mix(who->mark->exe, mix(call->number, argument));
	if (call->result == -ENOSYS)
		return 0;
	bool is_known = known(who->binding->profile, SYSCALL, hash), wanted = is_wanted(SYSCALL);
	if (is_known) {
		hit(who->binding);
		if (!wanted)
			return 0;
	}
	struct slot *slot = take();
	if (!slot)
		return 0;
	struct event *event = &slot->event;
	open_event(slot, who->container);
	int verdict = is_known ? SILENT : unknown(who->binding, slot, SYSCALL, hash, 0);
	if (heard(who->binding, slot, SYSCALL, hash, verdict, wanted) == TELL) {
		event->number = call->number;
		event->argument = argument;
		event->result = call->result;
		if (rare->text != NO_ARGUMENT) {
			s64 length = bpf_probe_read_user_str(event->texts, PATH, (void *)argument_of(task, rare->text));
			if (length > 1) {
				event->path.length = length - 1;
				event->used = (length - 1) & (PATH - 1);
			}
		}
		put_mark(event, who->mark);
		put_cwd(slot, task);
		describe(slot);
		tell(slot, who->binding);
	}
	give(slot);
	return 0;
}

SEC("tp/syscalls/sys_exit_mount")
int on_rare(struct syscall_exit *call)
{
	struct who who;
	u32 number = call->number;
	struct rare *rare = bpf_map_lookup_elem(&rares, &number);
	struct task_struct *task = bpf_get_current_task_btf();
	if (!rare || !rare->on || !judged(task, &who))
		return 0;
	if (rare->kind == SYSCALL)
		return judge_call(call, task, &who, rare);
	return judge_names(call, task, &who, rare);
}

/* io_uring: what runs in its ring passes no system call. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_ring, struct io_kiocb *request)
{
	struct who who;
	struct task_struct *task = bpf_get_current_task_btf();
	if (!judged(task, &who))
		return 0;
	u32 operation = request->opcode;
	u64 hash = mix(0, operation);
	if (known(who.binding->profile, URING, hash)) {
		hit(who.binding);
		return 0;
	}
	struct slot *slot = take();
	if (!slot)
		return 0;
	open_event(slot, who.container);
	int verdict = unknown(who.binding, slot, URING, hash, who.binding->options & KILL_URING);
	if (verdict >= STOP)
		stop(slot, who.binding);
	if (verdict == TELL || verdict == STOP) {
		slot->event.number = operation;
		put_mark(&slot->event, who.mark);
		describe(slot);
		tell(slot, who.binding);
	}
	give(slot);
	return 0;
}
