"""Detection: what is outside the profile, how much that weighs, and the story it makes."""
