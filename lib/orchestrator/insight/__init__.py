"""Looking back: what was spent, and who should hear of it."""
