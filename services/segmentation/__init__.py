"""Segmentation: who is this member? Features, tags and tiers, each with its reason and its end."""
