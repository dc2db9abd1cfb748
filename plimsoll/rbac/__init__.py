"""Rights granted against rights used: what RBAC allows, what the audit log shows of it, and what would be enough."""
