/* The network: whom a container connects to, where it listens, who calls it. Attached once at the root of cgroup
 * v2, where every process passes; the container is found from the task, so v1 and v2 are the same to us. */
#pragma once

#define PASS 1
#define REFUSE 0
#define TCP 6
#define IPV6 10

static __always_inline void put_end(struct event *event, const u64 address[2], u32 port, u32 protocol)
{
	__builtin_memcpy(event->address, address, 16);
	event->port = port;
	event->protocol = protocol;
}

static __always_inline bool is_loopback(const u64 address[2])
{
	return is_mapped(address) ? (address[1] >> 32 & 255) == 127 : !address[0] && address[1] == 1ULL << 56;
}

/* Judges a connection by its exact end, its network, or its port alone: any of them makes it known. */
static __always_inline int judge_end(const u64 address[2], u32 port, u32 protocol)
{
	struct who who;
	struct task_struct *task = bpf_get_current_task_btf();
	int result = PASS;
	if ((!STREAM && is_loopback(address)) || !judged(task, &who)) /* itself is always known to it */
		return PASS;
	u64 hash = hash_end(address, port, protocol);
	u32 profile = who.binding->profile;
	bool wanted = is_wanted(CONNECT);
	bool is_known = known(profile, CONNECT, hash) ||
			known(profile, CONNECT_NET, hash_network(address, port, protocol)) ||
			known(profile, CONNECT_PORT, hash_port(port, protocol));
	if (is_known) {
		hit(who.binding);
		if (!wanted)
			return PASS;
	}
	struct slot *slot = take();
	if (!slot)
		return PASS;
	open_event(slot, who.container);
	int verdict = is_known ? SILENT : unknown(who.binding, slot, CONNECT, hash, 1);
	if (verdict >= STOP) {
		slot->event.flags |= DENIED;
		__sync_fetch_and_add(&who.binding->denies, 1);
		result = REFUSE;
	}
	verdict = heard(who.binding, slot, CONNECT, hash, verdict, wanted);
	if (verdict == TELL || verdict == STOP) {
		put_end(&slot->event, address, port, protocol);
		put_mark(&slot->event, who.mark);
		put_cwd(slot, task);
		describe(slot);
		tell(slot, who.binding);
	}
	give(slot);
	return result;
}

static __always_inline int judge_v4(struct bpf_sock_addr *end)
{
	u64 address[2];
	map_address(address, end->user_ip4);
	return judge_end(address, bpf_ntohs(end->user_port), end->protocol);
}

static __always_inline int judge_v6(struct bpf_sock_addr *end)
{
	u64 address[2] = { end->user_ip6[0] | (u64)end->user_ip6[1] << 32,
			   end->user_ip6[2] | (u64)end->user_ip6[3] << 32 };
	return judge_end(address, bpf_ntohs(end->user_port), end->protocol);
}

SEC("cgroup/connect4") int on_connect4(struct bpf_sock_addr *end) { return judge_v4(end); }
SEC("cgroup/connect6") int on_connect6(struct bpf_sock_addr *end) { return judge_v6(end); }
SEC("cgroup/sendmsg4") int on_send4(struct bpf_sock_addr *end) { return judge_v4(end); }
SEC("cgroup/sendmsg6") int on_send6(struct bpf_sock_addr *end) { return judge_v6(end); }

#define TCP_LISTENS 10

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, const struct sock *sock, s32 before, s32 after)
{
	struct who who;
	struct task_struct *task = bpf_get_current_task_btf();
	if (after != TCP_LISTENS || !judged(task, &who))
		return 0;
	u32 port = sock->__sk_common.skc_num;
	u64 hash = hash_port(port, TCP);
	bool is_known = known(who.binding->profile, LISTEN, hash), wanted = is_wanted(LISTEN);
	if (is_known) {
		hit(who.binding);
		if (!wanted)
			return 0;
	}
	struct slot *slot = take();
	if (!slot)
		return 0;
	open_event(slot, who.container);
	int verdict = is_known ? SILENT : unknown(who.binding, slot, LISTEN, hash, who.binding->options & KILL_LISTEN);
	if (verdict >= STOP)
		stop(slot, who.binding);
	verdict = heard(who.binding, slot, LISTEN, hash, verdict, wanted);
	if (verdict == TELL || verdict == STOP) {
		slot->event.local_port = port;
		slot->event.protocol = TCP;
		put_mark(&slot->event, who.mark);
		put_cwd(slot, task);
		describe(slot);
		tell(slot, who.binding);
	}
	give(slot);
	return 0;
}

/* Who called: the first of each network on each port. */
SEC("tp/syscalls/sys_exit_accept4")
int on_accept(struct syscall_exit *call)
{
	struct who who;
	struct task_struct *task = bpf_get_current_task_btf();
	if (call->result < 0 || !judged(task, &who))
		return 0;
	struct file *file = opened_file(task, call->result);
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sock = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sock, __sk_common.skc_family), port = BPF_CORE_READ(sock, __sk_common.skc_num);
	u64 address[2];
	if (family == IPV6)
		bpf_core_read(address, sizeof(address), &sock->__sk_common.skc_v6_daddr);
	else if (family == 2)
		map_address(address, BPF_CORE_READ(sock, __sk_common.skc_daddr));
	else
		return 0;
	u64 hash = hash_network(address, port, TCP);
	bool is_known = known(who.binding->profile, ACCEPT, hash), wanted = is_wanted(ACCEPT);
	if (is_known) {
		hit(who.binding);
		if (!wanted)
			return 0;
	}
	struct slot *slot = take();
	if (!slot)
		return 0;
	open_event(slot, who.container);
	int verdict = is_known ? SILENT : unknown(who.binding, slot, ACCEPT, hash, 0);
	if (heard(who.binding, slot, ACCEPT, hash, verdict, wanted) == TELL) {
		put_end(&slot->event, address, bpf_ntohs(BPF_CORE_READ(sock, __sk_common.skc_dport)), TCP);
		slot->event.local_port = port;
		put_mark(&slot->event, who.mark);
		describe(slot);
		tell(slot, who.binding);
	}
	give(slot);
	return 0;
}
