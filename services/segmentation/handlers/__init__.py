"""What segmentation does in one transaction: settle a batch, show a member, count an audience."""
