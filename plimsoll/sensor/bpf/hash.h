/* The hashes of names and addresses. Twin: plimsoll/sensor/hashes.py. */
#pragma once

#define K1 0x9E3779B97F4A7C15ULL
#define K2 0xC2B2AE3D27D4EB4FULL

static __always_inline u64 mix(u64 state, u64 value)
{
	state ^= value * K2;
	state = (state << 31) | (state >> 33);
	return state * K1;
}

static __always_inline u64 hash_port(u32 port, u32 protocol)
{
	return mix(0, (u64)protocol << 32 | port);
}

/* An end is 16 bytes in network order; IPv4 in its mapped form. */
static __always_inline u64 hash_end(const u64 address[2], u32 port, u32 protocol)
{
	return mix(mix(hash_port(port, protocol), address[0]), address[1]);
}

static __always_inline bool is_mapped(const u64 address[2])
{
	return !address[0] && (u32)address[1] == 0xffff0000u;
}

/* The same for its /24 or /64. */
static __always_inline u64 hash_network(const u64 address[2], u32 port, u32 protocol)
{
	u64 net[2] = { address[0], is_mapped(address) ? address[1] & 0x00ffffffffffffffULL : 0 };
	return hash_end(net, port, protocol);
}

static __always_inline void map_address(u64 address[2], u32 v4)
{
	address[0] = 0;
	address[1] = 0xffff0000ULL | (u64)v4 << 32;
}
