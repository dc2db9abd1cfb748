"""Learning: facts become a profile, profiles become one profile, and how much is still unseen."""
