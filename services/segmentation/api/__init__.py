"""The edge of segmentation: HTTP."""
