"""What segmentation does in one transaction: write effects, show a member, count an audience."""
