/* The judgement: is a fact in the profile, and if not, what is done about it. One code path for all modes, so
 * that what alert mode says it would stop is what prevent mode stops. */
#pragma once

#define SECOND 1000000000ULL
#define TELL_AGAIN (10 * SECOND)
#define STOP_AGAIN (1 * SECOND)
#define BUDGET_PERIOD (60 * SECOND)
#define SHARE_PERIOD (SECOND / 2000) /* a container may tell 2000 events a second */
#define SHARE_BURST SECOND           /* and as many at once after a quiet second */
#define EIGHTH (RING / 8)

#ifndef STREAM
#define STREAM 0 /* 1 tells everything and judges nothing, as sensors without a profile do: to compare with */
#endif

enum verdict { SILENT, TELL, STOP, STOP_SILENTLY };

static __always_inline bool known(u32 profile, u32 kind, u64 hash)
{
	struct fact fact = { profile, kind, hash };
	return !STREAM && bpf_map_lookup_elem(&allow, &fact);
}

/* Break glass, and the dead man's switch: without a living agent nobody could let go what we stop. */
static __always_inline bool armed(u64 now)
{
	struct control *ctl = control();
	if (!ctl || !ctl->enforce)
		return false;
	return !ctl->max_silence || now - ctl->heartbeat < ctl->max_silence;
}

/* Takes one of the profile's stops for this minute; a fact that was stopped in it already takes none. */
static __always_inline bool spend(u32 id, bool again, u64 now)
{
	struct profile *profile = bpf_map_lookup_elem(&profiles, &id);
	if (!profile || !profile->budget || again)
		return true;
	if (now - profile->since > BUDGET_PERIOD) {
		profile->since = now;
		profile->tokens = profile->budget;
	}
	if (!profile->tokens)
		return false;
	__sync_fetch_and_add(&profile->tokens, -1);
	return true;
}

/* What was said of a fact is kept for each container, apart for telling and for stopping. */
static __always_inline struct fact said_of(struct binding *binding, u32 kind, u64 hash, u64 container, u32 stopped)
{
	return (struct fact){ binding->profile, kind | stopped << 16, mix(hash, container) };
}

/* Whether a container may tell; who floods is turned away before an event is made for it. */
static __always_inline bool may_tell(struct binding *binding, u64 now)
{
	if (binding->spoken <= now + SHARE_BURST)
		return true;
	__sync_fetch_and_add(&binding->drops, 1);
	lose(OVER_SHARE);
	return false;
}

/* Whether rules ask for this kind of act, whatever the profile knows of it. */
static __always_inline bool is_wanted(u32 kind)
{
	struct control *ctl = control();
	return ctl && ctl->wanted >> (kind & 31) & 1;
}

/* Judges a fact that is not in the profile. */
__noinline int unknown(struct binding *binding, struct slot *slot, u32 kind, u64 hash, u32 stoppable)
{
	if (!binding || !slot)
		return SILENT;
	struct event *event = &slot->event;
	u64 now = bpf_ktime_get_boot_ns(), container = event->container;
	u32 mode = binding->mode;
	event->kind = kind;
	event->hash = hash;
	event->flags |= NEW;
	__sync_fetch_and_add(&binding->misses, 1);
	if (binding->options & UNBOUND) {
		event->flags |= PROVISIONAL;
		return may_tell(binding, now) ? TELL : SILENT;
	}
	if (mode == LEARN)
		return may_tell(binding, now) ? TELL : SILENT;

	bool stop = false;
	if (stoppable && mode == PREVENT && armed(now)) {
		struct fact stopped = said_of(binding, kind, hash, container, 1);
		u64 *last = bpf_map_lookup_elem(&told, &stopped);
		u64 spent = last ? *last : 0;
		stop = spend(binding->profile, spent && now - spent < BUDGET_PERIOD, now);
		if (!stop) {
			event->flags |= SUPPRESSED;
			__sync_fetch_and_add(&binding->suppressed, 1);
		} else if (!spent || now - spent >= STOP_AGAIN) {
			bpf_map_update_elem(&told, &stopped, &now, BPF_ANY);
			return STOP;
		} else {
			return STOP_SILENTLY;
		}
	} else if (stoppable) {
		event->flags |= WOULD_STOP;
	}
	struct fact said = said_of(binding, kind, hash, container, 0);
	u64 *last = bpf_map_lookup_elem(&told, &said);
	/* Who enters from outside comes by hand: each time is told. */
	u64 again = event->flags & ENTERED ? STOP_AGAIN : TELL_AGAIN;
	if (last && now - *last < again)
		return SILENT;
	return may_tell(binding, now) ? TELL : SILENT;
}

/* What rules ask for is told though the profile has nothing to say of it. Without NEW it teaches and alarms nobody. */
static __always_inline int heard(struct binding *binding, struct slot *slot, u32 kind, u64 hash, int verdict, bool wanted)
{
	struct event *event = &slot->event;
	if (verdict == TELL || verdict == STOP || !wanted || !may_tell(binding, bpf_ktime_get_boot_ns()))
		return verdict;
	event->kind = kind;
	event->hash = hash;
	event->flags &= ~NEW;
	return TELL;
}

/* After an event was told: learn mode adds the fact, the other modes are quiet about it for a while. A fact that
 * could not be told is not learned, so that user space never lacks the name of one. */
static __always_inline void remember(struct binding *binding, struct event *event)
{
	if (STREAM || binding->options & UNBOUND || !(event->flags & NEW))
		return;
	if (binding->mode == LEARN) {
		struct fact fact = { binding->profile, event->kind, event->hash };
		u32 one = 1;
		struct profile *profile = bpf_map_lookup_elem(&profiles, &fact.profile);
		if (!(event->flags & FULL) && !bpf_map_update_elem(&allow, &fact, &one, BPF_NOEXIST) && profile)
			__sync_fetch_and_add(&profile->facts, 1);
		return;
	}
	u64 now = bpf_ktime_get_boot_ns();
	struct fact said = said_of(binding, event->kind, event->hash, event->container, 0);
	bpf_map_update_elem(&told, &said, &now, BPF_ANY);
}

/* After an event of a stop was lost: the next stop is told, at no cost to the budget. */
static __always_inline void stay_due(struct binding *binding, struct event *event)
{
	u64 then = bpf_ktime_get_boot_ns() - STOP_AGAIN;
	struct fact stopped = said_of(binding, event->kind, event->hash, event->container, 1);
	if (event->flags & (KILLED | DENIED))
		bpf_map_update_elem(&told, &stopped, &then, BPF_ANY);
}

static __always_inline bool is_full(struct binding *binding)
{
	struct profile *profile = bpf_map_lookup_elem(&profiles, &binding->profile);
	return binding->mode == LEARN && profile && profile->facts >= PROFILE_FACTS;
}

/* Statistics, and racing at that: an atomic add would cost a tenth of the whole look-up. */
static __always_inline void hit(struct binding *binding)
{
	binding->hits++;
}
