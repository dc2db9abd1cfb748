"""How good the alerts are: what a recording's labels say, beside what was told."""
