"""What the cluster is made of: its objects over time, and which workload an address, a container or a pod's name was."""
