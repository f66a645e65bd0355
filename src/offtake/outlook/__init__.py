"""What may happen: uncertain quantities, sampled futures, path trees, and risk measures as re-weightings of paths. Decides nothing."""
