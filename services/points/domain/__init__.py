"""What points decides, as pure functions of facts and program.

facts → machine (rating, refunds) → moves → posting (transfers, lots, accounts).
"""
