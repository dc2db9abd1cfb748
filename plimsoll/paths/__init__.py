"""Attack paths: what an attacker who holds one thing of a cluster gains next, and the walks from a foothold to what matters."""
