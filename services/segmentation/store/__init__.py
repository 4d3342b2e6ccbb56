"""The only SQL of segmentation."""
