"""The pure part: a member's history as a fold of facts, and the tags and tiers decided from it."""
