/* The kernel's structures as far as we read them. CO-RE finds each field in the running kernel by its
 * name, so a list of our own needs no headers of any kernel, at build or on the node. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};
struct cgroup_root {
	int hierarchy_id;
	u32 subsys_mask;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct css_set {
	struct cgroup_subsys_state *subsys[4];
	struct cgroup *dfl_cgrp;
};
enum cgroup_subsys_id { pids_cgrp_id = 11 };

struct qstr {
	union {
		struct {
			u32 hash;
			u32 len;
		};
		u64 hash_len;
	};
	const unsigned char *name;
};
struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};
struct inode {
	u16 i_mode;
	u32 i_nlink;
	struct super_block *i_sb;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct fs_struct {
	struct path root;
	struct path pwd;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	u32 f_flags;
	u32 f_mode;
	void *private_data;
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
};
/* Stands for any two words of memory that are to be read as numbers. */
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};
struct files_struct {
	struct fdtable *fdt;
};

struct ns_common {
	u32 inum;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
};
struct upid {
	int nr;
};
struct pid {
	u32 level;
	struct upid numbers[1];
};
typedef struct {
	u32 val;
} kuid_t;
struct cred {
	kuid_t uid;
};
struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};
struct tty_driver {
	int major;
	int minor_start;
};
struct tty_struct {
	struct tty_driver *driver;
	int index;
};
struct signal_struct {
	struct tty_struct *tty;
};
struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	const struct cred *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct css_set *cgroups;
};
struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

struct in6_addr {
	u8 bytes[16];
} __attribute__((aligned(4)));
struct sock_common {
	u32 skc_daddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr;
};
struct sock {
	struct sock_common __sk_common;
};
struct socket {
	struct sock *sk;
};
struct io_kiocb {
	u8 opcode;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
};
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
};
#else
#error "the sensor knows the registers of x86 and arm64 only"
#endif

#pragma clang attribute pop

/* What a syscalls:sys_exit_* tracepoint hands over: its format file is the contract. */
struct syscall_exit {
	u64 head;
	s32 number;
	u32 gap;
	s64 result;
};
