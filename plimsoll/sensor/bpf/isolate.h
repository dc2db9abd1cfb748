/* Packets: the names a container asks for, and the cut of a container's network. Attached at the root of cgroup
 * v2, so every packet of the node passes: what is not looked for leaves after two comparisons. */
#pragma once

#define ETH_IPV4 0x0800
#define ETH_IPV6 0x86dd
#define UDP 17
#define DNS_PORT 53
#define DNS_HEADER 12
#define LONGEST_NAME 255

struct ipv4_header {
	u8 version_length, service;
	u16 length, id, fragment;
	u8 ttl, protocol;
	u16 checksum;
	u32 source, target;
};
struct ipv6_header {
	u32 flow;
	u16 length;
	u8 next, hops;
	u64 source[2], target[2];
};
struct udp_header {
	u16 source, target, length, checksum;
};

struct packet {
	u64 source[2], target[2];
	u32 protocol, offset;
};

static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *packet)
{
	if (skb->protocol == bpf_htons(ETH_IPV4)) {
		struct ipv4_header ip;
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
			return false;
		map_address(packet->source, ip.source);
		map_address(packet->target, ip.target);
		packet->protocol = ip.protocol;
		packet->offset = (ip.version_length & 15) * 4;
		return true;
	}
	struct ipv6_header ip;
	if (skb->protocol != bpf_htons(ETH_IPV6) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return false;
	__builtin_memcpy(packet->source, ip.source, 16);
	__builtin_memcpy(packet->target, ip.target, 16);
	packet->protocol = ip.next;
	packet->offset = sizeof(ip);
	return true;
}

/* Whether an isolated container may have this packet: loopback, and those who ask after its health. */
static __always_inline bool may_pass(struct __sk_buff *skb, bool out)
{
	u64 container = bpf_skb_cgroup_id(skb);
	struct packet packet;
	if (!bpf_map_lookup_elem(&isolated, &container))
		return true;
	if (!read_packet(skb, &packet))
		return false;
	u64 peer[2];
	__builtin_memcpy(peer, out ? packet.target : packet.source, 16);
	return is_loopback(peer) || bpf_map_lookup_elem(&probes, peer);
}

static __always_inline void add_letter(struct spelling *name, u32 letter)
{
	name->word |= (u64)letter << (name->length & 7) * 8;
	name->length++;
	if (!(name->length & 7)) {
		name->state = mix(name->state, name->word);
		name->word = 0;
	}
}

static __always_inline u64 finish(struct spelling *name)
{
	return mix(name->length & 7 ? mix(name->state, name->word) : name->state, name->length);
}

/* Adds one byte of a DNS question to its name: a label's length, or a letter of it. 1 at the end. */
__noinline int ask(struct question *question, u32 byte)
{
	if (!question)
		return 1;
	byte &= 255;
	if (question->left) {
		question->left--;
		if (byte >= 'A' && byte <= 'Z')
			byte += 'a' - 'A';
	} else {
		if (!byte || byte > 63)
			return 1;
		question->left = byte;
		if (++question->labels == 1)
			return 0;
		byte = '.';
	}
	add_letter(&question->whole, byte);
	if (question->labels > 2 || (question->labels == 2 && byte != '.'))
		add_letter(&question->zone, byte);
	return 0;
}

/* Hashes the name that a DNS message asks for, whole and without its first label. */
static __always_inline void hash_question(struct slot *slot, u32 length)
{
	__builtin_memset(&slot->question, 0, sizeof(slot->question));
	for (u32 n = 0; n < LONGEST_NAME && DNS_HEADER + n < length; n++)
		if (ask(&slot->question, (u8)slot->walk.input[DNS_HEADER + n]))
			return;
}

static __always_inline void tell_dns(struct __sk_buff *skb, struct packet *packet, bool out)
{
	u64 container = bpf_skb_cgroup_id(skb), whole, zone;
	struct binding *binding = bpf_map_lookup_elem(&containers, &container);
	u32 from = packet->offset + sizeof(struct udp_header);
	if (!binding || binding->mode == OFF || skb->len < from + DNS_HEADER)
		return;
	u32 length = skb->len - from;
	if (length > ARGS)
		length = ARGS;
	struct slot *slot = take();
	if (!slot)
		return;
	struct event *event = &slot->event;
	length &= 1023;
	if (length < DNS_HEADER || length > ARGS || bpf_skb_load_bytes(skb, from, slot->walk.input, length))
		goto out;
	hash_question(slot, length);
	whole = finish(&slot->question.whole);
	zone = finish(&slot->question.zone);
	u32 profile = binding->profile;
	if (out && (known(profile, DNS, whole) || known(profile, DNS_ZONE, zone))) {
		hit(binding);
		goto out;
	}
	open_event(slot, container);
	if (unknown(binding, slot, out ? DNS : ANSWER, whole, 0) == TELL) {
		put_end(event, out ? packet->target : packet->source, DNS_PORT, UDP);
		event->time = bpf_ktime_get_boot_ns();
		event->args = put(event, slot->walk.input, length);
		event->parent = zone;
		tell(slot, binding);
	}
out:
	give(slot);
}

static __always_inline void look_for_dns(struct __sk_buff *skb, bool out)
{
	struct packet packet;
	struct udp_header udp;
	if (!read_packet(skb, &packet) || packet.protocol != UDP ||
	    bpf_skb_load_bytes(skb, packet.offset, &udp, sizeof(udp)))
		return;
	if ((out ? udp.target : udp.source) == bpf_htons(DNS_PORT))
		tell_dns(skb, &packet, out);
}

static __always_inline int on_packet(struct __sk_buff *skb, bool out)
{
	struct control *ctl = control();
	if (ctl && ctl->isolating && !may_pass(skb, out))
		return REFUSE;
	look_for_dns(skb, out);
	return PASS;
}

SEC("cgroup_skb/egress") int on_egress(struct __sk_buff *skb) { return on_packet(skb, true); }
SEC("cgroup_skb/ingress") int on_ingress(struct __sk_buff *skb) { return on_packet(skb, false); }
