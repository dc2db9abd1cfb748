/* Loads from kernel memory through pointers that the verifier knows no type of. */
#pragma once

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym;
#define TYPED(pointer, type) ((type *)bpf_rdonly_cast((void *)(pointer), bpf_core_type_id_kernel(type)))
/* Words of kernel memory as numbers, which may be calculated with; a load, where a helper would cost a call. */
#define WORDS(pointer) TYPED(pointer, struct timespec64)
