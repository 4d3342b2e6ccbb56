"""The services: ingest, points, segmentation, notify. None imports another."""
