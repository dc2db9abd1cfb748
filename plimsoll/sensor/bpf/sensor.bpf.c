// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The sensor's programs as one object. The kernel lends its helpers only to programs under the GPL, hence the
 * second licence. */
#include "kernel.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define NULL ((void *)0)
#define bool _Bool
#define true 1
#define false 0

char LICENSE[] SEC("license") = "GPL";

#include "loads.h"
#include "shapes.h"
#include "maps.h"
#include "who.h"
#include "hash.h"
#include "path.h"
#include "judge.h"
#include "emit.h"
#include "exec.h"
#include "files.h"
#include "network.h"
#include "rare.h"
#include "lifecycle.h"
#include "isolate.h"
