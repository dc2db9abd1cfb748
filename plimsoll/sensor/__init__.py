"""The node sensor: watches every container of a node, keeps its profile in the kernel, tells what is new and stops it there."""
